"""What one meter does under load: whether it follows that of its own part, how fast, how late."""

from __future__ import annotations

import itertools
import re
import statistics
from collections.abc import Sequence
from dataclasses import replace

from energyprof.meter import MeterInfo
from energyprof.report.meter_test.looks import Renewed, means, readings, renewals
from energyprof.report.meter_test.record import Implausible, MeterResult
from energyprof.report.meter_test.response import Response, respond
from energyprof.report.meter_test.rises import CERTAIN, full_step, half_w, rise
from energyprof.report.meter_test.scale import implausible, implausible_load, least_rise_w
from energyprof.report.meter_test.steps import LoadTest, Target
from energyprof.report.meter_test.stops import Looks, counted_j, set_back, stuck_s, unseen
from energyprof.storable.frozen import dataclass
from energyprof.trace.rows import Sample

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
    looks = readings(info, samples)
    result = MeterResult(
        info.name,
        info.device,
        info.method,
        info.part,
        "unloaded",
        load=" and ".join(target.name for target in expected),
        failed=1 - len(looks) / len(samples) if samples else 1.0,
        problem=test.problems.get(info.name) or _odd(samples, len(looks)),
    )
    if not looks:
        return View(info, replace(result, state="dead"))
    if (gone := unseen(test, info, looks)) > 0:
        return View(info, replace(result, state="dead", failed=max(gone, result.failed)))
    closely = readings(info, test.closeups[index])
    renewed = renewals(info, test.closeups[index]) or renewals(info, samples)
    result = replace(result, quantum=_quantum(info, looks, closely), set_back=set_back(info, looks))
    if renewed is not None:
        result = replace(
            result, renewed_s=renewed.usual_s, renewed_most_s=renewed.longest_s, looked_s=renewed.looked_s
        )
    if len({value for _, value in looks}) == 1:
        return View(info, _still(test, info, result, looks[0][1]))
    if (since_s := stuck_s(test, info, looks, *_own_load(test, info, expected))) is not None:
        shown_w = looks[-1][1] if info.reads == "power_w" else None
        return View(info, replace(result, state="frozen", since_s=since_s, idle_w=shown_w))
    edges_s = [step.start_s for step in test.steps] + [test.steps[-1].end_s]
    response = respond(means(info, samples, _paced(renewed)), edges_s)
    if response is None or response.window_most_s is not None:
        result = _too_few(info, result, looks, test.limits_w.get(info.name))
        return View(info, result if response is None else _with_response(result, response))
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
    """By its UUID if both have one, else by its number; one that has neither may be any of them."""
    if target.device and info.device and not _ON_A_BUS.fullmatch(info.device):
        return same_device(info.device, target.device)
    number = gpu_number(info)
    return number is None or target.name == f"GPU {number}"


def gpu_number(info: MeterInfo) -> int | None:
    """Which GPU a meter of one is by its kind's count: of "nvml:1:power" the second."""
    match = re.match(rf"{re.escape(info.kind)}:(\d+)(:|$)", info.name)
    return int(match[1]) if match is not None else None


# A sensor of the kernel's knows its card by the place: "0000:03:00.0".
_ON_A_BUS = re.compile(r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")


def same_device(a: str, b: str) -> bool:
    """Whether two UUIDs are one; NVML writes a GPU- in front."""
    return a.lower().removeprefix("gpu-") == b.lower().removeprefix("gpu-")


def _paced(renewed: Renewed | None) -> Renewed | None:
    """The renewals that a look may be older than; those as fast as the looks tell nothing."""
    return renewed if renewed is not None and renewed.usual_s > 2 * renewed.looked_s else None


def _odd(samples: Sequence[Sample], readings: int) -> str:
    """What those showed that came back and are no readings; "": there are none."""
    shown = [sample.value for sample in samples if sample.value is not None]
    odd = next((value for value in shown if not value > 0), None)
    return f"it shows {odd:g} W, which cannot be" if odd is not None and readings < len(shown) else ""


def _own_load(test: LoadTest, info: MeterInfo, expected: Sequence[Target]) -> tuple[Sequence[Target], float]:
    """The targets whose load a meter shows, and by how many W at least."""
    if not expected or info.part in UNTOUCHED:
        return (), 0.0
    limit_w = test.limits_w.get(info.name)
    rises_w = (least_rise_w(one, full_step(test, one).used_cpus or 0.0, limit_w) for one in expected)
    return expected, max(info.resolution, *rises_w)


def _too_few(info: MeterInfo, result: MeterResult, looks: Looks, limit_w: float | None) -> MeterResult:
    """The result of a meter that did not renew often enough."""
    gaps_s = [later - sooner for (sooner, _), (later, _) in itertools.pairwise(looks)]
    result = replace(result, looked_s=result.looked_s or statistics.median(gaps_s))
    if info.reads == "power_w" and result.load:
        result = _scaled(result, implausible(info, max(value for _, value in looks), limit_w, loaded=True))
    if info.reads == "power_w" or (result.quantum or 0.0) <= COARSE_J:
        return replace(result, state="sparse")
    counted = sum(joules or 0.0 for joules in counted_j(info, looks))
    # It counted at least that, and no more than another step of it.
    tick_s = (result.quantum or 0.0) * sum(gaps_s) / counted if counted > 0 else None
    return replace(result, state="coarse", renewed_s=tick_s, renewed_most_s=tick_s)


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
    result = _scaled(result, implausible(info, value, test.limits_w.get(info.name), loaded=True))
    return replace(result, state="frozen")


def _scaled(result: MeterResult, odd: tuple[Implausible, float, float | None] | None) -> MeterResult:
    """The result with why its power cannot be, if it cannot."""
    return result if odd is None else replace(result, implausible=odd[0], limit_w=odd[1], factor=odd[2])


def _with_response(result: MeterResult, response: Response) -> MeterResult:
    return replace(
        result,
        window_s=response.window_s,
        delay_s=response.delay_s,
        finest_s=response.finest_s,
        decay_s=response.decay_s,
        window_most_s=response.window_most_s,
    )


def _unloaded(test: LoadTest, info: MeterInfo, result: MeterResult, response: Response) -> MeterResult:
    """The result of a meter of whose part nothing was loaded."""
    idle = [w for step, w in zip(test.steps, response.levels_w, strict=True) if not step.targets]
    idle_w = sum(idle) / len(idle)
    result = _scaled(result, implausible(info, idle_w, test.limits_w.get(info.name), loaded=False))
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
    result = _scaled(result, implausible_load(info, mine.rest_w, mine.full_w, own, used_cpus, limit_w))
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


def _quantum(info: MeterInfo, *times: Looks) -> float | None:
    """The smallest difference of two values that were shown; of a counter only if it was seen to stand."""
    both = [values for looks in times for values in itertools.pairwise(value for _, value in looks)]
    if info.reads == "energy_j" and not any(a == b for a, b in both):
        return None
    seen = sorted({value for looks in times for _, value in looks})
    return min((b - a for a, b in itertools.pairwise(seen)), default=None)
