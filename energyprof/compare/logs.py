"""Logs that others wrote, laid side by side on one clock: a recording like that of ``exec``."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from energyprof.compare.log import LogMeters, LogSpec, Points, powers_of, read_meters
from energyprof.compare.offset import Offset, offset
from energyprof.compare.recording import Recording
from energyprof.compare.steps import period_s
from energyprof.errors import UsageError
from energyprof.report.record import MeterRecord
from energyprof.storable.frozen import dataclass
from energyprof.trace.rows import Row, Sample
from energyprof.units import utc

# Clocks that state the time of day differ by less than this: a wrong zone is a matter of hours.
MOST_S = 3700.0
# A stretch in which every log has readings is a run of the recording; what is shorter tells nothing.
LEAST_RUN_S = 30.0
# A log without a reading for so many of its periods, and so long, was not written.
_GAP_PERIODS, _GAP_S = 10, 5.0


@dataclass(frozen=True)
class Joined:
    """The recording, its meters' names, and by how much the reference's clock was ahead."""

    recording: Recording
    meters: tuple[str, ...]  # all but the reference
    reference: str
    offset: Offset

    @property
    def note(self) -> str:
        """The offset in words."""
        found = self.offset
        return (
            f"the reference's clock was {found.offset_s:+.2f} ± {2 * found.u_s:.2f} s ahead of the meters',"
            f" by {found.steps} of {found.of} steps; how late each shows its load is part of that"
        )


def joined(meters: Sequence[LogSpec], reference: LogSpec) -> Joined:
    """The logs ``meters`` beside the log ``reference``, whose times are brought to theirs.

    How far the offset may be off is not a term of what is calibrated: it counts in windows alone in which the
    load moves, and what those are off by then scatters about the line, whose residuals are in the fit's
    uncertainty. (Off by 1 s, levels of a minute give slopes 0.1 and 0.5 % off, of which U then is 0.7 %.)

    Raises:
        FileError: a file cannot be read, or is no log.
        UsageError: the reference holds several meters, or the clocks cannot be joined.
    """
    ours = [read_meters(spec) for spec in meters]
    theirs = read_meters(reference)
    wholes = [meter for meter in theirs.meters if meter.origin == "measured"]
    if len(wholes) != 1:
        names = ", ".join(meter.name for meter in theirs.meters)
        raise UsageError(
            f"{reference.path}: a reference is one meter, this log has {names}: give a log of one"
        )
    whole = wholes[0]
    dated = theirs.dated and all(log.dated for log in ours)
    named = _named(ours, theirs, whole)
    # Logs are read at different moments: steps of their sum would lie between. That of most swing tells.
    loads = [_sum([powers_of(log, meter) for meter in log.meters]) for log in ours]
    load = max(loads, key=_swing_w)
    found = offset(load, powers_of(theirs, whole), MOST_S if dated else math.inf)
    shifted = [(at_s - found.offset_s, value) for at_s, value in theirs.points[whole.name]]
    everything = [
        *((record, log.points[meter.name]) for log, meter, record in named[:-1]),
        (named[-1][2], shifted),
    ]
    runs = _runs(everything)
    if not runs:
        others = ", ".join(str(spec.path) for spec in meters)
        raise UsageError(f"{reference.path}: it has no time in common with {others}")
    where = " and ".join(str(spec.path) for spec in (*meters, reference))
    records = tuple(record for record, _ in everything)
    return Joined(
        Recording(where, "", records, lambda: _rows(everything, runs, dated=dated)),
        tuple(record.name for record in records[:-1]),
        records[-1].name,
        found,
    )


def _named(
    ours: Sequence[LogMeters], theirs: LogMeters, whole: MeterRecord
) -> list[tuple[LogMeters, MeterRecord, MeterRecord]]:
    """Each meter with its log, and as it is called where two logs call one the same; last the reference."""
    all_of_them = [*((log, meter) for log in ours for meter in log.meters), (theirs, whole)]
    names = [meter.name for _, meter in all_of_them]
    found = []
    for log, meter in all_of_them:
        name = meter.name
        if names.count(name) > 1:
            name = f"{log.path.name.partition('.')[0]}/{name}"
        found.append((log, meter, replace(meter, name=name, info=replace(meter.info, name=name))))
    if len({record.name for _, _, record in found}) < len(found):
        raise UsageError("two logs have one name and the same meters: rename one of the files")
    return found


def _swing_w(points: Points) -> float:
    """How far the powers move, but for the outermost."""
    values = sorted(power_w for _, power_w in points)
    cut = len(values) // 50
    return values[-1 - cut] - values[cut] if values else 0.0


def _sum(series: Sequence[Points]) -> Points:
    """Their sum at the times of the one that reads most often."""
    if len(series) == 1:
        return series[0]
    base = max(series, key=len)
    at = [0] * len(series)
    found = []
    for at_s, _ in base:
        value = 0.0
        for i, points in enumerate(series):
            while at[i] + 1 < len(points) and points[at[i] + 1][0] <= at_s:
                at[i] += 1
            value += points[at[i]][1]
        found.append((at_s, value))
    return found


def _runs(everything: Sequence[tuple[MeterRecord, Points]]) -> list[tuple[float, float]]:
    """The stretches in which every meter has readings."""
    common: list[tuple[float, float]] | None = None
    for _, points in everything:
        longest_s = max(_GAP_S, _GAP_PERIODS * period_s(points))
        own, start_s = [], points[0][0]
        for (before_s, _), (after_s, _) in itertools.pairwise(points):
            if after_s - before_s > longest_s:
                own.append((start_s, before_s))
                start_s = after_s
        own.append((start_s, points[-1][0]))
        common = own if common is None else _both(common, own)
    return [(start_s, end_s) for start_s, end_s in common or [] if end_s - start_s >= LEAST_RUN_S]


def _both(
    one: Sequence[tuple[float, float]], other: Sequence[tuple[float, float]]
) -> list[tuple[float, float]]:
    found, j = [], 0
    for start_s, end_s in one:
        while j < len(other) and other[j][1] <= start_s:
            j += 1
        i = j
        while i < len(other) and other[i][0] < end_s:
            found.append((max(start_s, other[i][0]), min(end_s, other[i][1])))
            i += 1
    return found


def _rows(
    everything: Sequence[tuple[MeterRecord, Points]], runs: Sequence[tuple[float, float]], *, dated: bool
) -> Iterator[Row]:
    at = [0] * len(everything)
    for run, (start_s, end_s) in enumerate(runs):
        fields = {"seed": None, "monotonic_s": 0.0, "utc": utc(start_s if dated else max(0.0, start_s))}
        yield Row(run, "@run", Sample(0.0, 0.0, None), "", fields)
        for i, (meter, points) in enumerate(everything):
            while at[i] < len(points) and points[at[i]][0] < start_s:
                at[i] += 1
            while at[i] < len(points) and points[at[i]][0] <= end_s:
                at_s, value = points[at[i]]
                yield Row(run, meter.name, Sample(at_s - start_s, at_s - start_s, value), "")
                at[i] += 1
