"""What a kept test changes of a meter, and what it may be used for."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from energyprof.errors import FileError, UsageError
from energyprof.files import write_new
from energyprof.meter import MeterInfo
from energyprof.report.meter_test.measured import KeptTest, as_measured, check_applies, kept, warnings
from energyprof.report.meter_test.record import SCHEMA, MeterResult, MeterTestRecord, read, to_json, write
from energyprof.report.meter_test.steps import Step
from energyprof.report.segments.power import PowerSegmenter
from energyprof.trace.rows import Sample
from fakes.load_tests import Shown, gpu, judged, package, plug, recorded


def found_of(info: MeterInfo, **found: Any) -> KeptTest:
    """A test of that meter alone with these findings."""
    fields = {"state": "follows", "idle_w": 12.0, "full_w": 61.0, "finest_s": 0.2, **found}
    result = MeterResult(info.name, info.device, info.method, info.part, **fields)
    steps = (Step(0, 1, (), 0.0),)
    record = MeterTestRecord(SCHEMA, "2026-11-29T01:02:03.000Z", "0", "fake", (), steps, (result,))
    return KeptTest(record, "mine.json")


@pytest.mark.parametrize(
    ("stated", "found", "window_s", "assumed"),
    [
        # Assumed: what was measured stands in its place.
        ({"window_s": 5.0, "window_assumed": True}, {"window_s": 1.0}, 1.0, False),
        ({"window_s": 5.0, "window_assumed": True}, {"window_s": 8.0}, 8.0, False),
        # A short one may be the time that the load itself takes to come to its full power.
        ({"window_s": 5.0, "window_assumed": True}, {"window_s": 0.5}, 0.5, True),
        ({"window_s": 0.0, "window_assumed": False}, {"window_s": 0.5}, 0.0, False),
        # Nothing was seen that the test could have seen: it is anything up to that.
        ({"window_s": 5.0, "window_assumed": True}, {"window_s": 0.0}, 0.2, True),
        ({"window_s": 0.1, "window_assumed": True}, {"window_s": 0.0}, 0.1, True),
        # Stated: what was measured stands where it says otherwise.
        ({"window_s": 1.0, "window_assumed": False}, {"window_s": 0.95}, 1.0, False),
        ({"window_s": 1.0, "window_assumed": False}, {"window_s": 3.0}, 3.0, False),
        ({"window_s": 1.0, "window_assumed": False}, {"window_s": 0.0}, 0.2, True),
        ({"window_s": 0.0, "window_assumed": False}, {"window_s": 0.0}, 0.0, False),
        ({"window_s": 0.0, "window_assumed": False}, {"window_s": 5.0}, 5.0, False),
        # Longer ones explain the readings as well: it is anything up to the longest of these.
        (
            {"window_s": 5.0, "window_assumed": False},
            {"window_s": 4.8, "window_most_s": 20.0, "state": "sparse"},
            20.0,
            True,
        ),
        # The test could not tell, or the meter followed nothing.
        ({"window_s": 5.0, "window_assumed": True}, {"window_s": None}, 5.0, True),
        ({"window_s": 5.0, "window_assumed": True}, {"window_s": 1.0, "state": "unloaded"}, 5.0, True),
    ],
)
def test_the_window_of_a_power(stated: Any, found: Any, window_s: float, assumed: bool) -> None:
    info = plug(**stated)
    changed = as_measured(info, found_of(info, **found))
    assert (changed.window_s, changed.window_assumed) == (window_s, assumed)
    assert changed.tested == ("" if changed == info else "mine.json, 2026-11-29")


@pytest.mark.parametrize(
    ("info", "renewed", "refresh_s"),
    [
        (plug(), (0.5, 0.6, 0.02), 0.6),  # faster than stated
        (plug(), (2.0, 2.1, 0.02), 2.1),  # slower
        (plug(), (1.0, 1.1, 0.02), 1.0),  # as stated
        (plug(), (0.5, 0.6, 0.4), 0.6),  # no slower than that, and that is less than was stated
        (plug(), (2.0, 2.1, 2.0), 1.0),  # as slow as the looks: tells nothing
        (package(refresh_is_longest=True), (0.5, 0.6, 0.02), 0.6),
        (gpu(), (0.5, 0.6, 0.02), 0.1),  # its ticks are found each time it is opened
    ],
)
def test_the_renewals(info: MeterInfo, renewed: tuple[float, float, float], refresh_s: float) -> None:
    usual_s, most_s, looked_s = renewed
    found = found_of(info, renewed_s=usual_s, renewed_most_s=most_s, looked_s=looked_s)
    assert as_measured(info, found).refresh_s == refresh_s


def test_a_delay_moves_a_reading_back_and_its_doubt_is_a_term() -> None:
    info = plug(window_s=1.0, window_assumed=False, refresh_s=0.0)
    late = as_measured(info, found_of(info, window_s=1.0, delay_s=2.0))
    assert (late.delay_s, late.delay_a_s) == (2.0, 0.1)

    def first(meter: MeterInfo) -> tuple[float, float]:
        segmenter = PowerSegmenter(meter, 1.0)
        parts = [part for i in range(9) for part in segmenter.push(Sample(10 + i, 10 + i, 50.0))]
        return parts[0].start_s, parts[0].stamp_s

    assert first(late)[0] == pytest.approx(first(info)[0] - 2.0)
    assert first(late)[1] == pytest.approx(first(info)[1] + 0.1)


def test_a_mean_that_falls_off_is_as_old_as_its_time_constant_give_or_take() -> None:
    faded = as_measured(plug(), found_of(plug(), window_s=2.0, decay_s=1.0))
    assert (faded.window_s, faded.window_assumed) == (2.0, False)
    assert faded.delay_a_s + faded.window_s / 8 == pytest.approx(1 / math.e)


def test_a_short_delay_may_be_the_loads_own() -> None:
    late = as_measured(plug(), found_of(plug(), window_s=None, delay_s=0.4))
    assert (late.delay_s, late.delay_a_s) == (0.0, 0.0)  # nothing is told without the window
    late = as_measured(plug(), found_of(plug(), window_s=2.0, delay_s=0.4))
    assert (late.delay_s, late.delay_a_s) == (pytest.approx(0.2), pytest.approx(0.3))


def test_a_meter_that_was_not_tested_is_as_it_was() -> None:
    assert as_measured(plug(), None) == plug()
    assert as_measured(plug(), found_of(package())) == plug()


def test_a_test_of_another_device_or_of_none_in_use_is_refused() -> None:
    tested = found_of(plug(device="A"), window_s=1.0)
    with pytest.raises(UsageError, match=r"mine\.json: tested shelly of A, .*; this one is B, .*: repeat"):
        as_measured(plug(device="B"), tested)
    with pytest.raises(UsageError, match="of which none is in use: there is rapl:package-0"):
        check_applies(tested, [package()])
    check_applies(tested, [package(), plug(device="A")])


def test_a_meter_that_the_test_found_to_be_broken_is_named() -> None:
    found = found_of(plug(), state="frozen")
    assert warnings(found, [plug(), package()]) == ["shelly: found to be broken by the meter test mine.json"]
    assert warnings(found, [package()]) == []


@pytest.mark.slow
def test_a_test_comes_back_from_its_file(tmp_path: Path) -> None:
    record = judged(recorded(Shown(plug(), window_s=1.0), Shown(package("rapl:package-0"))))
    path = tmp_path / "test.json"
    write(record, path, write_new)
    assert read(path) == record
    assert kept(path) == KeptTest(record, "test.json")
    data = json.loads(path.read_text())
    assert data["passed"] is True
    assert [result["broken"] for result in data["results"]] == [False, False]


def test_a_disturbed_test_is_not_used(tmp_path: Path) -> None:
    record = replace(found_of(plug()).record, disturbed=("other programs used 3 of 8 CPUs meanwhile",))
    path = tmp_path / "test.json"
    write(record, path, write_new)
    with pytest.raises(UsageError, match=r"relied on \(other programs used 3 of 8 CPUs meanwhile\): repeat"):
        kept(path)


WELL = {"meter": "x", "device": "", "method": "", "part": "cpu", "state": "follows"}


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "energyprof.report/2"},
        {"schema": "energyprof.meter-test/2"},
        {"results": 7},
        {"results": [{"meter": "x"}]},
        {"steps": [{"start_s": -1, "end_s": 1, "targets": [], "share": 2}]},
        {"created": "yesterday"},
        {"results": [{**WELL, "window_s": 1e308}]},
        {"results": [{**WELL, "renewed_most_s": -1}]},
    ],
)
def test_what_is_no_meter_test_is_one_line(tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "test.json"
    path.write_text(json.dumps({**json.loads(to_json(found_of(plug()).record)), **change}))
    with pytest.raises(FileError, match=r"test\.json: ") as caught:
        read(path)
    assert "\n" not in str(caught.value)
