"""A meter that stops within a test: no more readings, one value from then on; counters that are set back."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence

from energyprof.meter import MeterInfo
from energyprof.report.meter_test.steps import LoadTest, Step, Target

Looks = Sequence[tuple[float, float]]

# A meter that is read at least so often in a step should have a reading in each.
LOOKS_A_STEP = 2.0
# One value for so many of its renewals is not chance.
RENEWALS = 2.0
# It shows one value through this share of a step if it should have shown another.
MUCH = 0.5


def unseen(test: LoadTest, info: MeterInfo, looks: Looks) -> float:
    """The share of the test's time without a reading; 0 if each step has one, or none that it should have."""
    start_s, end_s = test.steps[0].start_s, test.steps[-1].end_s
    times_s = [time_s for time_s, _ in looks]
    gaps_s = [later - sooner for sooner, later in itertools.pairwise(times_s)]
    pace_s = statistics.median(gaps_s) if gaps_s else info.min_interval_s
    seen = [any(step.start_s <= time_s <= step.end_s for time_s in times_s) for step in test.steps]
    seldom_s = (end_s - start_s) / len(test.steps) / LOOKS_A_STEP
    if all(seen) or pace_s > seldom_s:
        return 0.0
    gaps_s = [later - sooner for sooner, later in itertools.pairwise([start_s, *times_s, end_s])]
    return min(1.0, sum(gap_s for gap_s in gaps_s if gap_s > seldom_s) / (end_s - start_s))


def stuck_s(
    test: LoadTest, info: MeterInfo, looks: Looks, expected: Sequence[Target], rise_w: float
) -> float | None:
    """Since when a meter that moved before shows its last value, though it should have shown others.

    A counter stands still for no part of a load. A power should have changed at least where one of
    ``expected`` went from rest to full load or back; it moved if it did so by ``rise_w``.
    """
    changes_s = [b_s for (_, a), (b_s, b) in itertools.pairwise(looks) if b != a]
    if not changes_s or info.may_stand_still:
        return None
    since_s, end_s = changes_s[-1], looks[-1][0]
    between_s = [later - sooner for sooner, later in itertools.pairwise([looks[0][0], *changes_s])]
    if end_s - since_s < RENEWALS * max(info.refresh_s, *between_s):
        return None
    if info.reads == "energy_j":
        longest_s = max(step.end_s - step.start_s for step in test.steps)
        return since_s if end_s - since_s >= MUCH * longest_s and len(changes_s) > RENEWALS else None
    before = [value for time_s, value in looks if time_s < since_s]
    if max(before) - min(before) < rise_w:
        return None
    through = [step for step in test.steps if _through(step, since_s, end_s)]
    loaded = {t.name for t in expected for step in through if step.targets == (t.name,) and step.share == 1}
    return since_s if loaded and any(not step.targets for step in through) else None


def _through(step: Step, since_s: float, end_s: float) -> bool:
    """Whether one value was shown through much of a step."""
    return min(step.end_s, end_s) - max(step.start_s, since_s) >= MUCH * (step.end_s - step.start_s)


def grown_j(info: MeterInfo, before: float, after: float, span_s: float) -> float | None:
    """What a counter counted from one value to another, in J; ``None``: it was set back between them."""
    if after >= before:
        return after - before
    wrapped_j = after - before + (info.wraps_at_j or -math.inf)
    # So long after a wrap it cannot have come so far.
    return wrapped_j if 0 <= wrapped_j <= info.max_power_w * span_s + info.resolution else None


def counted_j(info: MeterInfo, looks: Looks) -> list[float | None]:
    """The same from look to look."""
    return [grown_j(info, a, b, b_s - a_s) for (a_s, a), (b_s, b) in itertools.pairwise(looks)]


def set_back(info: MeterInfo, looks: Looks) -> int:
    """How often a counter was set back."""
    return counted_j(info, looks).count(None) if info.reads == "energy_j" else 0
