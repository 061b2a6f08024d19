"""The estimate from CPU time, against sums that can be done in the head."""

from __future__ import annotations

from pathlib import Path

import pytest

from energyprof.errors import MeterError
from energyprof.measure.meters import cpu_model
from fakes import sysfs


def source(root: Path):  # type: ignore[no-untyped-def]
    finding = cpu_model.find(root)
    assert finding.state == "found"
    return finding.sources[0]


@pytest.mark.parametrize(
    ("busy_s", "idle_s", "expected_j"),
    [
        (0, 300, 300 * 0.74),  # two threads idle for 150 s
        (100, 0, 100 * 3.5),  # two threads busy for 50 s
        (100, 300, 350 + 222),
    ],
)
def test_busy_time_costs_3_5_w_and_idle_time_0_74_w_a_thread(
    tmp_path: Path, busy_s: float, idle_s: float, expected_j: float
) -> None:
    sysfs.stat(tmp_path, busy_s, idle_s)
    assert source(tmp_path).open().read() == pytest.approx(expected_j)


def test_the_counter_follows_the_file_it_keeps_open(tmp_path: Path) -> None:
    sysfs.stat(tmp_path, busy_s=100, idle_s=300)
    meter = source(tmp_path).open()
    before = meter.read()
    sysfs.stat(tmp_path, busy_s=110, idle_s=300)
    assert meter.read() - before == pytest.approx(35)
    meter.close()


def test_time_waiting_for_io_may_shrink_but_the_energy_does_not(tmp_path: Path) -> None:
    sysfs.stat(tmp_path, busy_s=100, idle_s=300)
    meter = source(tmp_path).open()
    before = meter.read()
    sysfs.stat(tmp_path, busy_s=100, idle_s=297)
    assert meter.read() == before


def test_it_says_everywhere_that_it_is_an_estimate(tmp_path: Path) -> None:
    sysfs.cpuinfo(tmp_path)
    sysfs.stat(tmp_path, 1, 1, threads=8)
    finding = cpu_model.find(tmp_path)
    info = finding.sources[0].info
    assert finding.role == "estimate"
    assert info.origin == "modelled"
    assert info.gain_a >= 0.5
    assert info.max_power_w == 2 * 3.5 * 8
    assert info.device == "Fake CPU @ 3.00GHz"
    assert "not a measurement" in finding.notes[0]


@pytest.mark.parametrize(
    ("file", "text", "limited"),
    [
        ("cpu.max", "200000 100000\n", True),
        ("cpu.max", "max 100000\n", False),
        ("cpu/cpu.cfs_quota_us", "50000\n", True),
        ("cpu/cpu.cfs_quota_us", "-1\n", False),
    ],
)
def test_a_container_with_a_quota_is_told_that_the_whole_machine_counts(
    tmp_path: Path, file: str, text: str, limited: bool
) -> None:
    sysfs.stat(tmp_path, 1, 1)
    sysfs.write(tmp_path / "sys/fs/cgroup" / file, text)
    notes = cpu_model.find(tmp_path).notes
    assert any("whole machine" in note for note in notes) == limited


def test_without_proc_stat_it_is_absent(tmp_path: Path) -> None:
    finding = cpu_model.find(tmp_path)
    assert finding.state == "absent"
    assert "Linux only" in finding.reason


@pytest.mark.parametrize("text", ["", "cpu  1 2 3\n", "cpu  a b c d e f g h\n", "intr 1 2 3 4 5 6 7 8\n"])
def test_a_file_without_cpu_counters_is_an_error(tmp_path: Path, text: str) -> None:
    path = sysfs.stat(tmp_path, 1, 1)
    meter = source(tmp_path).open()
    path.write_text(text)
    with pytest.raises(MeterError, match="not eight CPU counters"):
        meter.read()
    assert cpu_model.find(tmp_path).state == "absent"


def test_the_longest_counters_fit_into_one_reading(tmp_path: Path) -> None:
    line = "cpu  " + " ".join([str(2**64 - 1)] * 10) + "\n"
    sysfs.write(tmp_path / "proc/stat", line)
    assert source(tmp_path).open().read() > 0
