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

import contextlib
import csv
import io
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from energyprof.errors import FileError
from energyprof.trace.rows import Row, Sample

HEADER = "run,source,start_s,end_s,value,note"
_GZIP = 31  # zlib's wbits for a gzip member
_CHUNK_BYTES = 1 << 16


class TraceWriter:
    """Appends rows. A disk that is full costs nothing: what does not fit waits in memory for the next try."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines: list[str] = []
        self._waiting = b""  # compressed, not yet on disk
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise FileError(f"{path}: cannot be written: {error.strerror}") from None
        self._size = 0
        self._run_offset = 0  # where the current run's member begins
        self._member = zlib.compressobj(6, zlib.DEFLATED, _GZIP)

    def sample(
        self, run: int, source: str, start_s: float, end_s: float, value: float | None, note: str
    ) -> None:
        """Add one attempt to read a meter."""
        text = "" if value is None else repr(value)
        self._lines.append(f"{run},{source},{start_s:.6f},{end_s:.6f},{text},{_quoted(note)}")

    def event(self, run: int, name: str, time_s: float, fields: Mapping[str, Any]) -> None:
        """Add one event."""
        note = _quoted(json.dumps(fields, sort_keys=True))
        self._lines.append(f"{run},@{name},{time_s:.6f},{time_s:.6f},,{note}")

    def flush(self) -> None:
        """Bring all rows so far to the disk, readable; what the disk refuses is kept."""
        lines, self._lines = self._lines, []
        if lines:
            self._waiting += self._member.compress(("\n".join(lines) + "\n").encode())
            self._waiting += self._member.flush(zlib.Z_SYNC_FLUSH)
        self._write()

    def end_run(self) -> None:
        """Close the current run's member; ``rows()`` still reads it."""
        self.flush()
        self._waiting += self._member.flush(zlib.Z_FINISH)
        self._write()

    def begin_run(self) -> None:
        """Start a member for the next run; each repeats the header."""
        self._member = zlib.compressobj(6, zlib.DEFLATED, _GZIP)
        self._run_offset = self._size + len(self._waiting)
        self._lines.append(HEADER)

    def rows(self) -> Iterator[Row]:
        """The current run's rows, whether they are on the disk or wait for it."""
        return parse_rows(self._chunks(self._run_offset), str(self.path))

    def save_elsewhere(self, path: Path) -> None:
        """Write the whole trace to another place, since its own is full.

        Raises:
            FileError: that place cannot be written either.
        """
        try:
            with open(path, "xb") as file:
                for chunk in self._chunks(0):
                    file.write(chunk)
        except OSError as error:
            raise FileError(f"{path}: cannot be written: {error.strerror}") from None

    @property
    def complete(self) -> bool:
        """Whether all that was recorded is on the disk."""
        return not self._waiting and not self._lines

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def _write(self) -> None:
        try:
            while self._waiting:
                written = os.pwrite(self._file, self._waiting, self._size)
                self._size += written
                self._waiting = self._waiting[written:]
        except OSError:
            return  # full or gone: the next flush tries again, and `complete` tells

    def _chunks(self, offset: int) -> Iterator[bytes]:
        size, waiting = self._size, self._waiting
        while offset < size:
            chunk = os.pread(self._file, min(_CHUNK_BYTES, size - offset), offset)
            if not chunk:
                return
            offset += len(chunk)
            yield chunk
        yield waiting[offset - size :]


def read_rows(path: Path) -> Iterator[Row]:
    """All rows of the file ``path``, up to where it was cut off if it was.

    Raises:
        FileError: it cannot be read or is no trace.
    """
    try:
        with open(path, "rb") as file:
            yield from parse_rows(iter(lambda: file.read(_CHUNK_BYTES), b""), str(path))
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
    member = zlib.decompressobj(_GZIP)
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
                member = zlib.decompressobj(_GZIP)


def _quoted(note: str) -> str:
    if not note:
        return ""
    out = io.StringIO()
    with contextlib.closing(out):
        csv.writer(out, lineterminator="").writerow([" ".join(note.split())])
        return out.getvalue()
