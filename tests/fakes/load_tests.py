"""Meter tests as they would be recorded: powers that follow steps of load in closed form, and their meters.

A target rests at ``IDLE_W`` and takes ``RISE_W`` more in full load, half of that in half load.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from energyprof.meter import MeterInfo
from energyprof.report.foreign_load import LoadReading
from energyprof.report.meter_test.judge import judge
from energyprof.report.meter_test.record import MeterResult, MeterTestRecord
from energyprof.report.meter_test.steps import LoadTest, Step, Target, plan
from energyprof.trace.rows import Sample
from fakes.meters import counter, gauge

IDLE_W, RISE_W = 12.0, 49.0
STEP_S = 7.5
CPU0, CPU1 = (Target(f"CPU package {n}", "cpu", str(n), 8, "8 of 8 CPUs") for n in (0, 1))
GPU0, GPU1 = (Target(f"GPU {n}", "gpu", "", 0, f"fake, cuda:{n} of PyTorch") for n in (0, 1))


@dataclass(frozen=True)
class Shown:
    """How a meter shows what the targets ``of`` it draw."""

    info: MeterInfo
    of: Sequence[Target] = (CPU0,)
    scale: float = 1.0
    offset_w: float = 0.0
    renewed_s: float = 0.1
    window_s: float = 0.0  # over what it averages
    decay_s: float = 0.0  # its mean falls off with this time constant
    delay_s: float = 0.0
    noise: float = 0.0  # standard deviation of a power, as a share of RISE_W
    quantum: float = 0.0
    value: Callable[[float], float | None] | None = None  # what is read instead


def package(name: str = "rapl:package-0", **changes: Any) -> MeterInfo:
    """A counter of a processor package."""
    fields = {"device": "Fake CPU", "refresh_s": 0.001, "max_power_w": 2000, **changes}
    return counter(name=name, kind="rapl", **fields)


def plug(name: str = "shelly", **changes: Any) -> MeterInfo:
    """A power of the whole machine over whose averaging its maker is silent."""
    fields = {
        "part": "machine",
        "boundary": "wall_ac",
        "refresh_s": 1.0,
        "window_s": 5.0,
        "window_assumed": True,
    }
    return gauge(name=name, kind="shelly", max_power_w=5000, **{**fields, **changes})


def gpu(number: int = 0, **changes: Any) -> MeterInfo:
    """A counter of a GPU."""
    return counter(name=f"nvml:{number}", kind="nvml", part="gpu", refresh_s=0.1, ticks=True, **changes)


def recorded(
    *shown: Shown,
    targets: Sequence[Target] = (CPU0,),
    step_s: float = STEP_S,
    interval_s: float = 0.02,
    seed: object = 1,
    **changes: Any,
) -> LoadTest:
    """The test of these meters while the targets are loaded."""
    steps = tuple(
        Step(number * step_s, (number + 1) * step_s, step.targets, step.share, _used(step, targets))
        for number, step in enumerate(plan(targets))
    )
    rng = random.Random(str(seed))
    samples = [
        _samples(one, steps, 0.0, steps[-1].end_s, one.info.min_interval_s or interval_s, rng)
        for one in shown
    ]
    after_s = steps[-1].end_s
    closeups = [
        [] if one.info.min_interval_s else _samples(one, steps, after_s, after_s + 0.3, 0.0002, rng)
        for one in shown
    ]
    test = LoadTest(tuple(targets), steps, tuple(one.info for one in shown), samples, closeups)
    return replace(test, **changes)


def judged(test: LoadTest) -> MeterTestRecord:
    """The verdicts on it."""
    return judge(test, "2026-11-29T01:02:03.000Z", "0", "fake")


def result(*shown: Shown, **how: Any) -> MeterResult:
    """The verdict on the first of the meters."""
    return judged(recorded(*shown, **how)).results[0]


def busy(others_s: float, cpus: int = 8, until_s: float = 4 * STEP_S) -> tuple[LoadReading, ...]:
    """Readings of the machine's processors of which others use ``others_s`` a second."""
    return tuple(LoadReading(at_s, others_s * at_s, 0.0, cpus) for at_s in (0.0, until_s / 2, until_s))


def _used(step: Any, targets: Sequence[Target]) -> float:
    return sum(step.share * target.cpus for target in targets if target.name in step.targets)


def _drawn(shown: Shown, steps: Sequence[Step]) -> list[tuple[float, float]]:
    """When each step begins, and what the meter's targets draw in it."""
    return [
        (
            step.start_s if number else -1000.0,
            sum(IDLE_W + RISE_W * step.share * (target.name in step.targets) for target in shown.of),
        )
        for number, step in enumerate(steps)
    ]


def _energy_j(shown: Shown, drawn: Sequence[tuple[float, float]], at_s: float) -> float:
    """What the meter's targets draw from long before the test until then; in the closed form."""
    joules = 0.0
    for number, (start_s, power_w) in enumerate(drawn):
        if number + 1 == len(drawn) or at_s < drawn[number + 1][0]:
            joules += (at_s - start_s) * power_w
            break
        joules += (drawn[number + 1][0] - start_s) * power_w
    return shown.scale * joules + shown.offset_w * (at_s + 1000)


def _fading_w(shown: Shown, steps: Sequence[Step], at_s: float) -> float:
    """What a mean that falls off shows then; in the closed form."""
    shown_w = last_w = sum(IDLE_W for _ in shown.of)
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        if step.start_s > at_s:
            break
        last_w = sum(IDLE_W + RISE_W * step.share * (target.name in step.targets) for target in shown.of)
        end_s = min(at_s, following.start_s if following is not None else at_s)
        shown_w = last_w + (shown_w - last_w) * math.exp(-(end_s - step.start_s) / shown.decay_s)
    return shown.scale * shown_w + shown.offset_w


def _samples(
    shown: Shown, steps: Sequence[Step], from_s: float, until_s: float, interval_s: float, rng: random.Random
) -> list[Sample]:
    found, last, noise_w = [], math.nan, 0.0
    drawn = _drawn(shown, steps)
    for number in itertools.count():
        at_s = from_s + (number + rng.random()) * interval_s
        if at_s >= until_s:
            return found
        renewed_s = math.floor(at_s / shown.renewed_s) * shown.renewed_s if shown.renewed_s else at_s
        if shown.value is not None:
            value = shown.value(renewed_s)
        elif shown.info.reads == "energy_j":
            end_s, looks = renewed_s - shown.delay_s, 50 if shown.window_s else 1
            times_s = [end_s - shown.window_s * i / looks for i in range(looks)]
            value = sum(_energy_j(shown, drawn, time_s) for time_s in times_s) / looks
        else:
            if renewed_s != last:
                last, noise_w = renewed_s, rng.gauss(0, shown.noise * RISE_W) if shown.noise else 0.0
            end_s, window_s = renewed_s - shown.delay_s, shown.window_s or 1e-6
            joules = _energy_j(shown, drawn, end_s) - _energy_j(shown, drawn, end_s - window_s)
            value = joules / window_s + noise_w
            if shown.decay_s:
                value = _fading_w(shown, steps, end_s) + noise_w
        if value is not None and shown.quantum:
            value = math.floor(value / shown.quantum) * shown.quantum
        found.append(Sample(at_s, at_s + 2e-5, value))
    raise AssertionError


Limits = Mapping[str, float]
