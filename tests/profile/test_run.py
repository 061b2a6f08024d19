"""A metered training from start to end: children that hang, flood, fork and die; repeats that survive it."""

from __future__ import annotations

import dataclasses
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from energyprof.measure.selection import Selection
from energyprof.meter import Source
from energyprof.profile import await_end
from energyprof.profile.live import Snapshot
from energyprof.profile.open_meters import MeasurementSettings, idle_gpus, open_meters
from energyprof.profile.run import train_all
from energyprof.profile.session import SessionResult, new_session
from energyprof.profile.training import Training
from energyprof.profile.watchers import Watcher
from energyprof.report.file import read, to_json
from energyprof.report.flags import flag
from energyprof.report.recompute import recompute
from energyprof.report.record import WorkloadRecord
from energyprof.report.uncertainty import METER_TERMS
from energyprof.workload import Target
from fakes import sysfs
from fakes.meters import FakeMeter, counter
from fakes.powercap import LAG_J, LivePowercap
from fakes.waveform import constant

WORK = WorkloadRecord("toy", "tiny", "", "sha256:0", {}, Target("score", 0.5, "max"))
# A training as the island makes it: it connects, says where it is, and ends with its last word.
TRAIN = """
import os, subprocess, sys, time
from energyprof.wire import connect
wire = connect()
wire.send("phase", name="train", samples=0)
time.sleep(0.3)
wire.send("phase", name="eval", samples=32)
wire.send("progress", samples=32, score={score})
wire.send("end", status="done", message="")
{after}
"""


@pytest.fixture
def measuring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MeasurementSettings]:
    powercap = LivePowercap(tmp_path / "machine", constant(50))
    monkeypatch.setenv("ENERGYPROF_SYSFS_ROOT", str(tmp_path / "machine"))
    monkeypatch.setattr("energyprof.profile.record.COOLDOWN_S", 0.1)
    yield MeasurementSettings(("auto",), 0.02, 0.1, tmp_path / "r.json")
    powercap.close()


def training(seed: int, score: float = 0.75, after: str = "") -> Training:
    code = TRAIN.format(score=score, after=after)
    return Training((sys.executable, "-c", code), seed, "startup", "keep")


def profiled(
    measuring: MeasurementSettings, *trainings: Training, watchers: Sequence[Watcher] = ()
) -> SessionResult:
    with open_meters(measuring) as on:
        return train_all(new_session(on, WORK, measuring.path), trainings, watchers)


@pytest.mark.slow
def test_every_repeat_is_in_the_report_and_the_trace_gives_it_back(measuring: MeasurementSettings) -> None:
    result = profiled(measuring, training(3), training(5), training(8))
    report = result.report
    assert [(r.seed, r.status, r.samples, r.score) for r in report.runs] == [
        (3, "reached", 32, 0.75),
        (5, "reached", 32, 0.75),
        (8, "reached", 32, 0.75),
    ]
    for one in report.runs:
        assert one.energy_j == pytest.approx(50 * (one.time_s or 0), abs=LAG_J)
        assert [p.name for p in one.phases] == [
            "idle",
            "startup",
            "train",
            "eval",
            "shutdown",
            "cooldown",
            "idle",
        ]
        assert one.idle_before_w is not None
        assert one.idle_after_w is not None
        assert one.net_energy_j is not None
        assert set(one.budget_j) <= set(METER_TERMS)
        assert one.energy_u_j == pytest.approx(2 * math.hypot(*one.budget_j.values()))
    assert to_json(read(measuring.path)) == to_json(report)
    assert to_json(recompute(measuring.path)) == to_json(report)


@pytest.mark.slow
def test_a_target_that_is_not_reached_is_missed(measuring: MeasurementSettings) -> None:
    assert profiled(measuring, training(0, score=0.4)).report.runs[0].status == "missed"


@pytest.mark.slow
def test_a_failing_repeat_keeps_the_earlier_ones_and_its_last_lines(measuring: MeasurementSettings) -> None:
    crash = "print('about to crash', flush=True); os.kill(os.getpid(), 11)"
    failing = training(1, score=0.4, after=crash)
    result = profiled(measuring, training(0), failing, training(2))
    assert [r.status for r in result.report.runs] == ["reached", "failed"]
    assert result.report.runs[1].exit_code == -11
    assert result.tail[-1] == "about to crash"


