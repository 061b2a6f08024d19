"""What a test of the meters says to people: a line for each, in words that say what to do."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from energyprof.formats.meter_test import meter_test_table, meter_words
from energyprof.report.meter_test.record import MeterTestRecord
from energyprof.report.meter_test.steps import LoadTest
from fakes.load_tests import CPU0, CPU1, GPU0, GPU1, Shown, busy, gpu, judged, package, plug, recorded


def words(test: LoadTest, number: int = 0) -> str:
    record = judged(test)
    return meter_words(record.results[number], record)


def printed(record: MeterTestRecord, width: int = 80) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(meter_test_table(record, None))
    return out.getvalue()


def one(shown: Shown, **how: object) -> str:
    return words(recorded(shown, **how))  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_healthy_counter() -> None:
    said = one(Shown(package(), renewed_s=0.001))
    assert said == "follows (12.0 → 61.0 W), renewed every 1.0 ms, no averaging seen"


@pytest.mark.slow
def test_a_power_that_averages_and_is_late() -> None:
    said = one(Shown(plug(), window_s=2.0, delay_s=1.0))
    assert re.fullmatch(
        r"follows \(12\.\d → 6\d\.\d W\), .*, averages over 2\.\d s, (1\.\d s|9\d+ ms) late", said
    )


@pytest.mark.slow
def test_a_power_whose_mean_falls_off() -> None:
    assert "averages with a time constant of 1.0 s" in one(
        Shown(plug(), decay_s=1.0, noise=0.005, offset_w=20)
    )


@pytest.mark.slow
def test_what_cannot_be_told_is_said() -> None:
    slow = one(Shown(plug(min_interval_s=0.5), renewed_s=1.0, noise=0.02))
    assert re.search(r"renewed every 1\.0 s, no averaging over more than \d\.\d s seen$", slow)
    assert "too unsteady to tell its averaging" in one(Shown(plug(), noise=0.5, offset_w=100))
    short = one(Shown(plug(), window_s=0.5, noise=0.02, offset_w=20))
    assert re.search(r"averages over no more than [45]\d0 ms$", short)
    long = one(Shown(plug(), (GPU0,), window_s=5.0), targets=(CPU0, CPU1, GPU0, GPU1), step_s=3.0)
    assert re.search(r"averages over some [45]\.\d s, longer than this test's steps$", long)


@pytest.mark.parametrize(
    ("test", "said"),
    [
        (
            lambda: recorded(
                Shown(package(), value=lambda _: None), problems={"rapl:package-0": "Input/output error"}
            ),
            "gives no reading: Input/output error",
        ),
        (lambda: recorded(Shown(package(), value=lambda _: 42.0)), "stands still, whatever the load"),
        (lambda: recorded(Shown(plug(), value=lambda _: 42.0)), "shows 42.0 W throughout, whatever the load"),
        (
            lambda: recorded(Shown(package(), renewed_s=0.001, scale=1000)),
            "follows (12.0 → 61.0 kW), more than any processor draws: mW read as W?, renewed every 1.0 ms, "
            "no averaging seen",
        ),
        (
            lambda: recorded(Shown(package(), renewed_s=0.001, scale=0.001)),
            "follows (12.0 → 61.0 mW), less than any processor draws under such a load: W read as mW?, "
            "renewed every 1.0 ms, no averaging seen",
        ),
        (
            lambda: recorded(Shown(gpu(1), (GPU0,)), targets=(GPU0, GPU1)),
            "does not follow GPU 1, but GPU 0: CUDA and the meters count GPUs in different orders "
            "(CUDA_DEVICE_ORDER=PCI_BUS_ID), renewed every 100 ms",
        ),
        (
            lambda: recorded(Shown(package("rapl:package-1"), (CPU0,)), targets=(CPU0, CPU1)),
            "does not follow CPU package 1, but CPU package 0: it reads another package than its name says, "
            "renewed every 100 ms",
        ),
        (
            lambda: recorded(Shown(package(), scale=10)),
            "follows (120 → 615 W), more than any processor draws under such a load: its scale is off, "
            "renewed every 100 ms, no averaging seen",
        ),
        (
            lambda: recorded(Shown(plug(), value=lambda _: 0.1)),
            "shows 100 mW throughout, whatever the load, less than any machine draws under such a load: "
            "W read as mW?",
        ),
        (
            lambda: recorded(Shown(package(), renewed_s=1.1), step_s=2.5),
            "renewed every 1.1 s, too rarely for steps of 2.5 s; --seconds 5 tells more",
        ),
        (
            lambda: recorded(Shown(package("reg", refresh_s=60.0), value=lambda _: 42.0)),
            "renewed every 1 min 00 s, too rarely for steps of 7.5 s; --seconds 240 tells more",
        ),
        (
            lambda: recorded(Shown(package("reg", part="machine", resolution=3600.0), quantum=3600.0)),
            "counts in steps of 3.60 kJ: too coarse for this test; --seconds 300 tells more",
        ),
    ],
)
def test_each_fault_has_its_words(test: Callable[[], LoadTest], said: str) -> None:
    assert words(test()) == said


def until(end_s: float, value: Callable[[float], float | None], then: float | None) -> Callable[[float], Any]:
    """What a meter shows that stops there."""
    return lambda at_s: value(at_s) if at_s < end_s else then


def follows_w(at_s: float) -> float:
    """30 W at rest, 79 W under full load; steps of 7.5 s."""
    return 30.0 + 49.0 * (0.5 * (7.5 <= at_s < 15) + (15 <= at_s < 22.5)) + at_s % 0.7


def counts_j(at_s: float) -> float:
    return 1000.0 + 30 * at_s


def register(**changes: Any) -> Any:
    fields = {"refresh_s": 60.0, "min_interval_s": 5.0, "checks": "shelly", **changes}
    return package("reg", part="machine", **fields)


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        # No more readings: not "shows 30 W throughout", nor "renewed too rarely".
        (Shown(plug(), value=until(5, follows_w, None)), "gives no reading for 83 % of the test: HTTP 500"),
        (
            Shown(package(), value=until(12, counts_j, None)),
            "gives no reading for 60 % of the test: HTTP 500",
        ),
        # One value from then on.
        (Shown(plug(), value=until(10, follows_w, 55.0)), "shows 55.0 W from 10.0 s on, whatever the load"),
        (
            Shown(package(), value=until(10, counts_j, 1300.0)),
            "stands still from 1[0-9.]+ s on, whatever the load",
        ),
        (
            Shown(package(wraps_at_j=5000.0), value=lambda at_s: 1000 + 30 * (at_s % 10)),
            ".*its counter was set back twice meanwhile",
        ),
        (
            Shown(package(), value=lambda at_s: 30 * (at_s if at_s < 12 else at_s - 12)),
            ".*its counter was set back once meanwhile",
        ),
    ],
)
def test_a_meter_that_stops_in_the_middle_is_not_told_as_another_fault(shown: Shown, said: str) -> None:
    record = judged(recorded(shown, problems={shown.info.name: "HTTP 500"}))
    assert record.results[0].broken
    assert re.fullmatch(said, meter_words(record.results[0], record))


@pytest.mark.parametrize("watts", [0.0, -56.0])
def test_a_power_that_cannot_be_is_no_reading(watts: float) -> None:
    said = f"gives no reading.*: it shows {watts:g} W, which cannot be"
    assert re.fullmatch(said, one(Shown(plug(), value=lambda _: watts)))
    assert re.fullmatch(said, one(Shown(plug(), value=until(9, follows_w, watts))))


def test_what_a_longer_test_would_tell_comes_last() -> None:
    assert one(Shown(plug(), scale=0, offset_w=300, noise=3)).endswith("; --seconds 15 tells more")
    often = recorded(Shown(register()), step_s=4.5)
    assert words(often) == "read every 4.1 s, too rarely for steps of 4.5 s; --seconds 17 tells more"
    ticks = recorded(Shown(register(), quantum=900.0, offset_w=40))
    assert re.fullmatch(r"counts in steps of 900 J, one in some 1\d\.\d s: too coarse.*", words(ticks))


@pytest.mark.parametrize("window_s", [8.0, 10.0, 15.0, 30.0])
def test_an_average_longer_than_the_test_can_tell_is_said_to_be_at_least_so_long(window_s: float) -> None:
    said = one(
        Shown(plug(min_interval_s=1.0), window_s=window_s, renewed_s=1.0, noise=0.01, offset_w=30), step_s=5.0
    )
    found = re.fullmatch(
        r"averages over at least ([0-9.]+) s, longer than steps of 5\.0 s can tell; --seconds \d+ tells more",
        said,
    )
    assert found is not None, said
    assert 4 < float(found[1]) <= window_s


def test_a_register_in_another_unit_is_held_against_its_power() -> None:
    power = Shown(plug(), offset_w=40)
    test = recorded(power, Shown(register(), scale=1000, offset_w=40_000), step_s=4.5)
    assert re.search(r"counts [0-9.e+]+ times what shelly does: one of them is wrong", words(test, 1))
    assert judged(test).results[1].broken
    assert not judged(recorded(power, Shown(register(), offset_w=40), step_s=4.5)).results[1].broken


def test_what_was_asked_for_and_is_not_there_is_named() -> None:
    record = judged(recorded(Shown(package()), away={"redfish=bmc": "HTTP 500"}))
    assert not record.passed
    assert "✗ redfish=bmc     gives no reading: HTTP 500" in printed(record)
    assert printed(record).splitlines()[-1] == "Not to be trusted: redfish=bmc."


def test_a_long_path_is_broken_and_not_cut() -> None:
    path = "/sys/class/powercap/" + "/".join(f"folder-{number}" for number in range(12))
    record = judged(recorded(Shown(plug(), value=lambda _: None), problems={"shelly": path}))
    assert path in "".join(line.strip() for line in printed(record).splitlines())


@pytest.mark.slow
def test_twins_and_wholes() -> None:
    checking = package("rapl:package-0:powercap", checks="rapl:package-0", tolerance=0.01)
    well = recorded(Shown(package(), renewed_s=0.001), Shown(checking, renewed_s=0.001, scale=1.02))
    assert words(well, 1).endswith("agrees with rapl:package-0 (+2.0 %)")
    apart = recorded(Shown(package(), renewed_s=0.001), Shown(checking, renewed_s=0.001, scale=0.5))
    assert words(apart, 1).endswith("rises by 0.5 times what rapl:package-0 does: one of them is wrong")
    assert "Not to be trusted: rapl:package-0:powercap or rapl:package-0." in printed(judged(apart), 200)
    low = recorded(Shown(plug(), scale=0.5, offset_w=30), Shown(package(), renewed_s=0.001))
    assert "where rapl:package-0 rises by 49.0 W, which it should hold: one of them is wrong" in words(low)


@pytest.mark.slow
def test_at_80_columns_no_line_is_longer_and_the_verdict_comes_last() -> None:
    record = judged(
        recorded(
            Shown(package(), renewed_s=0.001),
            Shown(gpu(1), (GPU0,)),
            Shown(plug(), value=lambda _: 42.0),
            targets=(CPU0, GPU0, GPU1),
            load=busy(1.2, until_s=10 * 7.5),
        )
    )
    lines = printed(record).splitlines()
    assert max(map(len, lines)) <= 80
    assert "  ✓ rapl:package-0  follows (12.0 → 61.0 W), renewed every 1.0 ms, no" in lines[7]
    assert lines[-1] == "Not to be trusted: nvml:1, shelly."
    assert "! not to be relied on: other programs used 1.2 of 8 CPUs meanwhile" in printed(record, 200)


def test_a_long_name_has_a_line_of_its_own() -> None:
    name = "hwmon:power_meter:power1:ACPI000D:00"
    lines = printed(judged(recorded(Shown(package(name), renewed_s=0.001)))).splitlines()
    at = lines.index(f"  ✓ {name}")
    assert lines[at + 1].rstrip() == "      follows (12.0 → 61.0 W), renewed every 1.0 ms, no averaging seen"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("test", "last"),
    [
        (lambda: recorded(Shown(package())), "The meter follows its load."),
        (lambda: recorded(Shown(package()), Shown(plug(), offset_w=40)), "2 meters follow their loads."),
        (
            lambda: recorded(Shown(package()), Shown(gpu(), (), offset_w=35)),
            "The meter follows its load; nvml:0 was not put to the test.",
        ),
        (
            lambda: recorded(Shown(gpu(), (), offset_w=35)),
            "No meter was put to the test: nothing that it reads was loaded.",
        ),
        (lambda: recorded(Shown(package()), load=busy(4)), "Nothing is known for certain."),
    ],
)
def test_the_verdict(test: Callable[[], LoadTest], last: str) -> None:
    assert printed(judged(test()), 120).splitlines()[-1].strip() == last
