"""A verdict for each way in which a meter is broken, and none for one that is well."""

from __future__ import annotations

from dataclasses import replace

import pytest

from energyprof.meter import MeterInfo
from energyprof.profile.loads import gpu_meters
from energyprof.report.meter_test.scale import MOST_W
from energyprof.report.meter_test.steps import FULL, HALF, Target, plan
from fakes.load_tests import CPU0, CPU1, GPU0, GPU1, Shown, busy, gpu, judged, package, plug, recorded, result

UUIDS = [f"GPU-a{n}000000-0000-4000-8000-00000000000{n}" for n in (0, 1)]


@pytest.mark.slow
def test_a_counter_that_follows_its_processor_is_well() -> None:
    record = judged(recorded(Shown(package(), renewed_s=0.001)))
    (found,) = record.results
    assert (found.state, found.broken, found.follows) == ("follows", False, ("CPU package 0",))
    assert (found.idle_w, found.full_w) == (pytest.approx(12, rel=0.01), pytest.approx(61, rel=0.01))
    assert found.half_w == pytest.approx(36.5, rel=0.01)
    assert record.passed


def test_targets_are_loaded_half_together_and_each_alone_in_full() -> None:
    steps = [(step.targets, step.share) for step in plan((CPU0, GPU0, GPU1))]
    assert steps == [
        ((), 0),
        (("CPU package 0",), HALF),
        (("CPU package 0",), FULL),
        ((), 0),
        (("GPU 0", "GPU 1"), HALF),
        (("GPU 0",), FULL),
        (("GPU 1",), FULL),
        ((), 0),
    ]


def test_a_dead_meter_is_named_with_what_its_reads_said() -> None:
    found = result(Shown(package(), value=lambda _: None), problems={"rapl:package-0": "Input/output error"})
    assert (found.state, found.broken, found.problem, found.failed) == ("dead", True, "Input/output error", 1)


@pytest.mark.parametrize("info", [package(), plug(), gpu()], ids=["counter", "power", "GPU"])
def test_a_frozen_meter_is_named(info: MeterInfo) -> None:
    found = result(Shown(info, value=lambda _: 42.0), targets=(CPU0, GPU0))
    assert (found.state, found.broken) == ("frozen", True)


def test_a_meter_that_may_renew_later_than_the_test_lasted_is_not_called_frozen() -> None:
    register = package("shelly:register", part="machine", refresh_s=60.0)
    found = result(Shown(register, value=lambda _: 42.0))
    assert (found.state, found.broken, found.renewed_s) == ("sparse", False, 60)
    assert result(Shown(register, value=lambda _: 42.0), step_s=31.0).state == "frozen"


def test_a_steady_power_of_what_was_not_loaded_is_not_called_frozen() -> None:
    rail = plug("jetson:CV", part="board", boundary="module", may_be_zero=True)
    found = result(Shown(rail, value=lambda _: 0.0))
    assert (found.state, found.broken) == ("unloaded", False)


def test_a_register_too_coarse_for_the_test_is_not_called_frozen() -> None:
    register = package("shelly:register", part="machine", resolution=3600.0)
    found = result(Shown(register, quantum=3600.0))
    assert (found.state, found.broken, found.quantum) == ("coarse", False, 3600)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1000, 0.001])
@pytest.mark.parametrize(
    ("info", "target", "limit_w"),
    [(package(), CPU0, 0), (gpu(), GPU0, 75), (gpu(), GPU0, 0)],
    ids=["cpu", "gpu", "any gpu"],
)
def test_a_power_a_thousand_times_too_large_or_too_small_is_named(
    info: MeterInfo, target: Target, limit_w: float, scale: float
) -> None:
    limits_w = {info.name: limit_w} if limit_w else {}
    found = result(Shown(info, (target,), scale=scale), targets=(CPU0, GPU0), limits_w=limits_w)
    assert found.broken
    assert found.implausible == ("below_any" if scale < 1 else "above_limit" if limit_w else "above_any")
    assert found.factor == pytest.approx(1 / scale)


