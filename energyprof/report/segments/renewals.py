"""How often a meter renews its value, and over what it averages, where only the longest is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from energyprof.meter import MeterInfo
from energyprof.report.record import MeterRecord
from energyprof.report.segments.rise import Rise
from energyprof.trace.rows import Row, Sample

# Fewer renewals say too little.
LEAST = 3


class Renewals:
    """Takes one meter's samples of a run and tells the longest time for which a value was shown."""

    def __init__(self) -> None:
        self._value: float | None = None
        self._since_s: float | None = None  # None: nobody saw this value come
        self._seen = 0
        self._longest_s = 0.0

    def push(self, sample: Sample) -> None:
        """Take the next look."""
        if sample.value is None or sample.value == self._value:
            return
        time_s = (sample.start_s + sample.end_s) / 2
        if self._since_s is not None:
            self._longest_s = max(self._longest_s, time_s - self._since_s)
            self._seen += 1
        self._since_s = time_s if self._value is not None else None
        self._value = sample.value

    def refresh_s(self, promised_s: float) -> float:
        """The longest that was seen, or what is promised where that is shorter or too little was seen."""
        return promised_s if self._seen < LEAST else min(promised_s, self._longest_s)


def as_seen(meters: Sequence[MeterRecord], rows: Iterable[Row]) -> Sequence[MeterRecord]:
    """The meters with the renewals and windows that a run shows, where no more than a longest is known."""
    renewals = {meter.name: Renewals() for meter in meters if meter.info.refresh_is_longest}
    rises = {meter.name: Rise() for meter in meters if meter.info.window_assumed}
    if not renewals and not rises:
        return meters
    for row in rows:
        if row.source in renewals:
            renewals[row.source].push(row.sample)
        if row.source in rises:
            rises[row.source].push(row.sample)
    return [replace(m, info=_told(m.info, renewals.get(m.name), rises.get(m.name))) for m in meters]


def _told(info: MeterInfo, renewals: Renewals | None, rise: Rise | None) -> MeterInfo:
    if renewals is not None:
        info = replace(info, refresh_s=renewals.refresh_s(info.refresh_s))
    if rise is not None:
        info = replace(info, window_s=rise.window_s(info.window_s))
    return info
