"""Studies of ``simulate …``, ``place …`` or ``fleet …``, which are read as these commands read them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energyprof.cli.options import given
from energyprof.cli.quoted import read as read_words
from energyprof.errors import UsageError

if TYPE_CHECKING:
    from energyprof.study.plan import Plan

INTERRUPTED = 130
# How a command's result is shown is the study's affair.
_SHOWN = ("json", "html")


def to_simulate(plan: Plan, measuring: Sequence[str]) -> Plan:
    """The plan with its files' digests. Raises UsageError: it was said how to measure; FileError."""
    from energyprof.study.simulations import with_inputs

    if measuring:
        raise UsageError(f"{measuring[0]}: nothing is measured in a simulation: leave it out")
    return with_inputs(plan)


def simulated(plan: Plan, folder: Path, say: Callable[[str], None]) -> int:
    """Compute what the folder does not hold yet; the exit code. Raises UsageError, FileError."""
    from energyprof.study.simulations import simulate_all

    try:
        found = simulate_all(plan, folder, prepared, say)
    except KeyboardInterrupt:
        print(f"{folder}: not all is done: the same command goes on", file=sys.stderr)
        return INTERRUPTED
    return 2 if all(cell.problem for cell in found) else 0


def prepared(words: Sequence[str]) -> Callable[[], str]:
    """What computes the command in ``words``, as its own JSON, once the files that it names are read.

    Raises:
        UsageError: an option is unknown or missing, or the files do not fit.
        FileError: one cannot be read.
    """
    name, context = words[0], read_words(words)
    if own := [option for option in _SHOWN if option in given(context)]:
        raise UsageError(f"--{own[0]}: is of study show; leave it out of the plan's command")
    asked = context.params
    if name == "simulate":
        return _simulation(asked)
    return _placement(asked) if name == "place" else _fleet(asked)


def _simulation(asked: dict[str, Any]) -> Callable[[], str]:
    from energyprof.cli.simulate import prepared as read
    from energyprof.formats.simulation_data import simulation_json

    ready = read(Path(asked["scenario"]), asked["changes"] or (), asked["assume"] or (), asked["dials"] or ())
    return lambda: simulation_json(ready())


def _placement(asked: dict[str, Any]) -> Callable[[], str]:
    from energyprof.cli.place import prepared as read
    from energyprof.formats.placement import placement_json

    job, sites = Path(asked["job"]), Path(asked["sites"])
    forecast = (asked["reach"], asked["error"], asked["seed"])
    ready = read(job, sites, *forecast, asked["changes"] or ())
    return lambda: placement_json(ready())


def _fleet(asked: dict[str, Any]) -> Callable[[], str]:
    from energyprof.cli.fleet import prepared as read
    from energyprof.formats.fleet import fleet_json

    ready = read(Path(asked["scenario"]), asked["changes"] or ())
    return lambda: fleet_json(ready(lambda line: None))
