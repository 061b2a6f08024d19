"""Logs whose lines are no cells with marks between them: tegrastats, perf stat, nvidia-smi dmon."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from energyprof.errors import MeterError
from energyprof.trace.logs.table import Row, Table
from energyprof.trace.logs.text import chunks
from energyprof.trace.stamps import is_time

_RAIL = re.compile(r"(\w+) (\d+)(?:mW)?/(\d+)(?:mW)?(?= |$)")
_TEGRA = re.compile(r"(?:^|\s)RAM \d+/\d+MB")
_TEGRA_TIME = re.compile(r"^(\d\d-\d\d-\d{4} \d\d:\d\d:\d\d)\s")
# perf stat -I: "1.000228582 19.63 Joules power/energy-pkg/", or with -x, the same in cells; with --per-socket
# "S0 1" between time and value.
_PERF_EVENT = re.compile(r"power/energy-\w+/")
_PERF_MARK = re.compile(r"^\s*\d+([.,])\d+([,;\t |:])")
# A time, a value, its unit, its event.
LEAST_PERF_CELLS = 3
_PERF_START = re.compile(r"^# started on (.*)$")
_AGGREGATE = re.compile(r"[SDCN]\d+.*")

Maker = Callable[[Path, Sequence[str], bool], "Table | None"]


def tegrastats(path: Path, lines: Sequence[str], growing: bool) -> Table | None:
    """Its lines as rows of rails in mW, as far as its first ones show any."""
    first = next((line for line in lines if _TEGRA.search(line)), None)
    if first is None:
        return None
    seen = (rail for line in lines if _TEGRA.search(line) for rail, _, _ in _RAIL.findall(line))
    rails = [rail for rail in dict.fromkeys(seen) if rail not in ("RAM", "SWAP", "IRAM")]
    timed = ("time",) if _TEGRA_TIME.match(first) else ()

    def rows() -> Iterator[Row]:
        for at, line in _numbered(path, growing):
            if not _TEGRA.search(line):
                continue
            found = {rail: value for rail, value, _ in _RAIL.findall(line)}
            time = _TEGRA_TIME.match(line)
            cells = [time[1] if time else ""] if timed else []
            yield Row(at, ["tegrastats", *cells, *(found.get(rail, "") for rail in rails)])

    return Table(path, ("tegrastats", *timed, *rails), 0, "", rows)


def perf(path: Path, lines: Sequence[str], growing: bool) -> Table | None:
    """The energies of ``perf stat -I`` as rows; its other events are none of ours."""
    first = next((line for line in lines if _PERF_EVENT.search(line)), None)
    marked = _PERF_MARK.match(first) if first else None
    if first is None or marked is None:
        return None
    if len(first.split() if marked[2] == " " else first.split(marked[2])) <= LEAST_PERF_CELLS:
        raise MeterError(f"{path}: totals of perf stat, without times: log with perf stat -I 1000")
    starts = (match[1] for line in lines if (match := _PERF_START.match(line)))
    start = next(filter(is_time, starts), "")
    point, mark = marked.groups()
    if point == mark:
        raise MeterError(
            f"{path}: perf wrote decimal commas between commas: log with LC_ALL=C perf stat …, or with -x ';'"
        )

    def rows() -> Iterator[Row]:
        for at, line in _numbered(path, growing):
            event = _PERF_EVENT.search(line)
            if event is None:
                continue
            cells = line.split() if mark == " " else [cell.strip() for cell in line.split(mark)]
            own = next((i for i, cell in enumerate(cells) if event[0] in cell), 0)
            if own < 3:
                yield Row(at, cells[:1])
                continue
            aggregate = cells[1] if _AGGREGATE.fullmatch(cells[1]) else ""
            yield Row(at, [cells[0], cells[own - 2], event[0], aggregate])

    return Table(path, ("perf time", "perf value", "perf event", "perf aggregate"), 0, "", rows, start)


def dmon(path: Path, lines: Sequence[str], growing: bool) -> Table | None:
    """nvidia-smi dmon's columns, with its date and time as one."""
    header = next((line for line in lines if line.startswith("#")), "").lstrip("#")
    # With --format csv there are commas.
    mark = re.compile(r",\s*" if "," in header else r"\s+")
    titles = [title.lower() for title in mark.split(header.strip())]
    if not {"gpu", "pwr"} <= set(titles):
        return None
    both = titles[:2] == ["date", "time"]
    shown = ["date time", *titles[2:]] if both else titles

    def rows() -> Iterator[Row]:
        for at, line in _numbered(path, growing):
            cells = mark.split(line.strip())
            if not any(cells) or line.startswith("#"):
                continue
            if both and len(cells) > 1 and re.fullmatch(r"\d{8}", cells[0]):
                day = cells[0]
                cells = [f"{day[:4]}-{day[4:6]}-{day[6:]} {cells[1]}", *cells[2:]]
            yield Row(at, cells)

    return Table(path, tuple(shown), 0, "", rows)


def _numbered(path: Path, growing: bool) -> Iterator[tuple[int, str]]:
    for first, some in chunks(path, growing=growing):
        yield from enumerate(some, first)


LINES: tuple[Maker, ...] = (tegrastats, perf, dmon)
