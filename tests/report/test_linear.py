"""Twice the phases, runs or events are about twice the work, in lines of Python; bombs are refused."""

from __future__ import annotations

import functools
import gzip
import io
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from rich.console import Console

from energyprof.compare.comparison import compare
from energyprof.errors import FileError
from energyprof.formats import comparison_format
from energyprof.formats.html.page import page
from energyprof.formats.picture import picture
from energyprof.formats.summary import summary
from energyprof.report.file import from_json, read, to_json, trace_path, write
from energyprof.report.recompute import recompute
from energyprof.trace import file as trace_file
from energyprof.trace.file import BOMB_RATIO, CHUNK_BYTES, HEADER, HELD_ROWS, inflated, read_rows, read_runs
from energyprof.trace.writer import TraceWriter, new_trace
from reports import meter, report

METER = "rapl:package-0"
# A little is the same however much there is, and dictionaries grow by leaps.
AT_MOST = 2.3


def lines_of(work: Callable[[], Any]) -> int:
    """How many lines of Python the work takes, those of each turn of a loop among them."""
    count = 0

    def counting(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += 1
        return counting

    before = sys.gettrace()
    sys.settrace(counting)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def recorded(path: Path, write_runs: Callable[[TraceWriter], None]) -> Path:
    """A report at ``path`` of what its trace holds."""
    write(report([], meters=(meter(),)), path)
    trace = new_trace(trace_path(path))
    write_runs(trace)
    trace.close()
    write(recompute(path), path)
    return path


def begun(trace: TraceWriter, run: int) -> None:
    trace.begin_run()
    trace.event(run, "run", 0.0, {"seed": run, "monotonic_s": 0.0, "utc": "2026-01-01T00:00:00Z"})
    trace.event(run, "started", 0.0, {})


def marks(path: Path, count: int, actors: int = 0) -> Path:
    """A run with so many phases, each with a name and progress of its own."""

    def write_runs(trace: TraceWriter) -> None:
        begun(trace, 0)
        for i in range(count):
            actor = {"actor": f"client {i % actors}"} if actors else {}
            trace.event(0, "phase", 1 + i, {"name": f"mark {i}", "samples": None, **actor})
            trace.event(0, "progress", 1.5 + i, {"samples": i, "score": i / count, **actor})
            trace.event(0, "facts", 1.5 + i, {"facts": {"step": i}})
            trace.event(0, "cpu", 1.6 + i, {"cpu_s": 0.5 * i, "busy_s": 0.9 * i, "cpus": 2})
            trace.sample(0, METER, 1.7 + i, 1.7 + i, 50.0 * i, "")
        trace.event(0, "exit", 1.0 + count, {"code": 0})
        trace.end_run()

    return recorded(path, write_runs)


def runs(path: Path, count: int) -> Path:
    """So many short runs."""

    def write_runs(trace: TraceWriter) -> None:
        for run in range(count):
            begun(trace, run)
            trace.event(run, "phase", 0.1, {"name": "train", "samples": None})
            for i in range(5):
                trace.sample(run, METER, 0.1 * i, 0.1 * i, 5.0 * i, "")
            trace.event(run, "progress", 0.3, {"samples": 100, "score": 0.9})
            trace.event(run, "exit", 0.4, {"code": 0})
            trace.end_run()

    return recorded(path, write_runs)


MADE: dict[str, Callable[[Path, int], Path]] = {
    "marks": marks,
    "actors": lambda path, count: marks(path, count, actors=count // 2),
    "runs": runs,
}


def shown(path: Path) -> None:
    content = read(path)
    screen = Console(file=io.StringIO(), width=80)
    screen.print(summary(content, path))
    screen.print(picture(content, path, 80) or "")


def compared(path: Path) -> None:
    content = read(path)
    comparison = compare([content], ["it"])
    for name in ("text", "markdown", "csv", "json"):
        comparison_format(name).write_comparison(comparison, io.StringIO())


def drawn(path: Path) -> None:
    content = read(path)
    page(compare([content], ["it"]), [content], [trace_path(path)])


WORK: dict[str, Callable[[Path], Any]] = {
    "recompute": recompute,
    "write and read": lambda path: from_json(to_json(read(path)), "it"),
    "show": shown,
    "compare": compared,
    "a page": drawn,
}


@pytest.fixture(scope="module")
def few_and_many(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Path]]:
    """Two reports of a kind, the second of twice as many; no work changes them."""

    @functools.cache
    def pair(made: str) -> tuple[Path, Path]:
        folder = tmp_path_factory.mktemp(made)
        return MADE[made](folder / "150.json", 150), MADE[made](folder / "300.json", 300)

    return pair


@pytest.mark.slow
@pytest.mark.parametrize("made", MADE)
@pytest.mark.parametrize("work", WORK)
def test_twice_as_many_are_twice_the_work(
    few_and_many: Callable[[str], tuple[Path, Path]], made: str, work: str
) -> None:
    few, many = few_and_many(made)
    WORK[work](few)  # what is made once is not counted
    assert lines_of(lambda: WORK[work](many)) <= AT_MOST * lines_of(lambda: WORK[work](few))


@pytest.mark.slow
def test_a_hundred_thousand_names_of_phases_and_as_many_runs_may_be_stored(tmp_path: Path) -> None:
    events = "".join(
        f'0,@phase,{i},{i},,"{{""name"": ""{i}"", ""samples"": null}}"\n' for i in range(100_000)
    ) + "".join(f"{n},m,0,0,1,\n" for n in range(1, 100_001))
    path = tmp_path / "r.trace.csv.gz"
    path.write_bytes(gzip.compress(f"{HEADER}\n{events}".encode(), 1))
    assert sum(1 for _ in read_rows(path)) == 200_000


@pytest.mark.slow
@pytest.mark.parametrize(
    "lengths", [(3, 2, 1), (HELD_ROWS, 1, HELD_ROWS + 1), (HELD_ROWS - 1, HELD_ROWS + 5)]
)
def test_each_run_gives_its_rows_as_often_as_asked(tmp_path: Path, lengths: tuple[int, ...]) -> None:
    path = tmp_path / "r.trace.csv.gz"
    lines = "".join(f"{2 * n},m,{i},{i},{i},\n" for n, length in enumerate(lengths) for i in range(length))
    path.write_bytes(gzip.compress(f"{HEADER}\n{lines}".encode(), 1))
    for number, rows in read_runs(path):
        for _ in range(3):
            found = list(rows())
            assert len(found) == lengths[number // 2]
            assert {row.run for row in found} == {number}
            assert [row.sample.value for row in found[:3]] == [0.0, 1.0, 2.0][: len(found)]


def test_a_run_in_two_pieces_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.trace.csv.gz"
    path.write_bytes(gzip.compress(f"{HEADER}\n0,m,0,0,1,\n1,m,0,0,1,\n0,m,1,1,2,\n".encode()))
    with pytest.raises(FileError, match="run 0 comes after run 1"):
        for _, rows in read_runs(path):
            list(rows())


@pytest.mark.slow
@pytest.mark.parametrize("line", [b"0", b"\n", HEADER.encode() + b"\n", b"0,m,0,0,1,\n", b'0,m,0,0,1,"\n'])
def test_a_trace_that_expands_without_end_is_refused_while_it_is_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: bytes
) -> None:
    small = 1 << 20
    monkeypatch.setattr(trace_file, "BOMB_BYTES", small)
    path = tmp_path / "r.trace.csv.gz"
    path.write_bytes(gzip.compress(f"{HEADER}\n".encode() + line * (8 * small // len(line)), 1))
    given = 0
    with pytest.raises(FileError), path.open("rb") as file:
        for text in inflated(iter(lambda: file.read(CHUNK_BYTES), b""), "it"):
            assert len(text) <= CHUNK_BYTES
            given += len(text)
    assert given <= small + BOMB_RATIO * path.stat().st_size < 8 * small
    write(report([]), tmp_path / "r.json")
    with pytest.raises(FileError):
        recompute(tmp_path / "r.json")


def test_a_device_is_refused_before_it_fills_the_memory() -> None:
    with pytest.raises(FileError, match="not a text file"):
        read(Path("/dev/zero"))
