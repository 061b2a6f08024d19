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
import json
import zlib
from collections.abc import Iterator, Sequence
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
_TITLES = HEADER.split(",")


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
        FileError: they are not gzip.
    """
    member = zlib.decompressobj(GZIP)
    for chunk in chunks:
        data, text = chunk, b""
        while data or len(text) == CHUNK_BYTES:  # a full one may leave more behind
            try:
                text = member.decompress(data, CHUNK_BYTES)
            except zlib.error as error:
                raise FileError(f"{where}: not a readable trace: {error}") from None
            yield text
            data = member.unused_data if member.eof else member.unconsumed_tail
            if member.eof:
                member = zlib.decompressobj(GZIP)
