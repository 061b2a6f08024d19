"""Meters and samples made by hand."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from energyprof.errors import MeterError
from energyprof.meter import MeterInfo
from energyprof.trace.rows import Sample


def info(**changes: Any) -> MeterInfo:
    """A perfect counter of one CPU package; change what the test is about."""
    fields: dict[str, Any] = {
        "name": "fake:0",
        "kind": "fake",
        "part": "cpu",
        "boundary": "component",
        "reads": "energy_j",
        "method": "made by hand",
        "resolution": 0.0,
        "refresh_s": 0.0,
        "gain_a": 0.0,
        "gain_source": "none",
        "max_power_w": 1000.0,
    }
    return MeterInfo(**{**fields, **changes})


def counter(**changes: Any) -> MeterInfo:
    """A counter of joules."""
    return info(**changes)


def gauge(**changes: Any) -> MeterInfo:
    """A reading of watts."""
    return info(reads="power_w", **changes)


def samples_of(
    values: Sequence[float | None], times: float | Sequence[float], read_s: float = 0.0
) -> tuple[Sample, ...]:
    """Samples at the given times, or one every ``times`` seconds from 0."""
    at = [i * times for i in range(len(values))] if isinstance(times, (int, float)) else times
    return tuple(Sample(t - read_s / 2, t + read_s / 2, v) for t, v in zip(at, values, strict=True))


class FakeMeter:
    """A meter whose readings a function makes; it may also hang."""

    def __init__(self, value: Callable[[], float], meter: MeterInfo | None = None) -> None:
        self.info = meter or counter()
        self._value = value
        self.reads = 0
        self.closed = False

    def read(self) -> float:
        self.reads += 1
        return self._value()

    def close(self) -> None:
        self.closed = True


def since_now(power_w: float) -> Callable[[], float]:
    """A counter's value that grows with real time."""
    start_s = time.monotonic()
    return lambda: power_w * (time.monotonic() - start_s)


def hanging(released: threading.Event) -> Callable[[], float]:
    """A read that does not come back until ``released`` is set."""

    def value() -> float:
        released.wait()
        raise MeterError("was hanging")

    return value
