"""A meter beside others: of the same joules, or of the parts that it holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from energyprof.report.meter_test.looks import readings
from energyprof.report.meter_test.record import MeterResult, Twin, Within
from energyprof.report.meter_test.response import Response
from energyprof.report.meter_test.rises import rise
from energyprof.report.meter_test.scale import holds, sound, twin, within
from energyprof.report.meter_test.steps import LoadTest, Target
from energyprof.report.meter_test.stops import counted_j
from energyprof.report.meter_test.verdict import View

# A counter of too few steps to tell more counts so many times what its twin does: in another unit.
FAR = 3.0


def beside(test: LoadTest, view: View, views: Sequence[View]) -> MeterResult:
    """The meter's result with what the others say of it."""
    known = [one for one in views if one is not view and sound(one.result)]
    if view.result.state in ("coarse", "sparse"):
        return replace(view.result, twin=_counted(test, view, known))
    if view.response is None or not sound(view.result):
        return view.result
    return replace(
        view.result,
        twin=_twin(test, view, view.response, known),
        within=_within(test, view, view.response, known),
    )


def _twin(test: LoadTest, view: View, response: Response, known: Sequence[View]) -> Twin | None:
    other = next((one for one in known if one.info.name == view.info.checks), None)
    if other is None or other.response is None:
        return None
    shared = [t for t in test.targets if t.name in view.result.follows and t.name in other.result.follows]
    if not shared:
        return None
    theirs, target = max(((rise(test, other.response, t), t) for t in shared), key=lambda one: one[0].watts)
    mine = rise(test, response, target)
    u_w = 2 * math.hypot(mine.u_w, theirs.u_w)
    return twin(view.info, mine.watts, other.info, theirs.watts, u_w)


def _counted(test: LoadTest, view: View, known: Sequence[View]) -> Twin | None:
    """What a counter too rare for steps counted through the test beside its twin; ``None``: as much.

    Only what one more of its own steps, and ``FAR`` besides, does not explain tells anything.
    """
    other = next((one for one in known if one.info.name == view.info.checks), None)
    looks = readings(view.info, test.samples[test.meters.index(view.info)])
    if view.info.reads != "energy_j" or other is None or other.response is None or len(looks) < 2:
        return None
    steps_j = [joules or 0.0 for joules in counted_j(view.info, looks)]
    whole_j, step_j = sum(steps_j), max(steps_j)
    theirs_j = math.fsum(
        level_w * (min(step.end_s, looks[-1][0]) - max(step.start_s, looks[0][0]))
        for step, level_w in zip(test.steps, other.response.levels_w, strict=True)
    )
    if theirs_j <= 0 or whole_j == 0 or whole_j - step_j <= FAR * theirs_j:
        return None
    return Twin(other.info.name, whole_j / theirs_j, FAR - 1, agrees=False)


def _within(test: LoadTest, view: View, response: Response, known: Sequence[View]) -> Within | None:
    """Under each target's load; of those the first that does not agree, else the one that moved it most."""
    found = [_under(test, view, response, known, target) for target in test.targets]
    told = [one for one in found if one is not None]
    apart = [one for one in told if not one.agrees]
    return max(apart or told, key=lambda one: one.parts_rise_w, default=None)


def _under(
    test: LoadTest, view: View, response: Response, known: Sequence[View], target: Target
) -> Within | None:
    mine = rise(test, response, target)
    parts, u_w2 = [], mine.u_w**2
    for one in known:
        if one.response is None or one.info.checks or not holds(view.info, one.info):
            continue
        if target.name in one.result.follows:
            part = rise(test, one.response, target)
            parts.append((one.info, part.watts))
            u_w2 += part.u_w**2
    return within(view.info, mine.watts, mine.rest_w, parts, 2 * math.sqrt(u_w2))
