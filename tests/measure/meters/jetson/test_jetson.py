"""Jetson rails on fake trees: which add up, which stand beside, and every way they can be missing."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from energyprof.errors import MeterError
from energyprof.measure import selection
from energyprof.measure.meters.jetson import jetson
from energyprof.meter import Finding, MeterInfo
from fakes import jetson as boards
from fakes.jetson import Rail
from fakes.sysfs import write
from fakes.waveform import constant


def watts(finding: Finding) -> dict[str, float]:
    readings = {}
    for source in finding.sources:
        meter = source.open()
        readings[source.info.name.removeprefix("jetson:")] = meter.read()
        meter.close()
    return readings


def infos(finding: Finding) -> dict[str, MeterInfo]:
    return {source.info.name.removeprefix("jetson:"): source.info for source in finding.sources}


def rail_folder(root: Path, chip: str) -> Path:
    (folder,) = (root / "sys/bus/i2c/drivers").glob(f"*/{chip}/hwmon/hwmon*")
    return folder


SIX = ("GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V")


@pytest.mark.parametrize(
    ("name", "counted", "total_w"),
    [
        ("xavier_jetpack4", SIX, 3.8 + 1.9 + 2.85 + 0 + 0.95 + 3.0),
        ("xavier_jetpack5", SIX, 3.8 + 1.9 + 2.85 + 0 + 0.95 + 3.0),
        ("orin", ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"), 7.6 + 1.9 + 5.0),
        ("orin_nx", ("VDD_IN",), 10.0),
        ("xavier_nx", ("VDD_IN",), 10.0),
        ("nano", ("POM_5V_IN",), 5.0),
        ("tx2", ("VDD_IN",), 7.6),
    ],
)
def test_every_joule_of_a_module_is_counted_once(
    tmp_path: Path, name: str, counted: tuple[str, ...], total_w: float
) -> None:
    boards.TREES[name](tmp_path)
    finding = jetson.find(tmp_path)
    assert (finding.role, finding.state) == ("real", "found")
    for asked in ("auto", "jetson"):
        chosen = selection.select([finding], [asked])
        assert chosen.counted == tuple(f"jetson:{label}" for label in counted)
        assert chosen.boundary == "module"
    readings = watts(finding)
    assert sum(readings[label] for label in counted) == pytest.approx(total_w)


@pytest.mark.parametrize("name", list(boards.TREES))
def test_what_is_not_counted_is_told_with_its_reason(tmp_path: Path, name: str) -> None:
    boards.TREES[name](tmp_path)
    finding = jetson.find(tmp_path)
    notes = "\n".join(finding.notes)
    for label, info in infos(finding).items():
        if info.boundary != "module":
            assert label in notes


def test_the_rails_of_a_xavier_are_parts_that_claim_nothing_of_each_other(tmp_path: Path) -> None:
    boards.xavier_jetpack5(tmp_path)
    parts = {label: info.part for label, info in infos(jetson.find(tmp_path)).items()}
    assert parts == {
        "GPU": "gpu", "CPU": "cpu", "SOC": "board", "CV": "board", "VDDRQ": "dram", "SYS5V": "board"
    }  # fmt: skip


def test_the_memory_of_an_agx_orin_stands_apart(tmp_path: Path) -> None:
    boards.orin(tmp_path)
    finding = jetson.find(tmp_path)
    info = infos(finding)["VDDQ_VDD2_1V8AO"]
    assert (info.part, info.boundary) == ("dram", "component")
    assert any("VDDQ_VDD2_1V8AO: not proven" in note for note in finding.notes)


@pytest.mark.parametrize("chip", ["1-0040", "9-0040"])
@pytest.mark.parametrize("number", [0, 7])
def test_rails_are_found_by_label_whatever_their_numbers(tmp_path: Path, chip: str, number: int) -> None:
    boards.orin_nx(tmp_path)
    folder = rail_folder(tmp_path, "1-0040")
    folder.rename(folder.parent / f"hwmon{number}")
    link = tmp_path / "sys/bus/i2c/drivers/ina3221/1-0040"
    link.rename(link.parent / chip)
    finding = jetson.find(tmp_path)
    assert watts(finding) == {"VDD_IN": 10.0, "VDD_CPU_GPU_CV": 4.0, "VDD_SOC": 2.0}
    # A report of the next boot must be comparable with this one.
    assert {info.device for info in infos(finding).values()} == {"INA3221 0x40"}


def test_what_is_not_connected_and_the_sum_of_voltages_are_no_rails(tmp_path: Path) -> None:
    boards.orin(tmp_path)
    assert set(watts(jetson.find(tmp_path))) == {
        "VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0", "VDDQ_VDD2_1V8AO"
    }  # fmt: skip


def test_a_label_loses_its_spaces(tmp_path: Path) -> None:
    boards.hwmon(tmp_path, {"1-0040": (Rail("VDD IN", 5000, 1000),)})
    boards.board(tmp_path, "My Jetson", "acme,board", release="R36", revision="1", cores=1)
    assert list(watts(jetson.find(tmp_path))) == ["VDDIN"]


@pytest.mark.parametrize(
    ("name", "label", "resolution_w", "offset_w"),
    [
        ("xavier_jetpack5", "GPU", 0.152, 0.304),  # 8 mA and 16 mA at 19 V
        ("xavier_jetpack4", "GPU", 0.152, 0.304),
        ("xavier_jetpack5", "SYS5V", 0.04, 0.08),  # at 5 V
        ("orin", "VDD_GPU_SOC", 0.38, 0.76),  # 20 mA and 40 mA: its shunts have 2 mΩ
        ("orin_nx", "VDD_IN", 0.04, 0.08),
    ],
)
def test_step_and_zero_error_follow_from_shunt_and_voltage(
    tmp_path: Path, name: str, label: str, resolution_w: float, offset_w: float
) -> None:
    boards.TREES[name](tmp_path)
    info = infos(jetson.find(tmp_path))[label]
    assert info.resolution == pytest.approx(resolution_w)
    assert info.offset_a_w == pytest.approx(offset_w)


def test_the_uncertainty_of_a_xaviers_six_rails_is_what_was_measured(tmp_path: Path) -> None:
    boards.xavier_jetpack4(tmp_path)
    found = infos(jetson.find(tmp_path)).values()
    # U = 2u, a rectangle of half-width a has u = a/√3.
    assert 2 * math.hypot(*(info.offset_a_w / math.sqrt(3) for info in found)) == pytest.approx(0.8, abs=0.02)
    assert all(2 * info.gain_a / math.sqrt(3) == pytest.approx(0.012, abs=0.0003) for info in found)


@pytest.mark.parametrize(
    ("name", "update_ms", "interval_s"),
    [
        ("xavier_jetpack4", None, 0.05),
        ("xavier_jetpack5", 1, 0.05),
        ("xavier_jetpack5", 7, 0.084),  # 6 rails, 2 reads each, 7 ms a conversion
        ("orin_nx", 7, 0.05),
        ("orin_nx", 100, 0.6),
    ],
)
def test_no_rail_is_read_more_often_than_the_bus_allows(
    tmp_path: Path, name: str, update_ms: int | None, interval_s: float
) -> None:
    boards.TREES[name](tmp_path)
    if update_ms is not None:
        for file in tmp_path.rglob("update_interval"):
            file.write_text(f"{update_ms}\n")
    found = infos(jetson.find(tmp_path)).values()
    assert all(info.min_interval_s == pytest.approx(interval_s) for info in found)
    assert {info.lane for info in found} == {"jetson"}


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("curr1_input", "", "is not a whole number"),
        ("curr1_input", "garbage", "is not a whole number"),
        ("curr1_input", "nan", "is not a whole number"),
        ("curr1_input", "1.5", "is not a whole number"),
        ("curr1_input", "0x10", "is not a whole number"),
        ("curr1_input", "99999999999999", "is not a whole number"),
        ("in1_input", "", "is not a whole number"),
        ("in1_input", "-8", "is not a voltage"),
        ("in1_input", "65535000", "is not a voltage"),
        ("curr1_input", "-1000", "further below zero than its zero error"),
    ],
)
def test_a_reading_that_is_no_power_is_an_error_of_one_line(
    tmp_path: Path, file: str, text: str, words: str
) -> None:
    boards.orin_nx(tmp_path)
    meter = jetson.find(tmp_path).sources[0].open()
    path = rail_folder(tmp_path, "1-0040") / file
    good = path.read_text()
    path.write_text(text)
    with pytest.raises(MeterError, match=words) as error:
        meter.read()
    assert "\n" not in str(error.value)
    path.write_text(good)
    assert meter.read() == 10.0
    meter.close()


@pytest.mark.parametrize("current_ma", [-8, -16, -24])
def test_a_rail_at_rest_that_reads_a_step_below_zero_draws_nothing(tmp_path: Path, current_ma: int) -> None:
    boards.orin_nx(tmp_path)
    meter = jetson.find(tmp_path).sources[0].open()
    (rail_folder(tmp_path, "1-0040") / "curr1_input").write_text(f"{current_ma}\n")
    assert meter.read() == 0.0
    meter.close()


def test_a_closed_meter_gives_no_reading(tmp_path: Path) -> None:
    boards.xavier_jetpack4(tmp_path)
    meter = jetson.find(tmp_path).sources[0].open()
    meter.close()
    meter.close()
    with pytest.raises(MeterError):
        meter.read()


def test_a_rail_that_vanished_cannot_be_opened(tmp_path: Path) -> None:
    boards.orin_nx(tmp_path)
    source = jetson.find(tmp_path).sources[0]
    (rail_folder(tmp_path, "1-0040") / "in1_input").unlink()
    with pytest.raises(MeterError, match="No such file"):
        source.open()


@pytest.mark.parametrize("defect", ["disabled", "unreadable"])
@pytest.mark.parametrize(
    ("name", "chip", "channel", "missing", "left"),
    [
        # Without one of its shares, the others are not the module; they still lie side by side.
        ("xavier_jetpack5", "1-0040", 1, "GPU", ["CPU", "SOC", "CV", "VDDRQ", "SYS5V"]),
        # Without the total, its parts are what is left.
        ("orin_nx", "1-0040", 1, "VDD_IN", ["VDD_CPU_GPU_CV", "VDD_SOC"]),
        # What might be counted twice is not added to the rest.
        ("orin", "1-0040", 1, "VDD_GPU_SOC", ["VDD_CPU_CV", "VIN_SYS_5V0"]),
    ],
)
def test_a_module_without_one_of_its_rails_is_no_module(
    tmp_path: Path, name: str, chip: str, channel: int, missing: str, left: list[str], defect: str
) -> None:
    boards.TREES[name](tmp_path)
    folder = rail_folder(tmp_path, chip)
    if defect == "disabled":
        (folder / f"in{channel}_enable").write_text("0\n")
    else:
        (folder / f"curr{channel}_input").unlink()
        (folder / f"curr{channel}_input").mkdir()
    finding = jetson.find(tmp_path)
    assert list(watts(finding)) == left
    assert {info.boundary for info in infos(finding).values()} == {"component"}
    assert any(note.startswith(f"{missing}: ") for note in finding.notes)
    assert any(note.startswith(f"{missing} not read: ") for note in finding.notes)


def test_a_rail_that_is_not_needed_may_be_switched_off(tmp_path: Path) -> None:
    boards.orin_nx(tmp_path)
    (rail_folder(tmp_path, "1-0040") / "in3_enable").write_text("0\n")
    finding = jetson.find(tmp_path)
    assert selection.select([finding], ["auto"]).boundary == "module"
    assert any(note.startswith("VDD_SOC: switched off") for note in finding.notes)


def test_an_unknown_board_with_an_input_rail_has_that_as_its_total(tmp_path: Path) -> None:
    boards.hwmon(tmp_path, {"1-0040": (Rail("VDD_X", 5000, 300), Rail("VDD_IN", 5000, 1000))})
    boards.board(tmp_path, "NVIDIA Jetson Nova", "nvidia,p9999-0000", "nvidia,tegra999",
                 release="R40", revision="1.0", cores=2)  # fmt: skip
    chosen = selection.select([jetson.find(tmp_path)], ["auto"])
    assert (chosen.counted, chosen.boundary) == (("jetson:VDD_IN",), "module")


def test_the_rails_of_an_unknown_board_are_never_added_up_unasked(tmp_path: Path) -> None:
    boards.hwmon(tmp_path, {"1-0040": (Rail("VDD_GPU", 12000, 300), Rail("VIN_SYS_5V0", 5000, 1000))})
    boards.board(tmp_path, "NVIDIA Jetson AGX Thor Developer Kit", "nvidia,tegra264",
                 release="R38", revision="2.0", cores=2)  # fmt: skip
    finding = jetson.find(tmp_path)
    assert selection.select([finding], ["auto"]).counted == ()
    assert any("AGX Thor" in note and "may hold one another" in note for note in finding.notes)
    chosen = selection.select([finding], ["jetson:VDD_GPU"])
    assert (chosen.counted, chosen.boundary) == (("jetson:VDD_GPU",), "component")


@pytest.mark.parametrize("name", list(boards.TREES))
def test_where_a_container_hides_the_device_tree_the_rails_tell_the_board(tmp_path: Path, name: str) -> None:
    boards.TREES[name](tmp_path)
    before = selection.select([jetson.find(tmp_path)], ["auto"]).counted
    (tmp_path / "sys/firmware").rename(tmp_path / "masked")
    finding = jetson.find(tmp_path)
    assert selection.select([finding], ["auto"]).counted == before


def test_the_device_tree_is_found_where_the_link_to_it_leads_out_of_the_root(tmp_path: Path) -> None:
    boards.orin_nx(tmp_path)
    link = tmp_path / "proc/device-tree"
    link.unlink()
    link.symlink_to("/sys/firmware/devicetree/nowhere")
    (tmp_path / "etc/nv_tegra_release").unlink()
    assert jetson.find(tmp_path).state == "found"


def test_two_rails_of_one_label_have_names_of_their_own(tmp_path: Path) -> None:
    rail = Rail("VDD_IN", 5000, 1000)
    boards.hwmon(tmp_path, {"1-0040": (rail,), "1-0041": (rail,)})
    boards.board(tmp_path, "My Jetson", "acme,board", release="R36", revision="1", cores=1)
    assert list(watts(jetson.find(tmp_path))) == ["VDD_IN@1-0040", "VDD_IN@1-0041"]


def test_another_machine_is_not_a_jetson(tmp_path: Path) -> None:
    # A monitor of the same make may sit on any board.
    boards.hwmon(tmp_path, {"1-0040": (Rail("VDD_IN", 5000, 1000),)})
    write(tmp_path / "proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0")
    write(tmp_path / "proc/device-tree/compatible", "raspberrypi,5-model-b\0brcm,bcm2712\0")
    finding = jetson.find(tmp_path)
    assert (finding.state, finding.reason) == ("absent", "not a Jetson")


@pytest.mark.parametrize(
    ("inside", "remedy"),
    [(True, "docker run -v /sys:/host/sys:ro"), (False, "sudo modprobe ina3221")],
)
def test_a_jetson_without_rails_is_blocked_with_what_to_do(tmp_path: Path, inside: bool, remedy: str) -> None:
    boards.board(tmp_path, "NVIDIA Jetson Orin", "nvidia,tegra234", release="R36", revision="1", cores=1)
    if inside:
        write(tmp_path / ".dockerenv", "")
    finding = jetson.find(tmp_path)
    assert finding.state == "blocked"
    assert finding.remedy.startswith(remedy)
    assert ("container (docker)" in finding.reason) == inside


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "closed", "remedy"),
    [
        ("xavier_jetpack4", "in_power*", "ina3221x/*/iio:device*/*"),
        ("xavier_jetpack5", "curr?_input", "ina3221/*/hwmon/hwmon*/*"),
        ("orin_nx", "ina3221", "ina3221/*/hwmon/hwmon*/*"),  # the driver's whole folder
    ],
)
def test_rails_that_may_not_be_read_are_blocked_with_the_command_that_opens_them(
    name: str, closed: str, remedy: str
) -> None:
    # Root may read anything, so the search runs in a child that gives root up after its imports.
    script = """
