"""A report that exists is gone on with as if one session had made it, or refused in one line."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from energyprof.errors import EnergyprofError, FileError, NotComparable
from energyprof.profile.inbox import signals
from energyprof.profile.job import Job
from energyprof.profile.open_meters import MeasurementSettings, open_meters
from energyprof.profile.resume import resumed_session
from energyprof.profile.run import resume_job, run_job
from energyprof.profile.session import new_session
from energyprof.profile.training import Training
from energyprof.report.file import read, to_json, trace_path
from energyprof.report.flags import flag
from energyprof.report.recompute import recompute
from energyprof.report.record import Report, Series, WorkloadRecord
from energyprof.trace.file import read_rows
from energyprof.workload import Target
from fakes.powercap import LivePowercap
from fakes.waveform import constant

pytestmark = pytest.mark.slow

WORK = WorkloadRecord("toy", "tiny", "", "sha256:0", {"batch_size": 4}, Target("score", 0.5, "max"))
TRAIN = """
import os, time
from energyprof.wire import connect
wire = connect()
wire.send("phase", name="train", samples=0)
time.sleep(0.1)
{fate}
wire.send("progress", samples=32, score=0.75)
wire.send("end", status="done", message="")
"""
NOTHING = "pass"
CRASH = "os.kill(os.getpid(), 11)"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MeasurementSettings]:
    powercap = LivePowercap(tmp_path / "machine", constant(50))
    monkeypatch.setenv("ENERGYPROF_SYSFS_ROOT", str(tmp_path / "machine"))
    yield MeasurementSettings(("auto",), 0.02, 0.0, tmp_path / "r.json")
    powercap.close()


def job(fates: Mapping[int, str] = {}) -> Job:
    """A training of 0.1 s from any seed; some seeds meet another end."""

    def training(seed: int) -> Training:
        code = TRAIN.format(fate=fates.get(seed, NOTHING))
        return Training((sys.executable, "-c", code), seed, "startup", "keep")

    return Job(WORK, training, "toy")


def ends(report: Report) -> list[tuple[int | None, str]]:
    return [(run.seed, run.status) for run in report.runs]


def test_the_missing_seeds_are_trained_and_the_report_is_that_of_a_single_session(
    settings: MeasurementSettings,
) -> None:
    first = run_job(job(), [0, 1], settings).report
    result = resume_job(job(), [0, 1, 2, 3], settings)
    assert ends(result.report) == [(seed, "reached") for seed in range(4)]
    assert result.report.runs[:2] == first.runs
    assert [row.run for row in read_rows(trace_path(settings.path)) if row.source == "@run"] == [0, 1, 2, 3]
    # What one session reports is what its trace gives, digit for digit: so it is with two.
    assert to_json(read(settings.path)) == to_json(result.report) == to_json(recompute(settings.path))
    assert (result.report.created, result.report.notes) == (first.created, first.notes)


def test_a_report_that_has_all_its_seeds_stays_as_it_is(settings: MeasurementSettings) -> None:
    run_job(job(), [0], settings)
    before = settings.path.read_bytes(), trace_path(settings.path).read_bytes()
    assert ends(resume_job(job(), [0], settings).report) == [(0, "reached")]
    assert (settings.path.read_bytes(), trace_path(settings.path).read_bytes()) == before


def test_a_seed_that_failed_is_trained_again_and_both_runs_are_kept(settings: MeasurementSettings) -> None:
    run_job(job({1: CRASH}), [0, 1, 2], settings)
    result = resume_job(job(), [0, 1, 2], settings)
    assert ends(result.report) == [(0, "reached"), (1, "failed"), (1, "reached"), (2, "reached")]


def test_what_was_under_way_at_a_kill_9_is_kept_and_the_rest_is_trained(
    settings: MeasurementSettings,
) -> None:
    kill = f"time.sleep(1.5); os.kill(os.getppid(), {int(signal.SIGKILL)}); os._exit(0)"
    profiler = f"""
