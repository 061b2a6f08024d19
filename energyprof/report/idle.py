"""What the machine uses when idle, before and after a run, and the run's energy net of that."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from energyprof.report.energy import RECTANGLE, Energy
from energyprof.report.flags import Flag, flag
from energyprof.report.phases import PhaseInterval
from energyprof.report.uncertainty import SCALE, ZERO, wider
from energyprof.storable.frozen import dataclass

# How much the idle power may change between before and after; more makes the net energy doubtful.
DRIFT = 0.03
# A shorter idle phase was not asked for: it is the moment between the profiler's start and the program's.
ASKED_S = 0.05
# One that is too short for its meter is worth a word from this length on.
SAID_S = 0.5
# An idle power is that of the time that was seen; what it was in the rest does not enter.
UNSEEN = ("unseen",)


@dataclass(frozen=True)
class Idle:
    """The machine without the training."""

    before_w: float | None  # None: it was not measured, or for too short a time
    after_w: float | None
    net_j: float | None  # the run's energy less what idling would have used
    net_u_j: float | None  # k = 2
    flags: tuple[Flag, ...]


def idle(
    energy: Energy,
    train: tuple[float, float] | None,
    looks: Sequence[tuple[PhaseInterval, Energy]],
    ended_s: float,
) -> Idle:
    """The idle powers before the start and after ``ended_s``, and the net ``energy`` of the window ``train``.

    The zero error of a power meter is in both, so it drops out; so does the gain's share of the idle energy.
    In between, the idle power was anywhere from the one before to the one after.
    """
    before, after = _side(looks, ended_s, "before"), _side(looks, ended_s, "after")
    known = [side for side in (before, after) if side is not None]
    net_j = net_u_j = None
    if energy.joules is not None and train is not None and known:
        span_s = train[1] - train[0]
        idle_w = math.fsum(power_w for power_w, _ in known) / len(known)
        idle_u_w = math.hypot(*(u_w for _, u_w in known)) / len(known)
        drift_w = RECTANGLE * abs(known[0][0] - known[-1][0]) / 2
        net_j = energy.joules - idle_w * span_s
        one_way_j = wider(energy.terms_j)
        scale_j = math.hypot(*(one_way_j.get(term, 0.0) for term in SCALE))
        scale_u_j = scale_j * abs(net_j / energy.joules) if energy.joules else 0.0
        net_u_j = 2 * math.hypot(scale_u_j, idle_u_w * span_s, drift_w * span_s, *_reading(energy.terms_j))
    flags = _drift(before, after) + _too_short(looks)
    return Idle(before and before[0], after and after[0], net_j, net_u_j, flags)


def _drift(before: tuple[float, float] | None, after: tuple[float, float] | None) -> tuple[Flag, ...]:
    """A flag if the idle power changed by more than ``DRIFT``, and by more than is doubtful."""
    if before is None or after is None:
        return ()
    if abs(after[0] - before[0]) <= DRIFT * before[0] + 2 * math.hypot(before[1], after[1]):
        return ()
    return (flag("idle_drift", detail=f"{before[0]:.3g} W before, {after[0]:.3g} W after"),)


def _too_short(looks: Sequence[tuple[PhaseInterval, Energy]]) -> tuple[Flag, ...]:
    """A flag if the machine was left idle, but not for long enough to tell its power."""
    for phase, energy in looks:
        looked = phase.name == "idle" and phase.end_s - phase.start_s >= SAID_S
        if looked and energy.joules is not None and energy.seen_w is None:
            return (flag("idle_short", detail=f"{energy.seen_s:.2g} s"),)
    return ()


def _side(
    looks: Sequence[tuple[PhaseInterval, Energy]], ended_s: float, side: Literal["before", "after"]
) -> tuple[float, float] | None:
    """Mean power and its standard uncertainty in W, without gain and zero error, on one side of the run."""
    for phase, energy in looks:
        if phase.name != "idle" or (phase.start_s >= ended_s) != (side == "after"):
            continue
        if phase.end_s - phase.start_s >= ASKED_S and energy.seen_w is not None:
            known = {term: u_j for term, u_j in energy.terms_j.items() if term not in UNSEEN}
            return energy.seen_w, math.hypot(*_reading(known)) / energy.seen_s
    return None


def _reading(terms_j: Mapping[str, float]) -> list[float]:
    return [u_j for term, u_j in terms_j.items() if term not in (*SCALE, *ZERO)]