import json, os, sys
from pathlib import Path
from energyprof.measure.meters.jetson import jetson
if os.getuid() == 0:
    os.setuid(65534)
finding = jetson.find(Path(sys.argv[1]))
print(json.dumps([finding.state, finding.reason, finding.remedy]))
"""
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to other users
        root = Path(folder)
        root.chmod(0o755)
        boards.TREES[name](root)
        paths = list(root.rglob(closed))
        for path in paths:
            path.chmod(0o700 if os.getuid() == 0 else 0)
        child = subprocess.run(
            [sys.executable, "-c", script, folder],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            capture_output=True,
            text=True,
            check=True,
        )
        for path in paths:
            path.chmod(0o700)
    state, reason, command = json.loads(child.stdout)
    assert state == "blocked"
    assert "Permission denied" in reason and "neither root nor a service" in reason
    assert command == f"sudo chmod a+r /sys/bus/i2c/drivers/{remedy}"


@pytest.mark.parametrize("name", ["xavier_jetpack4", "xavier_jetpack5"])
def test_rails_at_work_are_followed(tmp_path: Path, name: str) -> None:
    boards.TREES[name](tmp_path)
    source = jetson.find(tmp_path).sources[0]
    meter = source.open()
    live = boards.LiveRails(tmp_path, constant(42), ["GPU", "CPU"])
    end_s = time.monotonic() + 30
    while (power_w := meter.read()) != pytest.approx(21, abs=0.02):
        assert time.monotonic() < end_s, power_w
    live.close()
    meter.close()