@pytest.mark.slow
def test_a_child_that_hangs_after_its_last_word_is_ended_and_its_result_kept(
    measuring: MeasurementSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(await_end, "HANG_S", 0.5)
    result = profiled(measuring, training(0, after="time.sleep(600)"))
    assert result.report.runs[0].status == "reached"
    assert flag("hung") in result.report.runs[0].flags


@pytest.mark.slow
def test_a_child_that_works_at_its_end_is_left_to_it(
    measuring: MeasurementSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(await_end, "HANG_S", 0.8)
    monkeypatch.setattr(await_end, "_WORKS", 0.0)  # it may not get the processor in each 0.8 s
    slow = """
for _ in range(12):
    until_s = time.process_time() + 0.02
    while time.process_time() < until_s:
        pass
    time.sleep(0.1)
"""
    result = profiled(measuring, training(0, after=slow))
    assert result.report.runs[0].status == "reached"
    assert flag("hung") not in result.report.runs[0].flags


@pytest.mark.slow
def test_a_child_that_ignores_being_stopped_is_killed(
    measuring: MeasurementSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(await_end, "HANG_S", 0.2)
    monkeypatch.setattr("energyprof.profile.child.STOP_S", 0.5)
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    assert profiled(measuring, training(0, after=deaf)).report.runs[0].exit_code == -9


@pytest.mark.slow
def test_what_a_training_leaves_running_is_ended_with_it(
    measuring: MeasurementSettings, tmp_path: Path
) -> None:
    forked = f"open({str(tmp_path / 'pid')!r}, 'w').write(str(subprocess.Popen(['sleep', '600']).pid))"
    profiled(measuring, training(0, after=forked))
    pid = (tmp_path / "pid").read_text()
    deadline_s = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


@pytest.mark.slow
def test_a_child_that_floods_its_output_does_not_stop_and_only_its_end_is_kept(
    measuring: MeasurementSettings,
) -> None:
    flood = (
        "sys.stderr.write('x' * 5_000_000 + '\\n'); [print('line', i) for i in range(100_000)]; sys.exit(1)"
    )
    result = profiled(measuring, training(0, score=0.4, after=flood))
    assert result.report.runs[0].status == "failed"
    assert result.tail[-1] == "line 99999"
    assert len(result.tail) == 40


@pytest.mark.slow
def test_garbage_on_the_wire_is_counted_and_harmless(measuring: MeasurementSettings) -> None:
    talk = """
import socket
with socket.socket(socket.AF_UNIX) as line:
    line.connect(os.environ["ENERGYPROF_WIRE"])
    line.sendall(b"?\\n" * 7)
"""
    result = profiled(measuring, training(0, after=talk))
    assert result.report.runs[0].status == "reached"
    assert flag("wire_garbage", detail="7") in result.report.runs[0].flags


@pytest.mark.slow
def test_a_training_that_never_connects_failed(measuring: MeasurementSettings) -> None:
    silent = Training((sys.executable, "-c", "pass"), 0, "startup", "keep")
    assert profiled(measuring, silent).report.runs[0].status == "failed"


@pytest.mark.slow
def test_a_program_that_need_not_speak_is_done_when_it_ends_well(measuring: MeasurementSettings) -> None:
    code = "import time, energyprof; time.sleep(0.2); energyprof.progress(samples=8, score=0.4)"
    quiet = Training((sys.executable, "-c", code), 0, "startup", "keep", unmarked="run")
    one = profiled(measuring, quiet).report.runs[0]
    assert (one.status, one.samples) == ("missed", 8)
    assert [p.name for p in one.phases] == ["idle", "run", "cooldown", "idle"]
    assert one.energy_j == pytest.approx(one.total_energy_j, abs=LAG_J / 10)
    assert flag("unmarked") in one.flags
    assert to_json(recompute(measuring.path)) == to_json(read(measuring.path))


@pytest.mark.slow
def test_what_a_program_is_told_reaches_it(measuring: MeasurementSettings) -> None:
    code = "import os, sys; print(os.environ['TOLD']); sys.exit(1)"
    result = profiled(
        measuring, Training((sys.executable, "-c", code), 0, "startup", "keep", {"TOLD": "this"})
    )
    assert result.tail == ("this",)


def test_gpus_that_only_idle_are_named() -> None:
    gpus = tuple(
        Source(counter(name=f"nvml:{n}", part="gpu"), lambda: FakeMeter(lambda: 0.0)) for n in range(4)
    )
    selection = Selection(gpus, tuple(source.info.name for source in gpus))
    assert idle_gpus(selection, 4) == []
    assert idle_gpus(selection, None) == []
    (note,) = idle_gpus(selection, 1)
    assert note.startswith(
        "4 GPU(s) are metered, at most 1 of which train: what the others use is in the total"
    )
    assert "none of which trains" in idle_gpus(selection, 0)[0]


@pytest.mark.slow
def test_the_screen_sees_the_run_go_on(measuring: MeasurementSettings) -> None:
    seen: list[Snapshot] = []
    profiled(measuring, training(0, after="time.sleep(0.7)"), watchers=[Watcher("the test", seen.append)])
    assert seen[-1].score == 0.75
    assert seen[-1].samples == 32
    assert seen[-1].watts is not None and seen[-1].watts > 0
    assert seen[-1].joules is not None and seen[-1].joules > 0
    assert seen[-1].origin == "measured"


@pytest.mark.slow
def test_a_profiler_that_is_gone_stops_the_standard_workload(tmp_path: Path) -> None:
    if find_spec("torch") is None:
        pytest.skip("torch is not installed")
    # Nobody listens at the end of this wire: the training must not go on using energy unheard.
    job = '{"name": "unet", "settings": {"max_samples": 16, "data_fraction": 0.05}, "seed": 0}'
    done = subprocess.run(
        [sys.executable, "-m", "energyprof.workloads", job],
        env={"ENERGYPROF_WIRE": str(tmp_path / "nobody"), "PATH": "", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "the profiler is gone" in done.stderr
    assert done.returncode == 1


@pytest.mark.slow
def test_an_estimate_is_marked_as_one(measuring: MeasurementSettings, tmp_path: Path) -> None:
    sysfs.stat(tmp_path / "machine", busy_s=5.0, idle_s=5.0)
    result = profiled(dataclasses.replace(measuring, meters=("cpu-model",)), training(0))
    assert result.report.origin == "modelled"
    assert result.report.meters[0].origin == "modelled"


@pytest.mark.slow
def test_an_estimate_beside_a_meter_is_not_counted(measuring: MeasurementSettings, tmp_path: Path) -> None:
    sysfs.stat(tmp_path / "machine", busy_s=5.0, idle_s=5.0)
    report = profiled(dataclasses.replace(measuring, meters=("rapl", "cpu-model")), training(0)).report
    assert report.origin == "measured"
    assert {m.name: m.counted for m in report.meters} == {"rapl:package-0": True, "cpu-model": False}
    run_ = report.runs[0]
    assert run_.energy_j == pytest.approx(50 * (run_.time_s or 0), abs=LAG_J)


@pytest.mark.slow
def test_a_watcher_that_raises_is_dropped_with_a_line_and_the_training_goes_on(
    measuring: MeasurementSettings,
) -> None:
    calls: list[Snapshot] = []

    def fail(now: Snapshot) -> None:
        calls.append(now)
        raise ValueError("a bug")

    result = profiled(measuring, training(0), training(1), watchers=[Watcher("the exporter", fail)])
    assert [run.status for run in result.report.runs] == ["reached", "reached"]
    assert result.lost == ("the exporter was left behind: ValueError: a bug",)
    assert len(calls) == 1


@pytest.mark.slow
def test_a_watcher_that_hangs_keeps_no_signal_from_stopping_the_training(
    measuring: MeasurementSettings,
) -> None:
    for_good = threading.Event()

    def hang(now: Snapshot) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        for_good.wait()

    endless = training(0, score=0.4, after="time.sleep(600)")
    result = profiled(measuring, endless, training(1), watchers=[Watcher("a dead terminal", hang)])
    assert result.stopped_by == signal.SIGTERM
    assert [run.status for run in result.report.runs] == ["interrupted"]
    assert result.lost == ("a dead terminal was left behind: it did not come back from what it was doing",)
    for_good.set()
