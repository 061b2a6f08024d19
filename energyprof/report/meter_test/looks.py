"""One meter's samples as means of its power, each at the time for which it stands."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from energyprof.meter import MeterInfo
from energyprof.report.meter_test.stops import grown_j
from energyprof.trace.rows import Sample

# More means than these tell a step response no better.
MOST = 400
# A value so many times the usual one is a spike, whatever the load: a register that was read half written.
SPIKE = 1000.0
# So many renewals tell how far apart they are.
LEAST_RENEWALS = 4
# Where other values come at times that differ more than this, some renewals brought the value that was there.
REPEATS = 1.5


class Mean(NamedTuple):
    """The mean power from ``start_s`` to ``end_s``; of a gauge both are the time at which it was renewed."""

    start_s: float
    end_s: float
    watts: float


class Renewed(NamedTuple):
    """How far apart a meter's renewals are, in s."""

    usual_s: float  # the median
    longest_s: float  # nine of ten come within it
    looked_s: float  # the time between two looks: it may renew more often than this tells


def readings(info: MeterInfo, samples: Sequence[Sample]) -> list[tuple[float, float]]:
    """(time in s, value) of every reading, by the middle of the read; what can be none is none.

    Too much is a reading here: whether its scale is right is to be found out.
    """
    is_reading = replace(info, max_power_w=math.inf).is_reading
    return [
        ((s.start_s + s.end_s) / 2, s.value) for s in samples if s.value is not None and is_reading(s.value)
    ]


def renewals(info: MeterInfo, samples: Sequence[Sample]) -> Renewed | None:
    """How often another value came; ``None``: too few came to tell."""
    looks = readings(info, samples)
    came_s, gaps_s = [], []
    for (before_s, before), (time_s, value) in itertools.pairwise(looks):
        gaps_s.append(time_s - before_s)
        if value != before:
            came_s.append((before_s + time_s) / 2)
    if len(came_s) <= LEAST_RENEWALS:
        return None
    between_s = sorted(later - sooner for sooner, later in itertools.pairwise(came_s))
    longest_s = between_s[min(len(between_s) - 1, int(0.9 * len(between_s)))]
    usual_s, shortest_s = statistics.median(between_s), between_s[int(0.1 * len(between_s))]
    # A steady power in whole watts comes back unchanged: the times between changes are of several renewals.
    usual_s = shortest_s if usual_s > REPEATS * shortest_s else usual_s
    return Renewed(usual_s, longest_s, statistics.median(gaps_s))


def means(info: MeterInfo, samples: Sequence[Sample], renewed: Renewed | None) -> list[Mean]:
    """The powers that the readings say, in order, no more than ``MOST``."""
    found = _of_counter(info, samples) if info.reads == "energy_j" else _of_power(info, samples, renewed)
    if found:
        usual_w = statistics.median(mean.watts for mean in found)
        found = [mean for mean in found if mean.watts <= SPIKE * usual_w] if usual_w > 0 else found
    if len(found) <= MOST:
        return found
    many = -(-len(found) // MOST)
    groups = [found[i : i + many] for i in range(0, len(found), many)]
    if info.reads == "energy_j":
        return [_joined(group) for group in groups]
    return [group[0] for group in groups]


def _joined(group: Sequence[Mean]) -> Mean:
    """A counter's means that follow each other, as one."""
    joules = sum((mean.end_s - mean.start_s) * mean.watts for mean in group)
    span_s = sum(mean.end_s - mean.start_s for mean in group)
    return Mean(group[0].start_s, group[-1].end_s, joules / span_s)


def _of_counter(info: MeterInfo, samples: Sequence[Sample]) -> list[Mean]:
    """Between each two values that follow each other: it counted all of that between their first looks."""
    found = []
    last: tuple[float, float] | None = None
    for time_s, value in readings(info, samples):
        if last is not None and value == last[1]:
            continue
        if last is not None and time_s > last[0]:
            joules = grown_j(info, last[1], value, time_s - last[0])
            if joules is not None:
                found.append(Mean(last[0], time_s, joules / (time_s - last[0])))
        last = time_s, value
    return found


def _of_power(info: MeterInfo, samples: Sequence[Sample], renewed: Renewed | None) -> list[Mean]:
    """Each value at its renewals: a look shows what was renewed some time before."""
    found: list[Mean] = []
    period_s = renewed.usual_s if renewed is not None else 0.0
    since_s, shown = 0.0, None
    for time_s, value in readings(info, samples):
        if value != shown:
            since_s, shown = time_s, value
        at_s = since_s + int((time_s - since_s) / period_s) * period_s if period_s > 0 else time_s
        if not found or at_s > found[-1].end_s:
            found.append(Mean(at_s, at_s, value))
    return found
