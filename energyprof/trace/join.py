"""The rows of a log that something else kept, stamped by a wall clock, as samples of a run.

The log's clock may be the machine's own, which was set as that was; or that of another device, which nobody
set, and which agrees with the machine's as it was before some step, or after it. The rows tell: by the wrong
clock some of them are at no time of the run, go back, or leave a hole as long as the step. What they do not
tell, since a step is small or near their end, is doubt on the time of a row.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from energyprof.errors import MeterError
from energyprof.storable.frozen import dataclass
from energyprof.trace.log_order import TimedValue, in_order
from energyprof.trace.rows import Sample
from energyprof.trace.wall_clock import Piece, unset

# The rows from one such time to another, with the one before and the one after, in the order of the log.
RowsBetween = Callable[[float, float], Sequence[TimedValue]]

# Stamps are rounded, and clocks are not read in the same moment.
SLACK_S = 0.002
# So many are tried of the clocks that a log may have of its own.
CLOCKS = 10
# So many of its periods on either side of a run are looked at.
MARGIN = 10
# A log is read in one piece where its rows of the run lie no further apart.
ALL_S = 86_400.0
# By its clock a log's last row is no older than this, and not of a time that has not come.
LATE_S, EARLY_S = 20.0, 1.0
# So many rows amiss are an accident, and so many periods without a row no hole.
ACCIDENT = 2
HOLE = 2.5
# So many periods on either side of a time of unknown length are left out: together more than a gap's.
BESIDE = 2
# So many pieces of the clock may lie between two rows.
REACH = 8


@dataclass(frozen=True)
class _Reading:
    """The log by one clock."""

    times_s: Sequence[float | None]  # of each row, from the run's zero; None: at no time of the run
    amiss: float  # rows that have no time, or that a hole would have
    old_s: float  # how old its last row is


class _Placed(NamedTuple):
    """A row and its time by each of the clocks that it may have."""

    times_s: Sequence[float]
    value: float | None

    @property
    def middle_s(self) -> float:
        return (min(self.times_s) + max(self.times_s)) / 2

    @property
    def sample(self) -> Sample:
        return Sample(min(self.times_s), max(self.times_s), self.value)


def joined(
    rows_between: RowsBetween, pieces: Sequence[Piece], span_s: float, now_s: float, period_s: float
) -> list[Sample]:
    """The samples from the run's zero to ``span_s``, with the one before and the one after, in order.

    ``pieces`` are the run's wall clock, ``now_s`` is the time since the run's zero, ``period_s`` that from
    row to row. A sample's two stamps stand as far apart as its time is in doubt. Raises as ``rows_between``.
    """
    if len(pieces) == 1:
        (only,) = pieces
        rows = rows_between(only.utc_of(0.0), only.utc_of(span_s))
        return [Sample(t, t, value) for t, value in in_order([(only.time_of(utc), v) for utc, v in rows])]
    own = [unset(pieces, step_s) for step_s in _settings(pieces)]
    rows = _rows(rows_between, own, span_s, MARGIN * period_s)
    read = _plausible([_reading(rows, parts, now_s, period_s) for parts in (pieces, *own)])
    columns = zip(*(reading.times_s for reading in read), strict=True)
    placed = [
        _Placed([time_s for time_s in times_s if time_s is not None], value)
        for times_s, (_, value) in zip(columns, rows, strict=True)
        if None not in times_s
    ]
    return _of_run([found.sample for found in _apart(placed, period_s)], span_s)


def _apart(rows: Sequence[_Placed], period_s: float) -> list[_Placed]:
    """The rows but for those next to a time of which it is not known how long it was.

    What lies there is seen by no row, and so as doubtful as all that is not seen.
    """
    blind = []
    for before, after in itertools.pairwise(rows):
        gaps_s = [to_s - from_s for from_s, to_s in zip(before.times_s, after.times_s, strict=True)]
        unsure_s = max(gaps_s) - min(gaps_s)
        if unsure_s > SLACK_S:
            beside_s = max(BESIDE * period_s, unsure_s)
            blind.append((before.middle_s - beside_s, after.middle_s + beside_s))
    return [row for row in rows if not any(from_s < row.middle_s < to_s for from_s, to_s in blind)]


def _of_run(placed: Iterable[Sample], span_s: float) -> list[Sample]:
    """Those that may lie in the run, one before and one after, in order of their middles."""
    kept: list[Sample] = []
    for sample in placed:
        if not kept or sum(sample[:2]) > sum(kept[-1][:2]):
            kept.append(sample)
        elif sum(sample[:2]) == sum(kept[-1][:2]):
            kept[-1] = sample
        else:
            kept.append(kept[-1]._replace(value=None))
    inside = [i for i, sample in enumerate(kept) if sample.end_s >= 0 and sample.start_s <= span_s]
    return kept[max(0, inside[0] - 1) : inside[-1] + 2] if inside else []


def _settings(pieces: Sequence[Piece]) -> list[float]:
    """By how much the clock was set, each once; of very many the first, the least, the most and the last."""
    steps_s = list(dict.fromkeys(part.step_s for part in pieces))
    return steps_s if len(steps_s) <= CLOCKS else [steps_s[0], min(steps_s), max(steps_s), steps_s[-1]]


def _rows(
    rows_between: RowsBetween, clocks: Sequence[Sequence[Piece]], span_s: float, margin_s: float
) -> list[TimedValue]:
    """The log's rows of the run, by whichever of the ``clocks`` it was kept."""
    windows = []
    for parts in clocks:
        ends = [parts[0].utc_of(0.0), parts[-1].utc_of(span_s)]
        windows.append((ends[0] - margin_s, ends[1] + margin_s))
    around = min(start_s for start_s, _ in windows), max(end_s for _, end_s in windows)
    # All at once keeps the log's order; but a clock may have come from 1970.
    windows = [around] if around[1] - around[0] <= span_s + ALL_S else _merged(windows)
    problem: MeterError | None = None
    rows: list[TimedValue] = []
    for start_s, end_s in windows:
        try:
            rows += [row for row in rows_between(start_s, end_s) if start_s <= row[0] <= end_s]
        except MeterError as error:
            problem = error
    if not rows and problem is not None:
        raise problem
    return rows


