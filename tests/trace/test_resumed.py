"""Further runs behind those of a trace that exists, also of one that a kill or a lost machine cut off."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from energyprof.errors import FileError
from energyprof.trace.file import read_rows
from energyprof.trace.writer import TraceWriter, new_trace, replaced_trace, resumed_trace


def add_run(trace: TraceWriter, run: int, samples: int = 10) -> None:
    trace.begin_run()
    trace.event(run, "run", 0.0, {"seed": run, "text": 'a "quoted", thing'})
    for i in range(samples):
        trace.sample(run, "fake:0", i * 0.1, i * 0.1 + 1e-5, i / 3, "")
        if i % 10 == 0:
            trace.flush()
    trace.end_run()


def test_runs_that_are_appended_later_read_as_if_all_had_been_written_at_once(tmp_path: Path) -> None:
    once, twice = tmp_path / "once.gz", tmp_path / "twice.gz"
    trace = new_trace(once)
    for run in range(3):
        add_run(trace, run)
    trace.close()
    trace = new_trace(twice)
    add_run(trace, 0)
    trace.close()
    trace = resumed_trace(twice)
    add_run(trace, 1)
    assert {row.run for row in trace.rows()} == {1}
    add_run(trace, 2)
    trace.close()
    assert twice.read_bytes() == once.read_bytes()


@pytest.mark.slow
def test_a_trace_cut_off_anywhere_goes_on_behind_its_last_whole_row(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.gz", tmp_path / "cut.gz"
    trace = new_trace(whole)
    for run in range(2):
        add_run(trace, run, samples=100)
    trace.close()
    content = whole.read_bytes()
    for length in range(0, len(content) + 1, 5):
        cut.write_bytes(content[:length])
        rows = list(read_rows(cut))
        trace = resumed_trace(cut)
        run = rows[-1].run + 1 if rows else 0
        add_run(trace, run)
        trace.close()
        again = list(read_rows(cut))
        assert again[: len(rows)] == rows
        assert [row.run for row in again[len(rows) :]] == [run] * 11
        # Whole members, as any gzip tool wants them, each with the header once.
        lines = gzip.decompress(cut.read_bytes()).decode().splitlines()
        assert len(lines) == len(again) + run + 1
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["cut.gz", "whole.gz"]


def test_a_run_cut_off_before_its_first_row_leaves_nothing(tmp_path: Path) -> None:
    trace = new_trace(tmp_path / "a.gz")
    add_run(trace, 0)
    before = (tmp_path / "a.gz").read_bytes()
    trace.begin_run()
    trace.flush()
    trace.close()
    resumed_trace(tmp_path / "a.gz").close()
    assert (tmp_path / "a.gz").read_bytes() == before


def test_a_trace_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    trace = new_trace(tmp_path / "a.gz")
    add_run(trace, 0)
    before = (tmp_path / "a.gz").read_bytes()
    for opening in (replaced_trace, resumed_trace):
        with pytest.raises(FileError, match=r"a\.gz: another energyprof is writing it"):
            opening(tmp_path / "a.gz")
    assert (tmp_path / "a.gz").read_bytes() == before
    trace.close()
    resumed = resumed_trace(tmp_path / "a.gz")
    with pytest.raises(FileError, match="another energyprof is writing it"):
        resumed_trace(tmp_path / "a.gz")
    resumed.close()


KILLED = """
import os, signal, sys
from pathlib import Path
from energyprof.trace.writer import new_trace
trace = new_trace(Path(sys.argv[1]))
trace.begin_run()
trace.sample(0, "fake:0", 0.1, 0.2, 1.5, "")
trace.flush()
trace.sample(0, "fake:0", 0.3, 0.4, 2.5, "")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_writer_that_is_killed_leaves_a_trace_that_is_free_to_go_on(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "a.gz")], check=False)
    trace = resumed_trace(tmp_path / "a.gz")
    add_run(trace, 1, samples=1)
    trace.close()
    assert [row.sample.value for row in read_rows(tmp_path / "a.gz")] == [1.5, None, 0.0]


@pytest.mark.parametrize(
    "content", [b"not gzip at all", gzip.compress(b"x", mtime=0)[:-4] + b"\0" * 4 + b"more"]
)
def test_what_is_no_trace_is_refused_in_one_line_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.gz").write_bytes(content)
    with pytest.raises(FileError, match=r"a\.gz: not a readable trace") as error:
        resumed_trace(tmp_path / "a.gz")
    assert "\n" not in str(error.value)
    assert (tmp_path / "a.gz").read_bytes() == content
    assert os.listdir(tmp_path) == ["a.gz"]


def test_a_trace_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"a\.gz: cannot be continued: No such file"):
        resumed_trace(tmp_path / "a.gz")
