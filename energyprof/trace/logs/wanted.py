"""What the user says of a log; whatever is not said is left to the log."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from datetime import tzinfo
from typing import Literal

from energyprof.errors import MeterError
from energyprof.storable.frozen import dataclass

# What a shell leaves as it is.
_PLAIN = re.compile(r"[\w@%+=:,./…-]*")


class Several(MeterError):
    """A log holds several series, and nobody said which to read, or that they may be added.

    ``told``: what tells them apart; ``ways``: what shows all of them; ``advice``: what to say, and what
    that does.
    """

    def __init__(
        self, message: str, told: str, ways: Sequence[Wanted], advice: Sequence[tuple[str, str]]
    ) -> None:
        super().__init__(message)
        self.told, self.ways, self.advice = told, tuple(ways), tuple(advice)


@dataclass(frozen=True)
class Wanted:
    """Names of columns, a unit, the zone of times without one."""

    time: str = ""
    power: tuple[str, ...] = ()
    energy: str = ""
    unit: str = ""  # of UNITS
    zone: tzinfo | None = None
    by: str = ""  # the column that tells devices apart, which are then added up
    only: str = ""  # of those the one of this name
    every_s: float = 0.0  # of rows without times: one so often
    any_start: bool = False  # whether times will do that count from a start that nobody knows
    style: Literal["option", "address"] = "address"  # how its words are written: --by X, or by=X

    @property
    def names_columns(self) -> bool:
        """Whether it says something that only a table can be asked."""
        return bool(self.time or self.power or self.energy or self.every_s)

    def word(self, name: str, value: str = "…") -> str:
        """How the user says it: ``--by host``, ``--by 'two words'``, or ``by=host``."""
        if self.style == "option":
            return f"--{name} {value if _PLAIN.fullmatch(value) else shlex.quote(value)}"
        return f"{name}={value}"