import sys
from pathlib import Path
sys.path[:0] = {sys.path!r}
from energyprof.profile.open_meters import MeasurementSettings
from energyprof.profile.run import run_job
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_resume import job
settings = MeasurementSettings(("auto",), 0.02, 0.0, Path({str(settings.path)!r}))
run_job(job({{1: {kill!r}}}), [0, 1, 2], settings)
"""
    done = subprocess.run([sys.executable, "-c", profiler], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert ends(read(settings.path)) == [(0, "reached"), (1, "interrupted")]
    cut = list(read_rows(trace_path(settings.path)))
    result = resume_job(job(), [0, 1, 2], settings)
    assert ends(result.report) == [(0, "reached"), (1, "interrupted"), (1, "reached"), (2, "reached")]
    assert flag("unfinished") in result.report.runs[1].flags
    assert (result.report.runs[1].energy_j or 0) > 0  # of its rows until then
    assert list(read_rows(trace_path(settings.path)))[: len(cut)] == cut
    assert to_json(read(settings.path)) == to_json(result.report) == to_json(recompute(settings.path))


def edited(report: Path, **changes: Any) -> None:
    report.write_text(json.dumps({**json.loads(report.read_text()), **changes}))


def refused(settings: MeasurementSettings, work: WorkloadRecord, series: Series | None = None) -> str:
    """The one line in which the report is refused; it and its trace stay as they are."""
    before = settings.path.read_bytes(), trace_path(settings.path).read_bytes()
    with open_meters(settings) as on, pytest.raises(EnergyprofError) as error:
        resumed_session(on, work, settings.path, series=series)
    assert (settings.path.read_bytes(), trace_path(settings.path).read_bytes()) == before
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(str(settings.path.parent / "r."))
    return str(error.value)


def test_other_work_other_meters_another_machine_and_another_series_are_refused(
    settings: MeasurementSettings,
) -> None:
    report = run_job(job(), [0], settings).report

    def work(**changes: Any) -> WorkloadRecord:
        return dataclasses.replace(WORK, **changes)

    says = refused(settings, work(work="sha256:1", config={"batch_size": 8}))
    assert "cannot be resumed: workload.config.batch_size is 4 in it, 8 here; write another" in says
    assert "the code or the data of its work has changed" in refused(settings, work(work="sha256:1"))
    assert "workload.target" in refused(settings, work(target=None))
    assert "interval_s is 0.02 in it, 0.05 here" in refused(
        dataclasses.replace(settings, interval_s=0.05), WORK
    )
    assert 'boundary is "component" in it, null here' in refused(
        dataclasses.replace(settings, meters=("none",)), WORK
    )
    assert "it belongs to no series" in refused(settings, WORK, Series("x", "A", (0, 3), (2,)))
    (node,) = report.nodes
    machine = {**node.machine, "id": "sha256:9", "governor": "powersave"}
    edited(settings.path, nodes=[{"name": node.name, "machine": machine}])
    assert 'governor is "powersave" in it, null here' in refused(settings, WORK)


@pytest.mark.parametrize(
    ("spoil", "says", "error"),
    [
        (lambda report, trace: trace.unlink(), "cannot be continued: No such file", FileError),
        (lambda report, trace: trace.write_bytes(b""), "lacks run 1 of its report", FileError),
        (lambda report, trace: report.unlink(), "cannot be read: No such file", FileError),
        (lambda report, trace: edited(report, boundary="wall_ac"), "boundary is", NotComparable),
    ],
)
def test_a_report_without_its_trace_and_a_trace_without_its_report_are_one_line(
    settings: MeasurementSettings, spoil: Any, says: str, error: type[Exception]
) -> None:
    run_job(job(), [0], settings)
    spoil(settings.path, trace_path(settings.path))
    with pytest.raises(error, match=says) as raised:
        resume_job(job(), [0, 1], settings)
    assert "\n" not in str(raised.value)


def positions(report: Report) -> Sequence[int]:
    assert report.series is not None
    return report.series.positions


def test_a_side_of_a_series_goes_on_with_the_positions_that_were_planned(
    settings: MeasurementSettings,
) -> None:
    series, training = Series("s", "A", (0, 3, 4), (3,)), job().training
    with open_meters(settings) as on, signals() as inbox:
        session = new_session(on, WORK, settings.path, series=series)
        session.train(training(0), 3, inbox)
        session.close()
        assert positions(read(settings.path)) == (0,)
        session = resumed_session(on, WORK, settings.path, series=series)
        session.train(training(1), 3, inbox)
        session.close()
    assert positions(read(settings.path)) == (0, 3)
    assert to_json(recompute(settings.path)) == to_json(session.report())
