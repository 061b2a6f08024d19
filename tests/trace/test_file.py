from __future__ import annotations

import gzip
import math
import subprocess
import sys
from pathlib import Path

import pytest

from energyprof.errors import FileError
from energyprof.trace.file import read_rows
from energyprof.trace.rows import Sample
from energyprof.trace.writer import TraceWriter, new_trace


def written(path: Path, runs: int = 1, samples: int = 10) -> TraceWriter:
    trace = new_trace(path)
    for run in range(runs):
        trace.begin_run()
        trace.event(run, "run", 0.0, {"seed": run, "text": 'a "quoted", thing'})
        for i in range(samples):
            trace.sample(run, "fake:0", i * 0.1, i * 0.1 + 1e-5, i / 3, "")
        trace.end_run()
    return trace


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    written(tmp_path / "a.trace.csv.gz").close()
    first, *rest = read_rows(tmp_path / "a.trace.csv.gz")
    assert first.source == "@run"
    assert first.fields == {"seed": 0, "text": 'a "quoted", thing'}
    assert [row.sample.value for row in rest] == [i / 3 for i in range(10)]
    assert rest[3].sample == Sample(0.3, 0.30001, 1.0)


def test_a_failed_read_keeps_its_reason_on_one_line(tmp_path: Path) -> None:
    trace = new_trace(tmp_path / "a.gz")
    trace.begin_run()
    trace.sample(0, "fake:0", 0.1, 0.2, None, "two\nlines, with a comma")
    trace.end_run()
    (row,) = read_rows(tmp_path / "a.gz")
    assert row.sample.value is None
    assert row.note == "two lines, with a comma"


def test_the_current_runs_rows_are_its_own(tmp_path: Path) -> None:
    trace = written(tmp_path / "a.gz", runs=3)
    assert {row.run for row in trace.rows()} == {2}
    assert {row.run for row in read_rows(tmp_path / "a.gz")} == {0, 1, 2}


def test_any_gzip_tool_reads_it(tmp_path: Path) -> None:
    written(tmp_path / "a.gz", runs=2).close()
    lines = gzip.decompress((tmp_path / "a.gz").read_bytes()).decode().splitlines()
    assert lines[0] == "run,source,start_s,end_s,value,note"
    assert len(lines) == 2 * 12


@pytest.mark.slow
def test_a_file_cut_off_anywhere_reads_up_to_there(tmp_path: Path) -> None:
    whole = tmp_path / "whole.gz"
    written(whole, runs=2, samples=200).close()
    content, all_rows = whole.read_bytes(), list(read_rows(whole))
    cut = tmp_path / "cut.gz"
    counts = []
    for length in range(0, len(content) + 1, 7):
        cut.write_bytes(content[:length])
        rows = list(read_rows(cut))
        assert rows == all_rows[: len(rows)]
        counts.append(len(rows))
    assert counts == sorted(counts)
    assert counts[-1] > 390


def test_what_was_flushed_is_readable_while_the_run_goes_on(tmp_path: Path) -> None:
    trace = new_trace(tmp_path / "a.gz")
    trace.begin_run()
    trace.sample(0, "fake:0", 0.1, 0.2, 1.5, "")
    trace.flush()
    assert [row.sample.value for row in read_rows(tmp_path / "a.gz")] == [1.5]


@pytest.mark.parametrize("content", [b"not gzip at all", gzip.compress(b"a,b\n1,2\n", mtime=0)])
def test_a_foreign_file_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.gz").write_bytes(content)
    with pytest.raises(FileError, match=r"a\.gz: ") as error:
        list(read_rows(tmp_path / "a.gz"))
    assert "\n" not in str(error.value)


def event(name: str, note: str) -> bytes:
    return f"0,@{name},1.0,1.0,,{note}\n".encode()


