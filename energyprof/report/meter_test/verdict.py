"""What one meter does under load: whether it follows that of its own part, how fast, how late."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace

from energyprof.meter import MeterInfo
from energyprof.report.meter_test.looks import Renewed, means, readings, renewals
from energyprof.report.meter_test.record import MeterResult
from energyprof.report.meter_test.response import Response, respond
from energyprof.report.meter_test.rises import CERTAIN, full_step, half_w, rise
from energyprof.report.meter_test.scale import implausible, implausible_load, least_rise_w
from energyprof.report.meter_test.steps import LoadTest, Target
from energyprof.storable.frozen import dataclass

# A meter that rises so many times as much with another's load as with its own reads the other.
OTHERS = 3.0
# Parts that this load hardly touches.
UNTOUCHED = ("dram", "board")
# A counter whose steps are larger than this is too coarse for a test of seconds.
COARSE_J = 50.0
# What shows one value for fewer of its renewals than these is not frozen for certain.
RENEWALS = 2.0


@dataclass(frozen=True)
class View:
    """One meter with its response to the load; ``None``: its readings give none."""

    info: MeterInfo
    result: MeterResult
    response: Response | None = None


def view(test: LoadTest, index: int) -> View:
    """The verdict on the meter of this index, by itself."""
    info, samples = test.meters[index], test.samples[index]
    expected = expected_of(info, test.targets)
    looks = readings(samples)
    result = MeterResult(
        info.name,
        info.device,
        info.method,
        info.part,
        "unloaded",
        load=" and ".join(target.name for target in expected),
        failed=1 - len(looks) / len(samples) if samples else 1.0,
        problem=test.problems.get(info.name, ""),
    )
    if not looks:
        return View(info, replace(result, state="dead"))
    closely = readings(test.closeups[index])
    renewed = renewals(test.closeups[index]) or renewals(samples)
    result = replace(result, quantum=_quantum([value for _, value in (*looks, *closely)]))
    if renewed is not None:
        result = replace(
            result, renewed_s=renewed.usual_s, renewed_most_s=renewed.longest_s, looked_s=renewed.looked_s
        )
    if len({value for _, value in looks}) == 1:
        return View(info, _still(test, info, result, looks[0][1]))
    edges_s = [step.start_s for step in test.steps] + [test.steps[-1].end_s]
    response = respond(means(info, samples, _paced(renewed)), edges_s)
    if response is None:
        coarse = info.reads == "energy_j" and (result.quantum or 0.0) > COARSE_J
        return View(info, replace(result, state="coarse" if coarse else "sparse"))
    if not expected:
        return View(info, _unloaded(test, info, result, response), response)
    return View(info, _loaded(test, info, result, response, expected), response)


def expected_of(info: MeterInfo, targets: Sequence[Target]) -> list[Target]:
    """The targets whose load it should show: all of its kind where it does not say which is its own."""
    if of_gpu(info):
        return [target for target in targets if target.kind == "gpu" and _same_gpu(info, target)]
    if info.part in ("machine", "soc"):
        return list(targets)
    if info.part not in ("cpu", "dram"):
        return []
    number = re.search(r"(?:package|dram)-(\d+)", f"{info.name} {info.checks}")
    cpus = [target for target in targets if target.kind == "cpu"]
    return [target for target in cpus if number is None or target.device in ("", number[1])]


def of_gpu(info: MeterInfo) -> bool:
    """Whether it stands for one GPU, perhaps with a processor on the same module."""
    return info.part == "gpu" or info.kind in ("nvml", "amdgpu")


def _same_gpu(info: MeterInfo, target: Target) -> bool:
    """By its UUID if both have one, else by its number."""
    if target.device:
        return same_device(info.device, target.device)
    number = re.search(r":(\d+)", info.name)
    return number is None or target.name == f"GPU {number[1]}"


def same_device(a: str, b: str) -> bool:
    """Whether two UUIDs are one; NVML writes a GPU- in front."""
    return a.lower().removeprefix("gpu-") == b.lower().removeprefix("gpu-")


def _paced(renewed: Renewed | None) -> Renewed | None:
    """The renewals that a look may be older than; those as fast as the looks tell nothing."""
    return renewed if renewed is not None and renewed.usual_s > 2 * renewed.looked_s else None


def _still(test: LoadTest, info: MeterInfo, result: MeterResult, value: float) -> MeterResult:
    """The result of a meter that showed one value throughout."""
    if info.reads == "energy_j" and info.resolution > COARSE_J:
        return replace(result, state="coarse", quantum=info.resolution)
    if test.steps[-1].end_s - test.steps[0].start_s < RENEWALS * info.refresh_s:
        return replace(result, state="sparse", renewed_s=info.refresh_s)
    if info.reads == "energy_j":
        return replace(result, state="frozen")
    result = replace(result, idle_w=value)
    # Nothing of it was loaded: a part that is switched off, or a coarse sensor of a steady power.
    if not result.load or info.part in UNTOUCHED:
        return replace(result, state="unloaded")
    # All that it shows may be a reading in another unit, rounded off.
    odd = implausible(info, value, test.limits_w.get(info.name), loaded=True)
    if odd is not None:
        result = replace(result, implausible=odd[0], limit_w=odd[1], factor=odd[2])
    return replace(result, state="frozen")


def _with_response(result: MeterResult, response: Response) -> MeterResult:
    return replace(
        result,
        window_s=response.window_s,
        delay_s=response.delay_s,
        finest_s=response.finest_s,
        decay_s=response.decay_s,
    )


def _unloaded(test: LoadTest, info: MeterInfo, result: MeterResult, response: Response) -> MeterResult:
    """The result of a meter of whose part nothing was loaded."""
    idle = [w for step, w in zip(test.steps, response.levels_w, strict=True) if not step.targets]
    idle_w = sum(idle) / len(idle)
    odd = implausible(info, idle_w, test.limits_w.get(info.name), loaded=False)
    if odd is not None:
        result = replace(result, implausible=odd[0], limit_w=odd[1], factor=odd[2])
    return replace(result, idle_w=idle_w)


def _loaded(
    test: LoadTest, info: MeterInfo, result: MeterResult, response: Response, expected: Sequence[Target]
) -> MeterResult:
    """The result of a meter of a part that was loaded."""
    resolution_w = info.resolution if info.reads == "power_w" else 0.0
    rises = {target.name: rise(test, response, target) for target in test.targets}
    risen = [name for name, one in rises.items() if one.watts > 0 and one.moved(resolution_w)]
    own = max(expected, key=lambda target: rises[target.name].watts)
    mine = rises[own.name]
    used_cpus, limit_w = full_step(test, own).used_cpus or 0.0, test.limits_w.get(info.name)
    odd = implausible_load(info, mine.rest_w, mine.full_w, own, used_cpus, limit_w)
    if odd is not None:
        result = replace(result, implausible=odd[0], limit_w=odd[1], factor=odd[2])
    result = replace(
        result,
        idle_w=mine.rest_w,
        half_w=half_w(test, response, own),
        full_w=mine.full_w,
        follows=tuple(risen),
    )
    beside = [t for t in test.targets if t.kind == own.kind and t not in expected and t.name in risen]
    other = max(beside, key=lambda target: rises[target.name].watts, default=None)
    other_w = rises[other.name].watts if other is not None else 0.0
    if own.name in risen and other_w <= OTHERS * mine.watts:
        return _with_response(replace(result, state="follows"), response)
    if other is not None:
        follows = tuple(t.name for t in beside if rises[t.name].watts > other_w / OTHERS)
        return replace(result, state="elsewhere", follows=follows, full_w=rises[other.name].full_w)
    if info.part in UNTOUCHED:
        return replace(result, state="unloaded")
    if mine.moved(resolution_w):
        return replace(result, state="against")
    seen = CERTAIN * mine.u_w <= least_rise_w(own, used_cpus, limit_w)
    return replace(result, state="unmoved" if seen else "unclear")


def _quantum(values: Sequence[float]) -> float | None:
    """The smallest difference of two values that were shown."""
    seen = sorted(set(values))
    return min((b - a for a, b in itertools.pairwise(seen)), default=None)
