"""A stretch of time with a power that runs linearly: what readings become before they are added up."""

from __future__ import annotations

from typing import Any

from energyprof.meter import MeterInfo
from energyprof.report.flags import Kind
from energyprof.storable.frozen import dataclass
from energyprof.trace.rows import Sample

# Readings further apart than this many intervals leave a gap between them.
GAP_INTERVALS = 3


def now_for_s(meter: MeterInfo, interval_s: float) -> float:
    """For how long a power that a meter showed is its power now; it is lost where it shows none since."""
    late_s = meter.delay_s + meter.delay_a_s + meter.window_s + 2 * meter.refresh_s
    return late_s + GAP_INTERVALS * max(interval_s, meter.refresh_s)


class Pace:
    """How far apart a meter's readings may lie before the time between them is a gap.

    Reads that last longer than the interval set the pace themselves. One that hung does not: of two that
    follow each other the shorter counts.
    """

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._lasted_s = 0.0  # the last read

    def longest_s(self, sample: Sample) -> float:
        """The longest time from the reading before to this without a gap; each reading comes here once."""
        lasted_s = sample.end_s - sample.start_s
        usual_s, self._lasted_s = min(lasted_s, self._lasted_s), lasted_s
        return GAP_INTERVALS * max(self._interval_s, usual_s)


@dataclass(frozen=True)
class Segment:
    """The power from ``start_s`` to ``end_s``, linear between its two ends."""

    start_s: float
    end_s: float
    start_w: float
    end_w: float
    shape_j: float = 0.0  # what the power may have done between two readings (half-width, adds linearly)
    sampling_j: float = 0.0  # the same where readings came at random times (standard, adds in quadrature)
    bridge_j: float = 0.0  # what is not known over a gap or a reset (half-width, adds linearly)
    stamp_s: float = 0.0  # what its ends may be off by in time (half-width)
    # Of a piece of a counter's segment: from when to when the whole was, whose energy alone is known.
    whole_s: tuple[float, float] | None = None
    stamp_w: float = 0.0  # the most power within stamp_s of it, as far as that is more than its own
    covered: bool = True
    seen: bool = True  # False: nothing is known of its time, its power is that of what was seen beside it
    flags: tuple[Kind, ...] = ()  # of the meter whose readings these are

    def with_(self, **changes: Any) -> Segment:
        """What `dataclasses.replace` gives, in a tenth of the time: there are several for each reading."""
        made = object.__new__(Segment)
        made.__dict__.update(self.__dict__, **changes)
        return made

    @property
    def joules(self) -> float:
        """Its energy."""
        return self.joules_until(self.end_s)

    def joules_until(self, time_s: float) -> float:
        """The energy from its start to ``time_s``, which lies within it."""
        part_s = time_s - self.start_s
        slope = (self.end_w - self.start_w) / (self.end_s - self.start_s)
        return part_s * (self.start_w + slope * part_s / 2)

    def since(self, time_s: float) -> Segment:
        """What is left of it after ``time_s``, which lies before its end."""
        if time_s <= self.start_s:
            return self
        share = (self.end_s - time_s) / (self.end_s - self.start_s)
        return self.with_(
            start_s=time_s,
            start_w=self.power_at(time_s),
            shape_j=share * self.shape_j,
            sampling_j=share * self.sampling_j,
            bridge_j=share * self.bridge_j,
        )

    def power_at(self, time_s: float) -> float:
        """The power in W at ``time_s``, which lies within it."""
        share = (time_s - self.start_s) / (self.end_s - self.start_s)
        return self.start_w + share * (self.end_w - self.start_w)


class Rejects:
    """Counts samples without a usable value until the next segment can carry them as flags."""

    def __init__(self) -> None:
        self._flags: list[Kind] = []

    def rejects(self, value: float | None, meter: MeterInfo) -> bool:
        """Whether ``value`` is not a reading; remembers it if so."""
        if value is None:
            self.add("failed_read")
            return True
        if not meter.is_reading(value):
            self.add("rejected_reading")
            return True
        return False

    def add(self, flag: Kind) -> None:
        """Remember a sample that could not be used."""
        if flag not in self._flags:
            self._flags.append(flag)

    def take(self) -> tuple[Kind, ...]:
        """The flags since the last call."""
        flags, self._flags = tuple(self._flags), []
        return flags
