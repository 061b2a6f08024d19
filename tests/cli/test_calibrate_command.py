"""``energyprof calibrate`` and ``--calibration``: from a recording to a corrected report."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from energyprof.measure.calibration import SCHEMA, CalibrationRecord, Reference, write
from energyprof.meter import Calibration
from energyprof.report.node_file import SCHEMA as NODE_SCHEMA
from energyprof.report.node_file import NodeCalibration
from energyprof.report.node_file import write as write_node
from energyprof.report.node_map import MapTerm
from fakes.node import MAP, node_recording
from fakes.powercap import LAG_J
from fakes.recording import counter, gauge, nvml, recording, shelly

pytestmark = pytest.mark.slow  # programs that take their time in real seconds

PAIR = [(nvml(), counter(1 / 1.06)), (shelly(), gauge(1 / 0.94, rest_w=80))]
WORDS = ("--meter", "nvml:0", "--reference", "shelly:192.0.2.7")
SUPPLY = ("--efficiency", "94%±1%")


def test_a_recording_gives_a_table_a_result_and_a_file(command: Any) -> None:
    recording(command.folder / "r.json", PAIR)
    done = command("calibrate", "r.json", *WORDS, *SUPPLY, "-o", "c.json", environment={"COLUMNS": "80"})
    assert done.returncode == 0, done.stderr
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    words = " ".join(done.stdout.split())
    assert "nvml:0 reads 5.7 % low: gain 1.060 ± 0.018 (k = 2)" in words
    assert "the rest of the machine used 80 W" in words
    assert "run at meter reference" in words
    assert "47.17 W 138.30 W" in words
    data = json.loads((command.folder / "c.json").read_text())
    assert data["schema"] == "energyprof.calibration/1"
    assert (data["meter"], data["device"]) == ("nvml:0", "GPU-nvml:0")
    assert data["reference"]["name"] == "shelly:192.0.2.7"
    assert data["calibration"]["gain"] == pytest.approx(1.06, rel=1e-3)
    assert data["calibration"]["source"].startswith("c.json, against shelly:192.0.2.7 on 20")
    assert data["efficiency"]["value"] == pytest.approx(0.94)
    assert set(data["windows"][0]) == {"run", "start_s", "meter_w", "reference_w", "true_w", "residual_w"}


def test_json_is_the_file_and_people_get_the_rest(command: Any) -> None:
    recording(command.folder / "r.json", PAIR)
    done = command("calibrate", "r.json", *WORDS, *SUPPLY, "-o", "c.json", "--json")
    assert done.stdout == (command.folder / "c.json").read_text()
    assert "nvml:0 reads 5.7 % low" in done.stderr


def test_many_windows_are_shown_by_the_worst(command: Any) -> None:
    recording(command.folder / "r.json", PAIR, each_s=180.0)
    done = command("calibrate", "r.json", *WORDS, *SUPPLY)
    assert "the 20 furthest off the line, of 4" in done.stdout
    assert done.stdout.count(" W") < 110
    assert len(list((command.folder / "energyprof-reports").glob("nvml_0-calibration-*.json"))) == 1


def test_a_file_that_exists_is_kept_unless_forced(command: Any, one_error_line: Any) -> None:
    recording(command.folder / "r.json", PAIR)
    (command.folder / "c.json").write_text("precious")
    words = ("calibrate", "r.json", *WORDS, *SUPPLY, "-o", "c.json")
    assert "c.json: already exists" in one_error_line(command(*words))
    assert (command.folder / "c.json").read_text() == "precious"
    assert command(*words, "--force").returncode == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (WORDS, "it loses 4 to 15 %"),
        ((*WORDS, "--efficiency", "0.94"), "give its uncertainty"),
        ((*WORDS, *SUPPLY, "--window", "5"), "give 20 or more"),
        (("--meter", "nvml:3", "--reference", "shelly:192.0.2.7"), "it has no meter nvml:3; it has nvml:0"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_no_file(
    command: Any, one_error_line: Any, words: tuple[str, ...], says: str
) -> None:
    recording(command.folder / "r.json", PAIR)
    assert says in one_error_line(command("calibrate", "r.json", *words, "-o", "c.json"))
    assert not (command.folder / "c.json").exists()


DEVICE = "Intel(R) Xeon(R)"


def calibrated(command: Any, **changes: Any) -> str:
    """The file of a calibration of the machine's only meter, of a gain of 1.5 and a zero of 10 W."""
    record = CalibrationRecord(
        schema=SCHEMA,
        created="2026-01-02T03:04:05Z",
        meter="rapl:package-0",
        device=device_of(command),
        reference=Reference("csv:bench", "", "bench", "component", 0.001, "its maker"),
        calibration=Calibration(1.5, 0.001, 10.0, 0.1, ""),
    )
    write(replace(record, **changes), command.folder / "c.json")
    return "c.json"


