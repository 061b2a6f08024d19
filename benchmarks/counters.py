"""What files of a fake machine say at a time: powercap counters and sensors of power, with their faults."""

from __future__ import annotations

import errno
import math
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from fakes.waveform import Waveform

# What powercap's counters do: 32 bits, a new value every millisecond.
COUNTER_STEPS = 2**32
RENEWED_S = 0.001


class File(Protocol):
    """What a file says at a time; ``OSError`` where it fails."""

    def text(self, now_s: float) -> str:
        """Its content, newline included."""
        ...

    def check(self, now_s: float) -> None:
        """Raises the OSError with which opening it, or asking for permission, fails."""
        ...


class Text:
    """A file that stays as it is."""

    def __init__(self, text: str) -> None:
        self._text = text + "\n"

    def text(self, now_s: float) -> str:
        """The text."""
        return self._text

    def check(self, now_s: float) -> None:
        """Always fine."""


class Failing:
    """What all changing files share: an error between two times.

    ``fail`` is ``[errno, from_s, until_s]``; a missing permission shows at the opening too.
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._wave = Waveform(**fields["wave"])
        self._fail = fields.get("fail")

    def check(self, now_s: float) -> None:
        """Raises EACCES while it is due."""
        if self._fail and self._fail[0] in (errno.EACCES, errno.ENOENT):
            self._raise(now_s)

    def _raise(self, now_s: float) -> None:
        if self._fail and self._fail[1] <= now_s < self._fail[2]:
            raise OSError(self._fail[0], os.strerror(self._fail[0]))


class EnergyUj(Failing):
    """A powercap counter.

    ``wrap_at_s``: when it passes its largest value; ``reset_at_s``: when it starts again at 0;
    ``stall``: ``[from_s, until_s]`` of a standstill, after which it has caught up.
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        super().__init__(fields)
        self._modulus_uj = fields["range_uj"] * COUNTER_STEPS / (COUNTER_STEPS - 1)
        wrap_at_s = fields.get("wrap_at_s")
        self._offset_uj = 0.0 if wrap_at_s is None else self._modulus_uj - self._since_zero_uj(wrap_at_s)
        self._reset_at_s = fields.get("reset_at_s", math.inf)
        self._stall = fields.get("stall", (math.inf, math.inf))

    def text(self, now_s: float) -> str:
        """The counter in µJ."""
        self._raise(now_s)
        at_s = self._stall[0] if self._stall[0] <= now_s < self._stall[1] else now_s
        uj = self._offset_uj + self._since_zero_uj(at_s)
        if at_s >= self._reset_at_s:
            uj = self._since_zero_uj(at_s) - self._since_zero_uj(self._reset_at_s)
        return f"{int(uj % self._modulus_uj)}\n"

    def _since_zero_uj(self, at_s: float) -> float:
        return 1e6 * self._wave.counter_j(at_s, RENEWED_S)


class PowerMw(Failing):
    """A sensor that shows the power of this moment; ``at_v`` makes it one of the current at that voltage."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        super().__init__(fields)
        self._at_v = fields.get("at_v", 1.0)

    def text(self, now_s: float) -> str:
        """The power in mW, or the current in mA."""
        self._raise(now_s)
        return f"{round(1000 * self._wave.power_w(now_s) / self._at_v)}\n"


# By what a node of the tree is called.
KINDS: dict[str, Any] = {"text": Text, "energy_uj": EnergyUj, "power_mw": PowerMw}
