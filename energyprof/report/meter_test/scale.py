"""Whether a power can be what it says: what processors, GPUs and machines draw under a load."""

from __future__ import annotations

import math
from collections.abc import Sequence

from energyprof.meter import BOUNDARIES, MeterInfo, Part
from energyprof.report.meter_test.record import Implausible, MeterResult, Twin, Within
from energyprof.report.meter_test.steps import Target

# No device of the kind draws more, in W: twice the largest package with its memory (500 W), the largest GPU
# (1,400 W), module or board, and a large node of GPUs (15 kW).
MOST_W: dict[Part, float] = {
    "cpu": 1000.0,
    "dram": 500.0,
    "gpu": 2800.0,
    "board": 2000.0,
    "soc": 5000.0,
    "machine": 30_000.0,
}
# A board may pass the limit that it enforces for some milliseconds, its meter by its gain.
OVER_LIMIT = 1.3
# Nor less under full load: a small core of a phone's processor takes 0.1 W, an embedded GPU some watts. A
# GPU whose limit is known takes at least this share of it.
LEAST_A_CPU_W = 0.03
LEAST_GPU_W = 0.1
# A card of its own under full load takes more than this: its memory alone does.
LEAST_CARD_W = 2.0
CARDS = ("nvml", "amdgpu", "intelgpu")
LEAST_OF_LIMIT = 0.05
LEAST_MACHINE_W = 0.5
# A processor that goes from rest to full load takes some watts more, a large server's 1 W at least.
RISE_A_CPU_W, RISE_GPU_W = 0.5, 2.0
# Nor does it take more than this: the fastest without hyperthreading have 25 W a core (EPYC 9175F: 400 W of
# 16), and with the first of a server's cores wakes what all of them share.
MOST_A_CPU_W, WAKES_W = 30.0, 100.0
# What feeds a processor loses a quarter at most twice (supply, board), and fans turn faster: a whole rises by
# so many times its parts' rise. It rises by less only by what both meters' gains are off.
LEAST_RISE, MOST_RISE = 0.8, 2.2
# Of parts that rose by less than this share of what the whole reads, noise tells more.
MATTERS = 0.05
# What two ways to read one device may differ by where neither says; gains of sensors are off by 5 %.
TWINS = 0.05


def implausible(
    info: MeterInfo, shown_w: float, limit_w: float | None, *, loaded: bool
) -> tuple[Implausible, float, float | None] | None:
    """Why a power cannot be, the bound in W, and which factor would mend it.

    ``limit_w``: what its device may draw; ``loaded``: its part was in full load, by however many processors.
    """
    least_w = _least_w(info, 0.0, limit_w) if loaded else 0.0
    return _beyond(shown_w, (least_w, _most_w(info, limit_w)), limit_w, 0.0)


def implausible_load(
    info: MeterInfo, rest_w: float, full_w: float, target: Target, used_cpus: float, limit_w: float | None
) -> tuple[Implausible, float, float | None] | None:
    """The same of the powers at rest and under the full load of ``target``, which it should show.

    ``used_cpus``: processors that this kept busy.
    """
    shown_w = max(rest_w, full_w)
    bounds_w = (_least_w(info, used_cpus, limit_w), _most_w(info, limit_w))
    if (odd := _beyond(shown_w, bounds_w, limit_w, least_rise_w(target, used_cpus, limit_w))) is None:
        # Of a limit nothing is known here: it would be passed, too.
        most_w = rest_w + _most_rise_w(info, target)
        return ("above_any", most_w, None) if full_w > most_w else None
    return odd


def _beyond(
    shown_w: float, bounds_w: tuple[float, float], limit_w: float | None, rise_w: float
) -> tuple[Implausible, float, float | None] | None:
    """Which bound is passed; a factor of a thousand is named only if it leaves a rise of ``rise_w``."""
    least_w, most_w = bounds_w
    if least_w <= shown_w <= most_w:
        return None
    if shown_w < least_w:
        return "below_any", least_w, 1000.0 if least_w <= 1000 * shown_w <= most_w else None
    factor = 0.001 if max(least_w, rise_w) <= shown_w / 1000 else None
    return ("above_limit", limit_w, factor) if limit_w else ("above_any", most_w, factor)


def _most_w(info: MeterInfo, limit_w: float | None) -> float:
    """What the part takes at most."""
    return min(MOST_W[info.part], OVER_LIMIT * limit_w if limit_w else math.inf)


def _least_w(info: MeterInfo, busy_cpus: float, limit_w: float | None) -> float:
    """What the part takes at least when it is fully loaded."""
    if info.part == "cpu" and info.boundary == "component":
        return LEAST_A_CPU_W * busy_cpus
    if info.part == "gpu":
        least_w = LEAST_CARD_W if info.kind in CARDS else LEAST_GPU_W
        return max(least_w, LEAST_OF_LIMIT * (limit_w or 0.0))
    return LEAST_MACHINE_W if info.part in ("machine", "soc") else 0.0


def least_rise_w(target: Target, used_cpus: float, limit_w: float | None) -> float:
    """By how much less than any meter of it, or of the machine, would rise with a target's full load."""
    if target.kind == "cpu":
        return RISE_A_CPU_W * used_cpus
    return max(RISE_GPU_W, LEAST_OF_LIMIT * (limit_w or 0.0))


def _most_rise_w(info: MeterInfo, target: Target) -> float:
    """By how much no meter of it, or of the machine, rises with a target's full load."""
    if target.kind == "gpu":
        return math.inf
    most_w = WAKES_W + MOST_A_CPU_W * target.cpus
    return most_w if info.boundary == "component" else MOST_RISE * most_w


def twin(info: MeterInfo, rise_w: float, other: MeterInfo, other_rise_w: float, u_w: float) -> Twin | None:
    """How a meter's rise compares with that of the one of the same joules; ``u_w``: what noise may explain.

    ``None``: the other does not rise.
    """
    if other_rise_w <= 0:
        return None
    tolerance = max(info.tolerance, other.tolerance, TWINS) + u_w / other_rise_w
    ratio = max(0.0, rise_w / other_rise_w)
    return Twin(other.name, ratio, tolerance, abs(ratio - 1) <= tolerance)


def within(
    whole: MeterInfo, rise_w: float, idle_w: float, parts: Sequence[tuple[MeterInfo, float]], u_w: float
) -> Within | None:
    """A whole's rise beside that of the parts that it feeds; ``None``: they rose too little to tell."""
    total_w = sum(part_w for _, part_w in parts)
    if not parts or total_w < MATTERS * (idle_w + rise_w) or total_w < 4 * u_w:
        return None
    agrees = LEAST_RISE * total_w - u_w <= rise_w <= MOST_RISE * total_w + u_w
    return Within(tuple(info.name for info, _ in parts), rise_w, total_w, agrees)


def holds(whole: MeterInfo, part: MeterInfo) -> bool:
    """Whether the joules of ``part`` are among those of ``whole``."""
    if whole.part == "machine":
        return BOUNDARIES.index(part.boundary) < BOUNDARIES.index(whole.boundary)
    return whole.part == "soc" and part.part in ("cpu", "gpu") and part.boundary == whole.boundary


def sound(result: MeterResult) -> bool:
    """Whether a meter may be held against others."""
    return result.state == "follows" and result.implausible is None