@pytest.mark.slow
def test_more_than_a_gpus_limit_is_named_and_no_factor_is_guessed_that_would_not_mend_it() -> None:
    found = result(Shown(gpu(), (GPU0,), scale=2), targets=(GPU0,), limits_w={"nvml:0": 75})
    assert (found.implausible, found.factor) == ("above_limit", None)
    assert not result(Shown(gpu(), (GPU0,)), targets=(GPU0,), limits_w={"nvml:0": 75}).broken


@pytest.mark.parametrize("info", [package(), plug()], ids=["package", "plug"])
def test_ten_times_too_much_is_more_than_so_many_processors_take(info: MeterInfo) -> None:
    found = result(Shown(info, scale=10 if info.part == "cpu" else 20))
    assert (found.state, found.broken, found.implausible) == ("follows", True, "above_any")
    assert found.factor is None  # a thousandth would leave less than any processor takes
    assert found.limit_w is not None and found.idle_w is not None and found.full_w is not None
    assert found.idle_w < found.limit_w < found.full_w < MOST_W[info.part]


def test_a_power_that_falls_where_the_load_rises_is_named() -> None:
    found = result(Shown(package(), scale=-0.1, offset_w=30))
    assert (found.state, found.broken) == ("against", True)


@pytest.mark.slow
def test_a_power_that_only_trembles_is_named_and_one_that_trembles_too_much_to_tell_is_not() -> None:
    assert result(Shown(plug(), scale=0, offset_w=30, noise=0.02)).state == "unmoved"
    found = result(Shown(plug(), scale=0, offset_w=300, noise=3))
    assert (found.state, found.broken) == ("unclear", False)


def test_memory_that_the_load_does_not_touch_is_not_called_broken() -> None:
    found = result(
        Shown(package("rapl:dram-0", part="dram"), scale=0, offset_w=3.1, renewed_s=0.001, quantum=1e-4)
    )
    assert (found.state, found.broken) == ("unloaded", False)
    assert found.idle_w == pytest.approx(3.1, rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["cpu", "gpu"])
def test_meters_that_show_each_others_load_are_named(kind: str) -> None:
    own, other = (CPU0, CPU1) if kind == "cpu" else (GPU0, GPU1)
    infos = (package(), package("rapl:package-1")) if kind == "cpu" else (gpu(0), gpu(1))
    test = recorded(Shown(infos[0], (other,)), Shown(infos[1], (own,)), targets=(CPU0, CPU1, GPU0, GPU1))
    first, second = judged(test).results
    assert (first.state, first.broken, first.load, first.follows) == (
        "elsewhere",
        True,
        own.name,
        (other.name,),
    )
    assert (second.state, second.load, second.follows) == ("elsewhere", other.name, (own.name,))


@pytest.mark.slow
def test_a_gpu_is_known_by_its_uuid_whatever_its_number() -> None:
    # PyTorch's first GPU is NVML's second, and says so.
    targets = (replace(GPU1, device=UUIDS[1].removeprefix("GPU-").upper()), replace(GPU0, device=UUIDS[0]))
    test = recorded(
        Shown(gpu(0, device=UUIDS[0]), (targets[1],)),
        Shown(gpu(1, device=UUIDS[1]), (targets[0],)),
        targets=targets,
    )
    assert [one.state for one in judged(test).results] == ["follows", "follows"]


def kernels(place: str) -> MeterInfo:
    """A sensor of the kernel's of the card in this place."""
    name = f"hwmon:amdgpu:ppt:{place}"
    return plug(name, part="gpu", boundary="component", window_s=0.0, device=place, refresh_s=0.1)


@pytest.mark.parametrize("known", [False, True])
def test_a_sensor_that_knows_its_gpu_by_the_place_follows_whatever_gpu_it_is(known: bool) -> None:
    targets = tuple(
        replace(g, device=uuid if known else "") for g, uuid in zip((GPU0, GPU1), UUIDS, strict=True)
    )
    info = replace(kernels("0000:83:00.0"), kind="hwmon")
    found = result(Shown(info, (targets[1],)), targets=targets)
    assert (found.state, found.follows, found.load) == ("follows", ("GPU 1",), "GPU 0 and GPU 1")


