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
import zlib
from collections.abc import Iterator
from pathlib import Path

from energyprof.errors import FileError
from energyprof.trace.rows import Row, Sample

HEADER = "run,source,start_s,end_s,value,note"
GZIP = 31  # zlib's wbits for a gzip member
CHUNK_BYTES = 1 << 16


def read_rows(path: Path) -> Iterator[Row]:
    """All rows of the file ``path``, up to where it was cut off if it was.

    Raises:
        FileError: it cannot be read or is no trace.
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
        FileError: the bytes are no gzip, or a line is no row.
    """
    run, number = 0, 0
    lines = _lines(chunks, where)
    for fields in csv.reader(lines):
        number += 1
        if ",".join(fields) == HEADER:
            continue
        try:
            number_text, source, start, end, value, note = fields
            run = int(number_text)
            sample = Sample(float(start), float(end), float(value) if value else None)
        except ValueError:
            raise FileError(f"{where}: line {number} is no row of an energyprof trace") from None
        yield Row(run, source, sample, note)


def _lines(chunks: Iterator[bytes], where: str) -> Iterator[str]:
    rest = b""
    member = zlib.decompressobj(GZIP)
    for chunk in chunks:
        data = chunk
        while data:
            try:
                text = member.decompress(data)
            except zlib.error as error:
                raise FileError(f"{where}: not a readable trace: {error}") from None
            *whole, rest = (rest + text).split(b"\n")
            for line in whole:
                yield line.decode("utf-8", "replace")
            data = member.unused_data
            if member.eof:
                member = zlib.decompressobj(GZIP)
