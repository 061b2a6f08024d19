"""The contract of the levers: what of a machine can be turned for a training, and must be turned back.

A *control* is one file, one register, one mode: it is read, written as a whole, and read back. A *lever* is a
control with a name and the values that it may have. What is read is what was asked of the machine, never what
it does at the moment: only that can be put back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, Protocol

from energyprof.errors import EnergyprofError, UsageError
from energyprof.storable.frozen import dataclass
from energyprof.units import si

# How long what was written stays: as long as this process, until the next boot, or beyond it.
Lasts = Literal["process", "boot", "always"]
# When a training feels it: as soon as it is written, or only one that starts afterwards.
Acts = Literal["at once", "at start"]
# So many values of an amount are tried where nobody names them.
RUNGS = 6


class LeverError(EnergyprofError):
    """A control cannot be read, or does not take a value."""


class Control(Protocol):
    """One thing of the machine that can be turned and read back."""

    @property
    def address(self) -> str:
        """Where it is, for another process to find it: "sysfs:sys/devices/…/scaling_governor"."""

    @property
    def lasts(self) -> Lasts:
        """How long what is written stays."""

    def read(self) -> str:
        """The value that was asked of the machine, in the control's own words.

        Raises:
            LeverError: it cannot be read, or what is read may be something else.
        """

    def write(self, text: str) -> None:
        """Ask for another value, in the control's own words.

        Raises:
            LeverError: it may not be written, or refuses the value.
        """


class Values(Protocol):
    """The values of a control: as people write them, and in its own words."""

    def own(self, value: str) -> str:
        """What people wrote, in the control's own words.

        Raises:
            ValueError: it is none of the values; the message says what would be.
        """

    def shown(self, text: str) -> str:
        """The control's own words, as people write them."""

    @property
    def range(self) -> str:
        """Which there are: "100 W … 300 W", "performance, powersave"."""

    @property
    def rungs(self) -> tuple[str, ...]:
        """Which to try where nobody names any, as people write them, the lowest first; empty: too many."""


@dataclass(frozen=True)
class Lever:
    """A control, and what people call it and its values."""

    name: str  # "gpu.power_limit"; the same for each of its kind
    device: str  # which of them: "nvml:0", "policy4"; "": the machine has one
    control: Control
    values: Values
    meter: str = ""  # the meter that shows whether a limit of power binds
    remedy: str = ""  # what would let this user write it; "": nothing hinders
    notes: tuple[str, ...] = ()  # what to know before it is turned
    also: tuple[tuple[str, Control], ...] = ()  # what turning it changes besides, by name
    acts: Acts = "at once"

    @property
    def label(self) -> str:
        """Name and device: "gpu.power_limit:nvml:0"."""
        return f"{self.name}:{self.device}" if self.device else self.name

    def own(self, value: str) -> str:
        """What people wrote, in the control's own words.

        Raises:
            UsageError: it is none of the values.
        """
        try:
            return self.values.own(value)
        except ValueError as error:
            raise UsageError(f"--lever {self.label}={value}: {error}") from None


@dataclass(frozen=True)
class LeverFinding:
    """What there is of one kind, or why there is nothing."""

    kind: str
    levers: tuple[Lever, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Words:
    """Values that are names."""

    own_words: tuple[tuple[str, str], ...]  # people's, the control's

    def own(self, value: str) -> str:
        """Raises ValueError."""
        known = dict(self.own_words)
        if value not in known:
            raise ValueError(f"choose from {self.range or 'nothing'}")
        return known[value]

    def shown(self, text: str) -> str:
        """The name, or the control's word if nobody named it."""
        return next((word for word, own in self.own_words if own == text), text)

    @property
    def range(self) -> str:
        """All names."""
        return ", ".join(word for word, _ in self.own_words)

    @property
    def rungs(self) -> tuple[str, ...]:
        """All names."""
        return tuple(word for word, _ in self.own_words)


def words_of(names: Iterable[str]) -> Words:
    """Values that the control itself calls by these names."""
    return Words(tuple((name, name) for name in names))


@dataclass(frozen=True)
class Amounts:
    """Values that are whole numbers of a unit of the control's own."""

    unit: Literal["W", "Hz"]
    scale: float  # the control's unit in W or Hz: 1e-6 for µW
    low: float  # in W or Hz
    high: float

    def own(self, value: str) -> str:
        """Raises ValueError: a bare number could be mW as well as W."""
        amount = amount_of(value, self.unit)
        # What people write is what they were shown: three digits.
        if not 0.9995 * self.low <= amount <= 1.0005 * self.high:
            raise ValueError(f"use {self.range}")
        return str(round(min(max(amount, self.low), self.high) / self.scale))

    def shown(self, text: str) -> str:
        """With three digits and a prefix; what is no number as it is."""
        amount = self.amount(text)
        return text if amount is None else si(amount, self.unit)

    def amount(self, text: str) -> float | None:
        """The control's own words in W or Hz; ``None``: not a number."""
        return int(text) * self.scale if re.fullmatch(r"[0-9]{1,18}", text) else None

    @property
    def range(self) -> str:
        """From the least to the most."""
        return f"{si(self.low, self.unit)} … {si(self.high, self.unit)}"

    @property
    def rungs(self) -> tuple[str, ...]:
        """``RUNGS`` of them, evenly from the least to the most."""
        step = (self.high - self.low) / (RUNGS - 1)
        return tuple(dict.fromkeys(f"{self.low + i * step:.4g}{self.unit}" for i in range(RUNGS)))


_EXAMPLES = {"W": "250W", "Hz": "1.2GHz"}
_PREFIXES = {"m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
_AMOUNT = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,12})?) ?([mkMG]?)(W|Hz)")


def amount_of(text: str, unit: Literal["W", "Hz"]) -> float:
    """The number in "250W" or "1.2GHz", in W or Hz. Raises ValueError: it is none of that unit."""
    found = _AMOUNT.fullmatch(text)
    if found is None or found[3] != unit:
        raise ValueError(f"give a number with its unit, such as {_EXAMPLES[unit]}")
    return float(found[1]) * _PREFIXES[found[2]]