def device_of(command: Any) -> str:
    """What the machine's only meter is called in a report."""
    command("exec", "--idle", "0", "-o", "probe.json", "--", "true")
    device: str = command.report("probe.json")["meters"][0]["info"]["device"]
    for path in command.folder.glob("probe.*"):
        path.unlink()
    return device


def test_a_calibration_corrects_the_joules_and_leaves_the_readings(command: Any) -> None:
    file = calibrated(command)
    words = ("exec", "--idle", "0.5", "--calibration", file, "-o", "r.json")
    done = command(*words, "--", "sleep", "1")
    assert done.returncode == 0, done.stderr
    report = command.report()
    run = report["runs"][0]
    # 50 W as read: 1.5 · 50 + 10.
    assert run["energy_j"] == pytest.approx(85 * run["time_s"], abs=1.5 * LAG_J)
    assert run["budget_j"]["gain"] == pytest.approx(0.001 * run["energy_j"])
    info = report["meters"][0]["info"]
    assert info["calibration"]["gain"] == 1.5
    assert info["calibration"]["source"] == "c.json, against csv:bench on 2026-01-02"
    assert "rapl:package-0 calibrated: gain 1.5000 ± 0.0030 (c.json, against csv:bench" in done.stderr
    # The trace holds what was read: its last value is what 50 W have come to.
    again = command("recompute", "r.json", "--json")
    assert again.stdout == (command.folder / "r.json").read_text()
    without = command("exec", "--idle", "0", "-o", "plain.json", "--", "sleep", "1")
    assert "calibrated" not in without.stderr
    plain = command.report("plain.json")["runs"][0]
    assert plain["energy_j"] == pytest.approx(50 * plain["time_s"], abs=LAG_J)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"meter": "nvml:0"},
            "the calibration is for nvml:0, which is not in use: there is rapl:package-0",
        ),
        ({"device": "another"}, "the calibration of rapl:package-0 was made on another"),
        ({"schema": "energyprof.report/1"}, "c.json: not an energyprof calibration"),
    ],
)
@pytest.mark.parametrize("verb", [("exec", "--", "touch", "trained"), ("run", "unet")])
def test_a_calibration_of_something_else_stops_before_anything_is_trained(
    command: Any, one_error_line: Any, verb: tuple[str, ...], changes: dict[str, Any], says: str
) -> None:
    file = calibrated(command, **changes)
    words = (verb[0], "--calibration", file, "-o", "r.json", *verb[1:])
    assert says in one_error_line(command(*words))
    assert [path.name for path in command.folder.iterdir()] == ["c.json"]


def test_a_calibration_that_is_not_there_is_one_line(command: Any, one_error_line: Any) -> None:
    line = one_error_line(command("exec", "--calibration", "none.json", "--", "true"))
    assert "none.json: cannot be read: No such file" in line


