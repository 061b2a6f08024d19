"""A meter beside others: of the same joules, or of the parts that it holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from energyprof.report.meter_test.record import MeterResult, Twin, Within
from energyprof.report.meter_test.response import Response
from energyprof.report.meter_test.rises import rise
from energyprof.report.meter_test.scale import holds, sound, twin, within
from energyprof.report.meter_test.steps import LoadTest, Target
from energyprof.report.meter_test.verdict import View


def beside(test: LoadTest, view: View, views: Sequence[View]) -> MeterResult:
    """The meter's result with what the others say of it."""
    if view.response is None or not sound(view.result):
        return view.result
    known = [one for one in views if one is not view and sound(one.result)]
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
