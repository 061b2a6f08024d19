"""Logs of several tools, laid side by side by the steps that they share, and calibrated as a recording is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from energyprof.compare.calibrate import calibrate
from energyprof.compare.log import ITS_OWN, LogSpec, parse_log
from energyprof.compare.logs import Joined, joined
from energyprof.compare.node import calibrate_node
from energyprof.compare.pairing import CalibrationRequest
from energyprof.errors import FileError, UsageError
from fakes.logs import logs, write
from fakes.node import START_S

COMPONENT = {"gpu": "boundary=component&part=gpu", "cpu": "boundary=component&part=cpu"}


def side_by_side(gpu: Path, cpu: Path, wall: Path, gain: str = "&gain=1%") -> Joined:
    return joined(
        [parse_log(f"{gpu}?{COMPONENT['gpu']}"), parse_log(f"{cpu}?{COMPONENT['cpu']}")],
        parse_log(f"{wall}?{gain.removeprefix('&')}"),
    )


@pytest.mark.slow
def test_logs_become_a_node_by_the_steps_that_they_share(tmp_path: Path) -> None:
    found = side_by_side(*logs(tmp_path, 17.4))
    assert found.offset.offset_s == pytest.approx(17.4, abs=0.3)
    assert abs(found.offset.offset_s - 17.4) <= 2 * found.offset.u_s
    assert found.note.startswith(f"the reference's clock was {found.offset.offset_s:+.2f} ± ")
    assert [(m.part, m.boundary) for m in found.recording.meters] == [
        ("gpu", "component"),
        ("cpu", "component"),
        ("machine", "wall_ac"),
    ]
    fitted, _ = calibrate_node(found.recording, found.reference, None, "")
    assert [term.slope for term in fitted.map.terms] == pytest.approx([1.18, 1.09], abs=0.02)
    assert fitted.map.intercept_w == pytest.approx(90, abs=3)
    assert fitted.map.start.startswith("2027-01-15T08:0")
    assert fitted.map.reference_u == pytest.approx(0.01 / 3**0.5)


@pytest.mark.slow
def test_one_log_is_calibrated_against_another(tmp_path: Path) -> None:
    gpu, _, _ = logs(tmp_path, 0.0)
    low = [(at_s, w / 1.06) for at_s, w in points(gpu)]
    better = write(tmp_path / "riser.csv", [(at_s - 3.2, w) for at_s, w in points(gpu)])
    sensor = write(tmp_path / "sensor.csv", low)
    found = joined(
        [parse_log(f"{sensor}?{COMPONENT['gpu']}")], parse_log(f"{better}?{COMPONENT['gpu']}&gain=0.5%")
    )
    assert found.offset.offset_s == pytest.approx(-3.2, abs=0.1)
    asked = CalibrationRequest(found.meters[0], found.reference, None, None)
    with pytest.raises(UsageError, match="read two devices, not the same joules"):
        calibrate(found.recording, asked, "2027-01-15T09:00:00Z", "here")


@pytest.mark.slow
def test_a_controllers_log_is_calibrated_against_a_plugs(tmp_path: Path) -> None:
    *_, wall = logs(tmp_path, 0.0)
    bmc = write(tmp_path / "bmc.csv", [(at_s + 2.0, 0.94 * w - 40) for at_s, w in points(wall)])
    found = joined([LogSpec(bmc)], parse_log(f"{wall}?gain=1%"))
    assert found.offset.offset_s == pytest.approx(-2.0, abs=0.1)
    asked = CalibrationRequest(found.meters[0], found.reference, None, None)
    record = calibrate(found.recording, asked, "2027-01-15T09:00:00Z", "here")
    assert record.calibration.gain == pytest.approx(1 / 0.94, rel=2e-3)
    assert record.calibration.offset_w == pytest.approx(40 / 0.94, abs=1)


def points(path: Path) -> list[tuple[float, float]]:
    lines = [line.split(",") for line in path.read_text().splitlines()[1:]]
    return [(float(at_s), float(w)) for at_s, w in lines]


@pytest.mark.slow
def test_a_gap_parts_a_log_in_two_runs_and_the_node_is_the_same(tmp_path: Path) -> None:
    gpu, cpu, wall = logs(tmp_path, 5.0)
    write(gpu, [(at_s, w) for at_s, w in points(gpu) if not 300 < at_s - START_S < 340])
    found = side_by_side(gpu, cpu, wall)
    assert len({row.run for row in found.recording.rows()}) == 2
    fitted, _ = calibrate_node(found.recording, found.reference, None, "")
    assert [term.slope for term in fitted.map.terms] == pytest.approx([1.18, 1.09], abs=0.03)


@pytest.mark.slow
def test_times_from_a_logs_own_start_are_joined_all_the_same(tmp_path: Path) -> None:
    found = side_by_side(*logs(tmp_path, 2.5, zero_s=0.0))
    fitted, _ = calibrate_node(found.recording, found.reference, None, "")
    assert [term.slope for term in fitted.map.terms] == pytest.approx([1.18, 1.09], abs=0.02)
    # Nobody knows when that was: the map is as doubtful as one can get.
    assert fitted.map.end.startswith("1970")


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("a.csv", LogSpec(Path("a.csv"))),
        ("a.csv?power=x,y", LogSpec(Path("a.csv"), ("x", "y"))),
        ("a?gain=1%&part=gpu", LogSpec(Path("a"), part="gpu", gain_a=0.01)),
        ("a?boundary=node_dc&gain=0.02", LogSpec(Path("a"), boundary="node_dc", gain_a=0.02)),
        (
            "a?time=t&energy=e&unit=kWh&by=host&every=2",
            LogSpec(
                Path("a"), wanted=replace(ITS_OWN, time="t", energy="e", unit="kWh", by="host", every_s=2.0)
            ),
        ),
        ("a?tz=Europe/Paris", LogSpec(Path("a"), wanted=replace(ITS_OWN, zone=ZoneInfo("Europe/Paris")))),
    ],
)
def test_what_is_said_of_a_log(text: str, spec: LogSpec) -> None:
    assert parse_log(text) == spec


@pytest.mark.parametrize(
    "option", ["power=", "boundary=moon", "part=heart", "gain=lots", "gain=-1", "colour=red"]
)
def test_what_makes_no_sense_of_a_log_is_refused(option: str) -> None:
    with pytest.raises(UsageError, match="is invalid: give power=COLUMN"):
        parse_log(f"a.csv?{option}")


@pytest.mark.slow
def test_what_is_no_reference_is_said(tmp_path: Path) -> None:
    gpu, cpu, wall = logs(tmp_path, 0.0)
    both = tmp_path / "both.csv"
    rows = zip(points(gpu), points(cpu), strict=True)
    both.write_text("timestamp,gpu0_w,gpu1_w\n" + "".join(f"{a[0]},{a[1]},{b[1]}\n" for a, b in rows))
    with pytest.raises(UsageError, match="a reference is one meter, this log has"):
        joined([LogSpec(gpu)], LogSpec(both))
    with pytest.raises(FileError, match="no such file"):
        joined([LogSpec(tmp_path / "none.csv")], LogSpec(wall))
    years_later = write(tmp_path / "later.csv", [(at_s + 1e8, w) for at_s, w in points(wall)])
    with pytest.raises(UsageError, match="they share 0 steps"):
        joined([LogSpec(gpu)], LogSpec(years_later))
