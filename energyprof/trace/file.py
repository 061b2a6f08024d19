"""The file beside a report: every sample and every event, as gzipped CSV, readable up to the last second.

::

    run,source,start_s,end_s,value,note
    0,@run,0.000000,0.000000,,"{""seed"": 0, …}"       an event: '@' and its name, its fields as JSON
    0,rapl:package-0,0.012345,0.012361,262143.32,       a sample: the meter's name, both stamps, the value
    0,rapl:package-0,0.109345,0.109359,,input/output …  a failed read: no value, and why

Times are ``time.monotonic()`` less the run's zero. Each run is a gzip member of its own, and the stream is
flushed every second, so that a program killed at any moment leaves a file that reads up to then.
"""

from __future__ import annotations

import csv
import fcntl
import itertools
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

from energyprof.errors import FileError
from energyprof.storable.events import Room, in_trace
from energyprof.storable.values import MAX_ITEMS, MAX_TIME_S
from energyprof.trace.rows import Row, Sample

HEADER = "run,source,start_s,end_s,value,note"
GZIP = 31  # zlib's wbits for a gzip member
CHUNK_BYTES = 1 << 16
# An event's fields as JSON, their quotes doubled, and what stands before them.
MAX_LINE_BYTES = 1 << 18
# Rows with stamps in microseconds shrink to a tenth; what shrinks to less than a hundredth is not a trace.
BOMB_RATIO, BOMB_BYTES = 100, 1 << 22
# A run of fewer rows is held in memory where it is read several times; an hour at 10 Hz has more.
HELD_ROWS = 10_000
Rows = Callable[[], Iterator[Row]]
_TITLES = HEADER.split(",")


def is_being_written(path: Path) -> bool:
    """Whether a profiler on this machine holds the trace ``path`` open to append to it."""
    try:
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no trace, or a file system without locks
        return False
    return False


def read_rows(path: Path) -> Iterator[Row]:
    """All rows of the file ``path``, up to where it was cut off if it was.

    Raises:
        FileError: it cannot be read or is not a trace.
    """
    try:
        with open(path, "rb") as file:
            yield from parse_rows(iter(lambda: file.read(CHUNK_BYTES), b""), str(path))
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from None


def read_run(path: Path, run: int) -> Iterator[Row]:
    """The rows of one run in the file ``path``. Raises as ``read_rows`` does."""
    return (row for row in read_rows(path) if row.run == run)


def read_runs(path: Path) -> Iterator[tuple[int, Rows]]:
    """Each run of the file ``path``: its number, and its rows as often as they are asked for.

    The file is read once, and once more for each time that a long run's rows are asked for, however many runs
    there are; only a short run lies in memory. What is to be read of a run is read before the next is taken.

    Raises:
        FileError: it cannot be read, is not a trace, or a run is not in one piece.
    """
    again: list[Iterator[tuple[int, Iterator[Row]]]] = []
    for number, rows in _in_pieces(path):
        held = list(itertools.islice(rows, HELD_ROWS))
        yield number, partial(iter, held) if len(held) < HELD_ROWS else _Again(path, number, again)


class _Again:
    """The rows of a long run: for each call a reader of its own, which stays there for the runs to come."""

    def __init__(self, path: Path, number: int, readers: list[Iterator[tuple[int, Iterator[Row]]]]) -> None:
        self._path, self._number, self._readers = path, number, readers
        self._calls = 0

    def __call__(self) -> Iterator[Row]:
        if self._calls == len(self._readers):
            self._readers.append(_in_pieces(self._path))
        reader = self._readers[self._calls]
        self._calls += 1
        return next((rows for number, rows in reader if number == self._number), iter(()))


def _in_pieces(path: Path) -> Iterator[tuple[int, Iterator[Row]]]:
    """The runs of the file, one after the other."""
    last = -1
    for number, rows in itertools.groupby(read_rows(path), key=attrgetter("run")):
        if number <= last:
            raise FileError(f"{path}: not a readable trace: run {number} comes after run {last}")
        last = number
        yield number, rows


def parse_rows(chunks: Iterator[bytes], where: str) -> Iterator[Row]:
    """The rows in compressed ``chunks``; a cut-off end is where they stop.

    Raises:
        FileError: the bytes are not gzip, a line is not a row, or it says what may not be stored.
    """
    lines = csv.reader(_lines(chunks, where))
    run, room = -1, Room(reserved=10)
    try:
        for cells in lines:
            if cells == _TITLES:
                continue
            row = _row(cells)
            if row is None:
                raise FileError(f"{where}: line {lines.line_num} is not a row of an energyprof trace")
            if row.fields:
                if row.run != run:
                    run, room = row.run, Room(reserved=10)
                if not room.takes(row.source[1:], row.fields):
                    raise FileError(
                        f"{where}: line {lines.line_num}: more phases or facts than may be stored"
                    )
            yield row
    except csv.Error as error:
        raise FileError(f"{where}: line {lines.line_num}: {error}") from None


def _row(cells: Sequence[str]) -> Row | None:
    try:
        number, source, start, end, value, note = cells
        # A reading that is not a number is one to be rejected by what is made of it: it stands in the trace.
        sample = Sample(float(start), float(end), float(value) if value else None)
        run = int(number)
    except ValueError:
        return None
    if not (0 <= run <= MAX_ITEMS and -MAX_TIME_S <= sample[0] <= sample[1] <= MAX_TIME_S and source):
        return None
    if source[0] != "@":
        return Row(run, source, sample, note)
    fields = _fields(source[1:], note)
    return None if fields is None else Row(run, source, sample, "", fields)


def _fields(event: str, note: str) -> dict[str, Any] | None:
    try:
        said = json.loads(note)
    except (ValueError, RecursionError):
        return None
    return in_trace(event, said) if isinstance(said, dict) else None


def _lines(chunks: Iterator[bytes], where: str) -> Iterator[str]:
    rest = b""
    for text in inflated(chunks, where):
        *whole, rest = (rest + text).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace")
        if len(rest) > MAX_LINE_BYTES:
            raise FileError(f"{where}: not a readable trace: a line of more than {MAX_LINE_BYTES} bytes")


def inflated(chunks: Iterator[bytes], where: str) -> Iterator[bytes]:
    """What compressed ``chunks`` hold, never more than a chunk at once however far they expand.

    Raises:
        FileError: they are not gzip, or a little of them expands without end.
    """
    member = zlib.decompressobj(GZIP)
    taken = given = 0
    for chunk in chunks:
        data, text = chunk, b""
        taken += len(chunk)
        while data or len(text) == CHUNK_BYTES:  # a full one may leave more behind
            try:
                text = member.decompress(data, CHUNK_BYTES)
            except zlib.error as error:
                raise FileError(f"{where}: not a readable trace: {error}") from None
            given += len(text)
            if given > BOMB_BYTES + BOMB_RATIO * taken:
                raise FileError(f"{where}: not a readable trace: it expands more than {BOMB_RATIO} times")
            yield text
            data = member.unused_data if member.eof else member.unconsumed_tail
            if member.eof:
                member = zlib.decompressobj(GZIP)