def test_each_gpu_is_loaded_once_also_where_its_meters_bear_no_number() -> None:
    first, second = (replace(kernels(f"0000:{bus}:00.0"), kind="hwmon") for bus in ("03", "83"))
    assert gpu_meters([first, second]) == {0: first, 1: second}
    assert gpu_meters([first, gpu(1), gpu(0), second]) == {0: gpu(0), 1: gpu(1)}


@pytest.mark.slow
def test_a_package_may_rise_a_little_with_its_neighbour() -> None:
    test = recorded(
        Shown(package(), (CPU0,)), Shown(package("rapl:package-1"), (CPU1,)), targets=(CPU0, CPU1)
    )
    assert judged(test).passed


@pytest.mark.slow
@pytest.mark.parametrize(("scale", "agrees"), [(1.0, True), (1.03, True), (0.5, False), (1.2, False)])
def test_twins_are_held_against_each_other(scale: float, agrees: bool) -> None:
    checking = package("rapl:package-0:powercap", checks="rapl:package-0", tolerance=0.01)
    test = recorded(Shown(package(), renewed_s=0.001), Shown(checking, renewed_s=0.001, scale=scale))
    first, second = judged(test).results
    assert first.twin is None
    assert second.twin is not None
    assert second.twin.ratio == pytest.approx(scale, rel=0.01)
    assert (second.twin.agrees, second.broken) == (agrees, not agrees)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scale", "agrees"), [(1.0, True), (1.3, True), (1.9, True), (0.5, False), (3.0, False)]
)
def test_a_whole_is_held_against_its_parts(scale: float, agrees: bool) -> None:
    wall = Shown(plug(), noise=0.01, scale=scale, offset_w=30)
    found = result(wall, Shown(package(), renewed_s=0.001))
    assert found.within is not None
    assert found.within.parts == ("rapl:package-0",)
    assert found.within.rise_w / found.within.parts_rise_w == pytest.approx(scale, rel=0.05)
    assert (found.within.agrees, found.broken) == (agrees, not agrees)


@pytest.mark.slow
def test_a_broken_part_is_not_what_a_whole_is_held_against() -> None:
    found = result(Shown(plug(), offset_w=30), Shown(package(), scale=1000))
    assert found.within is None and not found.broken


def test_nothing_of_a_gpu_that_was_not_loaded_is_judged_but_that_it_reads() -> None:
    record = judged(recorded(Shown(gpu(), (), offset_w=35), unloaded=("GPU 0 not loaded: no PyTorch",)))
    (found,) = record.results
    assert (found.state, found.broken) == ("unloaded", False)
    assert found.idle_w == pytest.approx(35, rel=0.03)
    assert record.passed


@pytest.mark.slow
def test_a_meter_that_often_fails_is_named() -> None:
    found = result(Shown(plug(), value=lambda at_s: None if int(at_s * 10) % 5 == 0 else 30 + at_s % 0.3))
    assert found.broken and found.failed == pytest.approx(0.2, abs=0.02)


@pytest.mark.parametrize(
    ("others", "said"), [(0.2, ()), (3.0, ("other programs used 3 of 8 CPUs meanwhile",))]
)
def test_what_others_do_meanwhile_is_said(others: float, said: tuple[str, ...]) -> None:
    record = judged(recorded(Shown(package(), renewed_s=0.001), load=busy(others)))
    assert record.disturbed == said
    assert record.passed == (not said)


def test_a_load_that_did_not_get_its_processors_and_others_on_a_gpu_are_said() -> None:
    test = recorded(Shown(package(), renewed_s=0.001), foreign=("python, pid 7",))
    starved = tuple(replace(step, used_cpus=3.0 if step.targets else 0.0) for step in test.steps)
    assert judged(replace(test, steps=starved)).disturbed == (
        "the load of CPU package 0 got 3 of its 8 CPUs",
        "python, pid 7 used a GPU meanwhile",
    )
