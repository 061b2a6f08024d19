"""By how much a meter's power rises where one target alone is loaded."""

from __future__ import annotations

import math
from typing import NamedTuple

from energyprof.report.meter_test.response import Response
from energyprof.report.meter_test.steps import FULL, HALF, LoadTest, Step, Target

# A rise of so many standard uncertainties, and of this share of the power, is one.
CERTAIN = 4.0
LEAST_RISE = 0.01


class Rise(NamedTuple):
    """The power with the target in full load, and in the idle steps beside that."""

    rest_w: float
    full_w: float
    u_w: float  # standard, of their difference; a drift from one idle step to the next is in it

    @property
    def watts(self) -> float:
        """By how much it is more; negative: less."""
        return self.full_w - self.rest_w

    def moved(self, resolution_w: float) -> bool:
        """Whether the load changed the power for certain, up or down."""
        return abs(self.watts) > max(CERTAIN * self.u_w, LEAST_RISE * abs(self.rest_w), resolution_w)


def rise(test: LoadTest, response: Response, target: Target) -> Rise:
    """What a meter's response says of a target's load."""
    at = test.steps.index(full_step(test, target))
    idle = [i for i, step in enumerate(test.steps) if not step.targets]
    before, after = max(i for i in idle if i < at), min(i for i in idle if i > at)
    levels_w, u_w = response.levels_w, response.levels_u_w
    scatter_w = math.sqrt(u_w[at] ** 2 + (u_w[before] ** 2 + u_w[after] ** 2) / 4)
    drift_w = abs(levels_w[before] - levels_w[after]) / 2
    rest_w = (levels_w[before] + levels_w[after]) / 2
    return Rise(rest_w, levels_w[at], math.hypot(scatter_w, drift_w / CERTAIN))


def full_step(test: LoadTest, target: Target) -> Step:
    """The step in which the target alone was loaded in full."""
    return next(s for s in test.steps if s.targets == (target.name,) and s.share == FULL)


def half_w(test: LoadTest, response: Response, target: Target) -> float | None:
    """The power in the step in which all of the target's kind were half loaded."""
    for step, level_w in zip(test.steps, response.levels_w, strict=True):
        if target.name in step.targets and step.share == HALF:
            return level_w
    return None
