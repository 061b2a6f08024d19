"""The calibration file: what is written is read, whom it applies to, and what is refused."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from energyprof.errors import FileError, UsageError
from energyprof.measure.calibration import (
    SCHEMA,
    CalibrationRecord,
    CalibrationWindow,
    Efficiency,
    Reference,
    calibration_of,
    check_applies,
    read,
    write,
)
from energyprof.meter import Calibration
from fakes.meters import counter, samples_of
from fakes.traces import Trace, energy_between

PLUG = Reference("shelly:192.0.2.7", "S3", "Switch.GetStatus apower", "wall_ac", 0.01, "its maker")
FOUND = Calibration(1.06, 0.006, -0.5, 0.2, "c.json, against shelly:192.0.2.7 on 2026-01-02")
RECORD = CalibrationRecord(
    schema=SCHEMA,
    created="2026-01-02T03:04:05Z",
    meter="nvml:0",
    device="GPU-1",
    reference=PLUG,
    calibration=FOUND,
    efficiency=Efficiency(0.94, 0.006),
    subtracted=("rapl:package-0",),
    window_s=20.0,
    windows=(CalibrationWindow(0, 2.0, 100.0, 200.0, 106.0, 0.5),),
    intercept_w=80.0,
    r2=0.999,
    notes=("a note",),
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write(RECORD, tmp_path / "new" / "c.json")
    assert read(tmp_path / "new" / "c.json") == RECORD
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["c.json"]


def test_the_source_is_the_file_as_it_is_called_now(tmp_path: Path) -> None:
    write(RECORD, tmp_path / "renamed.json")
    source = read(tmp_path / "renamed.json").calibration.source
    assert source == "renamed.json, against shelly:192.0.2.7 on 2026-01-02"


def test_what_only_explains_may_be_missing(tmp_path: Path) -> None:
    keys = ("schema", "created", "meter", "device", "reference", "calibration")
    write(RECORD, tmp_path / "c.json")
    data = json.loads((tmp_path / "c.json").read_text())
    (tmp_path / "c.json").write_text(json.dumps({key: data[key] for key in keys}))
    assert read(tmp_path / "c.json").calibration == FOUND


def changed(path: Path, **changes: object) -> None:
    """The record with other fields of its calibration, or of its own."""
    write(RECORD, path)
    data = json.loads(path.read_text())
    for key, value in changes.items():
        (data["calibration"] if key in data["calibration"] else data)[key] = value
    path.write_text(json.dumps(data))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"gain": 60}, "a gain of 60 is not between 0.5 and 2"),
        ({"gain": -1.0}, "calibration.calibration.gain: expected 1e-12 or more, got -1.0"),
        ({"gain": math.nan}, "NaN is not a number"),
        ({"gain": None}, "calibration.calibration.gain: expected float"),
        ({"gain_u": -0.1}, "calibration.calibration.gain_u: expected 0 or more, got -0.1"),
        ({"gain_u": math.inf}, "Infinity is not a number"),
        ({"offset_u_w": 10**400}, "calibration.calibration.offset_u_w: expected"),
        ({"offset_w": -math.inf}, "-Infinity is not a number"),
        ({"meter": 7}, "calibration.meter: expected str"),
        (
            {"schema": "energyprof.report/1"},
            "not an energyprof calibration: its schema is 'energyprof.report/1'",
        ),
        ({"schema": "energyprof.calibration/2"}, "written by a newer energyprof"),
        ({"reference": {}}, "is missing"),
    ],
)
def test_numbers_that_make_no_sense_are_refused_with_the_files_name(
    tmp_path: Path, changes: dict[str, object], says: str
) -> None:
    changed(tmp_path / "c.json", **changes)
    with pytest.raises(FileError) as error:
        read(tmp_path / "c.json")
    assert says in str(error.value)
    assert str(error.value).startswith(str(tmp_path / "c.json"))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "\xff", '{"schema": null}'])
def test_what_is_no_calibration_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(FileError, match=r"c\.json: not a"):
        read(tmp_path / "c.json")
    with pytest.raises(FileError, match="cannot be read: No such file"):
        read(tmp_path / "none.json")


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot be written"):
        write(RECORD, tmp_path / "file" / "c.json")


def test_it_is_for_one_meter_of_one_device() -> None:
    mine = counter(name="nvml:0", device="GPU-1")
    assert calibration_of(mine, [RECORD]) == FOUND
    assert calibration_of(counter(name="nvml:1", device="GPU-2"), [RECORD]) is None
    with pytest.raises(UsageError, match="was made on GPU-1, this one is GPU-2: calibrate it"):
        calibration_of(replace(mine, device="GPU-2"), [RECORD])
    with pytest.raises(UsageError, match="this one is a device without a name"):
        calibration_of(replace(mine, device=""), [RECORD])


def test_a_calibration_that_would_change_nothing_is_refused() -> None:
    check_applies([RECORD], [counter(name="nvml:0", device="GPU-1"), counter(name="nvml:1")])
    check_applies([], [])
    with pytest.raises(UsageError, match="is for nvml:0, which is not in use: there is rapl:package-0"):
        check_applies([RECORD], [counter(name="rapl:package-0")])
    with pytest.raises(UsageError, match="there is no meter"):
        check_applies([RECORD], [])
    with pytest.raises(UsageError, match="was made on GPU-1"):
        check_applies([RECORD], [counter(name="nvml:0", device="GPU-2")])


def test_a_calibrated_meter_says_the_true_joules_and_is_surer_of_them() -> None:
    raw = counter(name="nvml:0", device="GPU-1", gain_a=0.05)
    samples = samples_of([100.0 * i for i in range(101)], 1.0)
    without, calibrated = (
        energy_between([Trace(info, 1.0, samples)], 10.0, 90.0)
        for info in (raw, replace(raw, calibration=calibration_of(raw, [RECORD])))
    )
    assert without.joules == pytest.approx(8000)
    assert calibrated.joules == pytest.approx(1.06 * 8000 - 0.5 * 80)
    assert without.gain_u_j == pytest.approx(2 * 8000 * 0.05 / math.sqrt(3))
    assert calibrated.gain_u_j == pytest.approx(2 * 8440 * 0.006)
    assert calibrated.terms_j["offset"] == pytest.approx(0.2 * 80)
