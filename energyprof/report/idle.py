"""What the machine uses when idle, before and after a run, and the run's energy net of that."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from energyprof.report.energy import Energy
from energyprof.report.flags import Flag, flag
from energyprof.report.record import Phase
from energyprof.report.uncertainty import SCALE, ZERO

# How much the idle power may change between before and after; more makes the net energy doubtful.
DRIFT = 0.03


@dataclass(frozen=True)
class Idle:
    """The machine without the training."""

    before_w: float | None  # None: it was not measured
    after_w: float | None
    net_j: float | None  # the run's energy less what idling would have used
    net_u_j: float | None  # k = 2
    flags: tuple[Flag, ...]


def idle(energy: Energy, train: tuple[float, float] | None, phases: Sequence[Phase], ended_s: float) -> Idle:
    """The idle powers before the start and after ``ended_s``, and the net ``energy`` of the window ``train``.

    The zero error of a power meter is in both, so it drops out; so does the gain's share of the idle energy.
    """
    before, after = _side(phases, ended_s, "before"), _side(phases, ended_s, "after")
    known = [side for side in (before, after) if side is not None]
    net_j = net_u_j = None
    if energy.joules is not None and train is not None and known:
        span_s = train[1] - train[0]
        idle_w = math.fsum(power_w for power_w, _ in known) / len(known)
        idle_u_w = math.hypot(*(u_w for _, u_w in known)) / len(known)
        net_j = energy.joules - idle_w * span_s
        gain_u_j = energy.terms_j.get("gain", 0.0) * abs(net_j / energy.joules) if energy.joules else 0.0
        net_u_j = 2 * math.hypot(gain_u_j, idle_u_w * span_s, *_reading(energy.terms_j))
    return Idle(before and before[0], after and after[0], net_j, net_u_j, _drift(before, after))


def _drift(before: tuple[float, float] | None, after: tuple[float, float] | None) -> tuple[Flag, ...]:
    """A flag if the idle power changed by more than ``DRIFT``, and by more than is doubtful."""
    if before is None or after is None:
        return ()
    if abs(after[0] - before[0]) <= DRIFT * before[0] + 2 * math.hypot(before[1], after[1]):
        return ()
    return (flag("idle_drift", detail=f"{before[0]:.3g} W before, {after[0]:.3g} W after"),)


def _side(
    phases: Sequence[Phase], ended_s: float, side: Literal["before", "after"]
) -> tuple[float, float] | None:
    """Mean power and its standard uncertainty in W, without gain and zero error, on one side of the run."""
    for phase in phases:
        if phase.name != "idle" or (phase.start_s >= ended_s) != (side == "after"):
            continue
        span_s = phase.end_s - phase.start_s
        if phase.energy_j is not None and span_s > 0:
            return phase.energy_j / span_s, math.hypot(*_reading(phase.budget_j)) / span_s
    return None


def _reading(terms_j: Mapping[str, float]) -> list[float]:
    return [u_j for term, u_j in terms_j.items() if term not in (*SCALE, *ZERO)]
