"""Powers over time whose energy is known exactly: the truth that every fake meter is read against.

``nvml.c`` computes the same three shapes from ``spec()``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Waveform:
    """A periodic power; ``duty`` is the share of a period a square wave spends at ``high_w``."""

    shape: Literal["constant", "square", "ramp"]
    low_w: float
    high_w: float
    period_s: float = 1.0
    duty: float = 0.5

    def power_w(self, at_s: float) -> float:
        """The power at a time, in W."""
        into_s = at_s - math.floor(at_s / self.period_s) * self.period_s
        if self.shape == "square":
            return self.high_w if into_s < self.duty * self.period_s else self.low_w
        if self.shape == "ramp":
            return self.low_w + (self.high_w - self.low_w) * into_s / self.period_s
        return self.high_w

    def energy_j(self, start_s: float, end_s: float) -> float:
        """The integral of the power from ``start_s`` to ``end_s``, in J."""
        return self._since_zero_j(end_s) - self._since_zero_j(start_s)

    def counter_j(self, at_s: float, tick_s: float = 0.0) -> float:
        """What a counter shows that started at 0 s and is renewed every ``tick_s``; 0: always."""
        return self._since_zero_j(math.floor(at_s / tick_s) * tick_s if tick_s else at_s)

    def spec(self) -> str:
        """The shape for ``FAKE_NVML_WAVE``."""
        numbers = (self.low_w, self.high_w, self.period_s, self.duty)
        return ":".join([self.shape, *(repr(float(number)) for number in numbers)])

    def _since_zero_j(self, at_s: float) -> float:
        if self.shape == "constant":
            return self.high_w * at_s
        whole = math.floor(at_s / self.period_s)
        into_s = at_s - whole * self.period_s
        if self.shape == "square":
            on_s = self.duty * self.period_s
            period_j = self.high_w * on_s + self.low_w * (self.period_s - on_s)
            rest_j = self.high_w * min(into_s, on_s) + self.low_w * max(0.0, into_s - on_s)
        else:
            rise = (self.high_w - self.low_w) / self.period_s
            period_j = self.period_s * (self.low_w + self.high_w) / 2
            rest_j = self.low_w * into_s + rise * into_s**2 / 2
        return whole * period_j + rest_j


def constant(power_w: float) -> Waveform:
    """One power all the time."""
    return Waveform("constant", power_w, power_w)


def square(low_w: float, high_w: float, period_s: float, duty: float = 0.5) -> Waveform:
    """High at the start of each period, then low."""
    return Waveform("square", low_w, high_w, period_s, duty)


def burst(low_w: float, high_w: float, period_s: float, length_s: float) -> Waveform:
    """A short peak at the start of each period."""
    return Waveform("square", low_w, high_w, period_s, length_s / period_s)


def ramp(low_w: float, high_w: float, period_s: float) -> Waveform:
    """A sawtooth from low to high."""
    return Waveform("ramp", low_w, high_w, period_s)
