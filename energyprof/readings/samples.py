"""What the meters said: samples and traces. This is the waist of the program.

Before it: hardware, threads, processes and clocks. After it: arithmetic on data that does not change.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from energyprof.meter import MeterInfo


class Sample(NamedTuple):
    """One attempt to read a meter; both stamps are ``time.monotonic()`` less the run's zero, in s."""

    start_s: float  # just before the read
    end_s: float  # just after it
    value: float | None  # in the meter's unit; None: the read failed


@dataclass(frozen=True)
class Trace:
    """One meter's samples over one run, in order of time.

    ``samples`` may be a tuple in memory or a stream from a file: a day at 10 Hz is 864,000 samples a
    meter, so the arithmetic passes over them once and keeps none (hence an iterable, not two arrays).
    """

    meter: MeterInfo
    interval_s: float  # the asked time between two reads
    samples: Iterable[Sample]