def _merged(windows: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Windows that overlap as one, in the order of the first of each."""
    merged: list[tuple[float, float]] = []
    for window in windows:
        near = [other for other in merged if other[0] <= window[1] and window[0] <= other[1]]
        at = merged.index(near[0]) if near else len(merged)
        both = min(start_s for start_s, _ in (window, *near)), max(end_s for _, end_s in (window, *near))
        before, after = merged[:at], merged[at:]
        merged = [*before, both, *(other for other in after if other not in near)]
    return merged


class _Path(NamedTuple):
    """One way to place the rows so far."""

    amiss: float
    piece: int  # of the last row that has a time
    time_s: float  # of that
    before: _Path | None
    row: int


def _reading(rows: Sequence[TimedValue], parts: Sequence[Piece], now_s: float, period_s: float) -> _Reading:
    """The rows by the clock ``parts``, placed with as little amiss as can be: the log goes on and never back.

    For each piece of the clock the best way is kept to have placed the last row in it, and not to have.
    """
    paths: list[_Path] = []
    for row, (utc_s, _) in enumerate(rows):
        left = {path.piece: path for path in sorted(paths, key=_amiss, reverse=True)}
        here = _placed_here(utc_s, row, paths, parts, period_s)
        paths = [*here, *(path._replace(amiss=path.amiss + 1) for path in left.values())]
        if len(paths) > REACH:
            paths = sorted(paths, key=_amiss)[:REACH]
    times_s: list[float | None] = [None] * len(rows)
    if not paths:
        return _Reading(times_s, math.inf, math.inf)
    best = min(paths, key=_amiss)
    step: _Path | None = best
    while step is not None:
        times_s[step.row] = step.time_s
        step = step.before
    return _Reading(times_s, best.amiss, now_s - best.time_s)


def _placed_here(
    utc_s: float, row: int, paths: Sequence[_Path], parts: Sequence[Piece], period_s: float
) -> list[_Path]:
    """The best way to each piece of the clock that may have the row."""
    first = min((path.piece for path in paths), default=0)
    last = max((path.piece for path in paths), default=0) + REACH
    here = []
    for piece, part in enumerate(parts[first:last], first):
        time_s = part.time_of(utc_s)
        if not part.holds(time_s, SLACK_S):
            continue
        ways = [
            _Path(path.amiss + _missing(path, time_s, row, period_s), piece, time_s, path, row)
            for path in paths
            if path.piece <= piece and path.time_s <= time_s
        ]
        if not paths:
            ways = [_Path(float(row), piece, time_s, None, row)]
        here += [min(ways, key=_amiss)] if ways else []
    return here


def _missing(path: _Path, time_s: float, row: int, period_s: float) -> float:
    """How many rows a hole would have between the path's last one and this one."""
    gap_s = time_s - path.time_s
    return max(0.0, gap_s / period_s - (row - path.row)) if gap_s > HOLE * period_s else 0.0


def _amiss(path: _Path) -> float:
    return path.amiss


def _plausible(readings: Sequence[_Reading]) -> Sequence[_Reading]:
    """Those that a log can have: with fewest rows amiss, and up to the present.

    A log cannot hold rows of times that have not come, and its last row is not old.
    """
    likely = [reading for reading in readings if -EARLY_S <= reading.old_s <= LATE_S] or readings
    least = min(reading.amiss for reading in likely)
    return [reading for reading in likely if reading.amiss <= least + ACCIDENT]
