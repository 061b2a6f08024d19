"""How to measure, as the options of a command say it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from energyprof.cli.checked import IDLE_S, INTERVAL_S


class Metering(NamedTuple):
    """What the options of measuring say, which many commands share; by default what they say unasked."""

    meters: str = "auto"
    require_power: bool = False
    interval: float = INTERVAL_S
    idle: float = IDLE_S
    calibration: Sequence[Path] = ()
    meter_test: Path | None = None
    machine: str = ""

    def words(self) -> list[str]:
        """The options as they are typed, for a job that runs elsewhere; those that are as usual left out."""
        words: list[str] = []
        for name, value in self._asdict().items():
            if value == self._field_defaults[name]:
                continue
            option = f"--{name.replace('_', '-')}"
            if value is True:
                words.append(option)
                continue
            for one in value if isinstance(value, (tuple, list)) else [value]:
                words += [option, str(one.resolve() if isinstance(one, Path) else one)]
        return words


USUAL = Metering()
