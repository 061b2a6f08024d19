"""How to measure as options of a command: all commands that measure have the same."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from energyprof.cli.metering import Metering
from energyprof.cli.options import Calibrations, Idle, Interval, Machine, Meters, MeterTest, RequirePower

_OPTIONS = {
    "meters": Meters,
    "require_power": RequirePower,
    "interval": Interval,
    "idle": Idle,
    "calibration": Calibrations,
    "meter_test": MeterTest,
    "machine": Machine,
}


def with_metering(command: Callable[..., None]) -> Callable[..., None]:
    """The command, whose parameter ``metering`` is the options that it consists of; its default is theirs."""

    @functools.wraps(command)
    def measured(*words: Any, **options: Any) -> None:
        said = {name: options.pop(name) for name in _OPTIONS}
        said["calibration"] = tuple(said["calibration"] or ())
        command(*words, metering=Metering(**said), **options)

    signature = inspect.signature(command, eval_str=True)
    parameters = [
        parameter
        for own in signature.parameters.values()
        for parameter in (_parameters(own.default) if own.name == "metering" else [own])
    ]
    measured.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return measured


def _parameters(usual: Metering) -> list[inspect.Parameter]:
    defaults = {**usual._asdict(), "calibration": None}  # Typer takes no tuple as a list's default
    return [
        inspect.Parameter(
            name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=defaults[name], annotation=option
        )
        for name, option in _OPTIONS.items()
    ]