def node_file(command: Any, **changes: Any) -> str:
    """A map of a node whose only component meter is the machine's: 100 W and 1.2 W a watt."""
    term = MapTerm("cpu", ("rapl:package-0",), (device_of(command),), 1.2, 40.0, 60.0, "moved")
    by = replace(MAP, machine="", intercept_w=100.0, terms=(term,), covariance=((1.0, 0.0), (0.0, 1e-4)))
    found = NodeCalibration(NODE_SCHEMA, "2027-01-15T08:10:00Z", replace(by, **changes))
    write_node(found, command.folder / "n.json")
    return "n.json"


def test_a_recording_of_a_node_gives_its_map(command: Any) -> None:
    node_recording(command.folder / "r.json")
    words = ("calibrate", "r.json", "--node", "--reference", "shelly:192.0.2.7", "-o", "n.json")
    done = command(*words, environment={"COLUMNS": "80"})
    assert done.returncode == 0, done.stderr
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    words = " ".join(done.stdout.split())
    assert "the node at the wall socket, by shelly:192.0.2.7" in words
    assert "gpu 1.180 ± 0." in words
    assert "cpu 1.09" in words
    data = json.loads((command.folder / "n.json").read_text())
    assert data["schema"] == "energyprof.node/1"
    assert data["node_map"]["source"].startswith("n.json, against shelly:192.0.2.7 on 20")
    again = command("calibrate", "r.json", "--node", "--reference", "shelly:192.0.2.7", "--json")
    shown = json.loads(again.stdout)
    assert shown["node_map"]["terms"] == data["node_map"]["terms"]


def test_a_run_reports_the_node_by_its_map_beside_its_components(command: Any) -> None:
    file = node_file(command)
    words = ("exec", "--idle", "0.5", "--calibration", file, "-o", "r.json")
    done = command(*words, "--", "sleep", "1")
    assert done.returncode == 0, done.stderr
    report = command.report()
    run = report["runs"][0]
    # 50 W as read: 100 W and 1.2 · 50 W at the wall.
    assert run["energy_j"] == pytest.approx(50 * run["time_s"], abs=LAG_J)
    assert run["node"]["energy_j"] == pytest.approx(160 * run["time_s"], abs=1.2 * LAG_J)
    assert (report["boundary"], run["node"]["boundary"]) == ("component", "wall_ac")
    shown = " ".join(done.stderr.split())
    assert "of the whole node" in shown
    assert "at the wall socket; holds the above" in shown
    again = command("recompute", "r.json", "--json")
    assert again.stdout == (command.folder / "r.json").read_text()
    compared = command("compare", "r.json", "r.json", "--format", "csv", "--html", "page.html")
    assert compared.returncode == 0, compared.stderr
    assert "wall_energy" in compared.stdout
    page = (command.folder / "page.html").read_text()
    assert "wall energy" in page
    assert "measured with a fitted map" in page


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"machine": "sha256:another"}, "the calibration of the node was made on another machine"),
        (
            {"terms": (replace(MAP.terms[0]),), "covariance": ((1.0, 0.0), (0.0, 1e-4))},
            "the calibration of the node needs nvml:0, not in use: there is rapl:package-0",
        ),
    ],
)
def test_a_map_of_something_else_stops_before_anything_is_trained(
    command: Any, one_error_line: Any, changes: dict[str, Any], says: str
) -> None:
    file = node_file(command, **changes)
    assert says in one_error_line(command("exec", "--calibration", file, "--", "touch", "trained"))
    assert not (command.folder / "trained").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("r.json",), "--reference: name the better meter"),
        (("--reference", "shelly"), "give a report of `exec` with both meters"),
        (("r.json", "--reference", "shelly"), "--meter: name the one meter to calibrate"),
        (
            ("r.json", "--node", "--meter", "nvml:0", "--reference", "x"),
            "--node: takes all components' meters",
        ),
    ],
)
def test_what_is_missing_is_said(
    command: Any, one_error_line: Any, words: tuple[str, ...], says: str
) -> None:
    recording(command.folder / "r.json", PAIR)
    assert says in one_error_line(command("calibrate", *words))