MALFORMED = {
    "a huge run": b"9" * 100 + b",a,1,1,1,\n",
    "a run of 5,000 digits": b"9" * 5000 + b",a,1,1,1,\n",
    "a negative run": b"-1,a,1,1,1,\n",
    "a time that is none": b"0,a,nan,1,1,\n",
    "an infinite time": b"0,a,1,inf,1,\n",
    "an end before its start": b"0,a,2,1,1,\n",
    "a cell too many": b"0,a,1,1,1,,\n",
    "no name": b"0,,1,1,1,\n",
    "a quote without its end": b'0,a,1,1,1,"x\n' + b"0,a,1,1,1,y\n" * 20000,
    "a line without its end": b"x" * (1 << 20),
    "no JSON": event("phase", '"{"'),
    "no object": event("phase", "[]"),
    "JSON nested too deep": event("started", '"' + "[" * 9999 + '"'),
    "a phase without a name": event("phase", "{}"),
    "a phase whose name is a number": event("phase", '"{""name"": 1}"'),
    "half of a surrogate pair": event("phase", '"{""name"": ""\\ud800""}"'),
    "half a sample": event("progress", '"{""samples"": 0.5, ""score"": 1}"'),
    "an exit code in words": event("exit", '"{""code"": ""one""}"'),
    "facts that are none": event("facts", '"{""facts"": 1}"'),
    "a condition of nothing": event("condition", "{}"),
    "a condition whose list is a number": event("condition", '"{""device"": ""a"", ""foreign"": 1}"'),
    "processor time in words": event("cpu", '"{""cpu_s"": ""1""}"'),
    "an infinite fact": event("facts", '"{""facts"": {""a"": 1e999, ""b"": 99999999999999999999}}"'),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_line_that_may_not_be_stored_is_one_line_that_names_it(tmp_path: Path, case: str) -> None:
    head = b"run,source,start_s,end_s,value,note\n"
    (tmp_path / "a.gz").write_bytes(gzip.compress(head + MALFORMED[case]))
    with pytest.raises(FileError, match=r"a\.gz: .*line") as error:
        list(read_rows(tmp_path / "a.gz"))
    assert "\n" not in str(error.value)


def test_what_a_later_version_adds_is_kept(tmp_path: Path) -> None:
    trace = new_trace(tmp_path / "a.gz")
    trace.begin_run()
    trace.event(0, "phase", 0.0, {"name": "train", "samples": 1, "actor": "client 3"})
    trace.event(0, "later", 1.0, {"x": [1]})
    trace.end_run()
    first, second = read_rows(tmp_path / "a.gz")
    assert first.fields == {"name": "train", "samples": 1, "actor": "client 3"}
    assert second.fields == {"x": [1]}


def test_a_score_that_is_not_a_number_stays_one_and_nothing_else_is(tmp_path: Path) -> None:
    trace = new_trace(tmp_path / "a.gz")
    trace.begin_run()
    trace.event(0, "progress", 0.0, {"samples": 1, "score": math.nan})
    trace.event(0, "condition", 0.0, {"device": "a", "sm_mhz": math.inf, "word": "\udc80"})
    trace.end_run()
    first, second = read_rows(tmp_path / "a.gz")
    assert math.isnan(first.fields["score"])
    assert second.fields == {"device": "a", "sm_mhz": None, "word": "?"}


def test_names_and_spaces_come_back_as_they_were(tmp_path: Path) -> None:
    trace = new_trace(tmp_path / "a.gz")
    trace.begin_run()
    trace.event(0, "phase", 0.0, {"name": 'a  b,\n"c"', "samples": None})
    trace.sample(0, 'csv:a, "b"', 0.0, 0.0, 1.0, "")
    trace.end_run()
    first, second = read_rows(tmp_path / "a.gz")
    assert (first.fields["name"], second.source) == ('a  b,\n"c"', 'csv:a, "b"')


BOMB = r"""
import re, sys
from pathlib import Path
from energyprof.errors import FileError
from energyprof.trace.file import read_rows
try:
    list(read_rows(Path(sys.argv[1])))
except FileError as error:
    print(error)
print(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1], file=sys.stderr)
"""


@pytest.mark.slow
def test_a_file_that_expands_without_end_takes_no_memory(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(bytes(200_000_000), 9))
    done = subprocess.run(
        [sys.executable, "-c", BOMB, str(tmp_path / "a.gz")], capture_output=True, text=True, check=False
    )
    assert "not a readable trace: a line of more than" in done.stdout
    assert int(done.stderr) < 60_000  # kB


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be read: No such file"):
        list(read_rows(tmp_path / "none.gz"))


FULL_DISK = """
import random, resource, signal, sys
from pathlib import Path
from energyprof.trace.file import read_rows
from energyprof.trace.writer import TraceWriter, new_trace
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
trace, chance = new_trace(Path(sys.argv[1])), random.Random(0)
trace.begin_run()
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, resource.RLIM_INFINITY))
for i in range(2000):
    trace.sample(0, "fake:0", i, i, chance.random(), "")
    if i % 100 == 0:
        trace.flush()
trace.end_run()
assert not trace.complete
assert len(list(trace.rows())) == 2000
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
trace.save_elsewhere(Path(sys.argv[1] + ".spare"))
assert len(list(read_rows(Path(sys.argv[1] + ".spare")))) == 2000
trace.flush()
assert trace.complete
print(len(list(read_rows(Path(sys.argv[1])))))
"""


@pytest.mark.slow
def test_a_disk_that_is_full_for_a_while_loses_nothing(tmp_path: Path) -> None:
    # A limit on the file's size refuses writes in the middle of one, as a full disk does.
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / "a.gz")], capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("2000", "")


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot be written"):
        new_trace(tmp_path / "file" / "a.gz")
