"""Writes a trace: a new one, or further runs behind those of one that exists."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import json
import os
import stat
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from energyprof.errors import FileError, Tampered
from energyprof.files import TAKEN, make_folder
from energyprof.storable.values import fitted, fitted_text
from energyprof.trace.file import CHUNK_BYTES, GZIP, HEADER, parse_rows
from energyprof.trace.repair import repair
from energyprof.trace.rows import Row


def new_trace(path: Path) -> TraceWriter:
    """An empty trace at ``path``, where nothing lay, or the empty one of a process that was killed.

    Raises:
        FileError: something lies there, or it cannot be written.
    """
    make_folder(path)
    try:
        try:
            return TraceWriter(path, _locked(path, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            if not is_empty(path):
                raise
        return _still_empty(path)
    except FileExistsError:
        raise FileError(f"{path}: {TAKEN}") from None
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror}") from None


def replaced_trace(path: Path) -> TraceWriter:
    """An empty trace at ``path``, in the place of what lay there; what a link led to stays as it is.

    Raises:
        FileError: it cannot be written, or another energyprof is writing it.
    """
    old = -1
    try:
        if path.is_symlink():
            path.unlink()
        with contextlib.suppress(FileNotFoundError):
            old = _locked(path)
            path.unlink()
        # The lock on the old one has kept others out until this one is ours.
        return new_trace(path)
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        if old >= 0:
            os.close(old)


def resumed_trace(path: Path) -> TraceWriter:
    """The trace at ``path``, to append runs to; one that was cut off now ends with its last whole row.

    Raises:
        FileError: it cannot be read or written, is not a trace, or another energyprof is writing it.
    """
    with contextlib.ExitStack() as undo:
        try:
            file = _locked(path)
            undo.callback(os.close, file)
            if repair(path):
                # It is another file now. The lock on the old one keeps others out until this one is ours.
                file = _locked(path)
                undo.pop_all().close()
                undo.callback(os.close, file)
        except OSError as error:
            raise FileError(f"{path}: cannot be continued: {error.strerror}") from None
        undo.pop_all()
    return TraceWriter(path, file)


def is_empty(path: Path) -> bool:
    """Whether a file lies there, no link, that holds nothing."""
    found = os.lstat(path)
    return stat.S_ISREG(found.st_mode) and not found.st_size


def _still_empty(path: Path) -> TraceWriter:
    try:
        file = _locked(path)
    except FileError:
        raise FileExistsError from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # without locks its writer may be alive
        if not os.fstat(file).st_size:
            return TraceWriter(path, file)
    except OSError:
        pass
    os.close(file)
    raise FileExistsError


def _locked(path: Path, flags: int = 0) -> int:
    """The descriptor of ``path``, which no other energyprof writes as long as it is open."""
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | flags, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        taken = os.fstat(file).st_ino != os.stat(path).st_ino  # another has just repaired it
    except BlockingIOError:
        taken = True
    except OSError:
        taken = False  # a file system without locks
    if taken:
        os.close(file)
        raise FileError(f"{path}: another energyprof is writing it; wait until it ends, or write elsewhere")
    return file


class TraceWriter:
    """Appends rows. A disk that is full costs nothing: what does not fit waits in memory for the next try.

    What was written is known by its digest, in memory: the file lies where the training may write, too.
    """

    def __init__(self, path: Path, file: int) -> None:
        """``file``: descriptor of what lies at ``path``, whole to its end."""
        self.path = path
        self._lines: list[str] = []
        self._waiting = b""  # compressed, not yet on disk
        self._file = file
        self._size = os.fstat(file).st_size
        self._run_offset = self._size  # where the current run's member begins
        self._member = zlib.compressobj(6, zlib.DEFLATED, GZIP)
        self._whole = hashlib.blake2b()  # of all bytes, those that wait included
        for chunk in self._chunks(0):
            self._whole.update(chunk)
        self._current = hashlib.blake2b()  # of the current run's

    def sample(
        self, run: int, source: str, start_s: float, end_s: float, value: float | None, note: str
    ) -> None:
        """Add one attempt to read a meter."""
        text = "" if value is None else repr(value)
        why = _quoted(fitted_text(" ".join(note.split()))) if note else ""
        self._lines.append(f"{run},{_quoted_name(source)},{start_s:.6f},{end_s:.6f},{text},{why}")

    def event(self, run: int, name: str, time_s: float, fields: Mapping[str, Any]) -> None:
        """Add one event."""
        # A score that is not a number is news: the training diverged. Nothing else may be none.
        said = {key: value if key == "score" else fitted(value) for key, value in fields.items()}
        note = _quoted(json.dumps(said, sort_keys=True))
        self._lines.append(f"{run},@{name},{time_s:.6f},{time_s:.6f},,{note}")

    def lines(self, text: str) -> None:
        """Add rows that are whole lines of a trace already, the last one without its end."""
        self._lines.append(text)

    def flush(self) -> None:
        """Bring all rows so far to the disk, readable; what the disk refuses is kept."""
        lines, self._lines = self._lines, []
        if lines:
            made = self._member.compress(("\n".join(lines) + "\n").encode())
            self._append(made + self._member.flush(zlib.Z_SYNC_FLUSH))
        self._write()

    def end_run(self) -> None:
        """Close the current run's member; ``rows()`` still reads it."""
        self.flush()
        self._append(self._member.flush(zlib.Z_FINISH))
        self._write()

    def begin_run(self) -> None:
        """Start a member for the next run; each repeats the header."""
        self._member = zlib.compressobj(6, zlib.DEFLATED, GZIP)
        self._run_offset = self._size + len(self._waiting)
        self._current = hashlib.blake2b()
        self._lines.append(HEADER)

    def rows(self) -> Iterator[Row]:
        """The current run's rows, whether they are on the disk or wait for it.

        Raises:
            Tampered: at their end: they are not those that were written.
        """
        read = hashlib.blake2b()
        try:
            yield from parse_rows(_through(read, self._chunks(self._run_offset)), str(self.path))
        except FileError:
            raise self._tampered() from None
        if read.digest() != self._current.digest():
            raise self._tampered()

    def verify(self) -> None:
        """Check that the file under our name is the one that we wrote.

        Raises:
            Tampered: it is another, or was changed.
        """
        read = hashlib.blake2b()
        for chunk in self._chunks(0):
            read.update(chunk)
        try:
            ours = os.path.samestat(os.lstat(self.path), os.fstat(self._file))
        except OSError:
            ours = False
        if not ours or read.digest() != self._whole.digest() or os.fstat(self._file).st_size != self._size:
            raise self._tampered()

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

    def withdraw(self) -> None:
        """Let go of the file, which is not wanted, and remove it."""
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let go of the file, where that has not been done."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _append(self, compressed: bytes) -> None:
        self._whole.update(compressed)
        self._current.update(compressed)
        self._waiting += compressed

    def _tampered(self) -> Tampered:
        return Tampered(
            f"{self.path}: is not what was written to it: something else wrote there meanwhile, so this "
            "measurement counts for nothing"
        )

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
            chunk = os.pread(self._file, min(CHUNK_BYTES, size - offset), offset)
            if not chunk:
                return
            offset += len(chunk)
            yield chunk
        yield waiting[offset - size :]


def _through(digest: hashlib.blake2b, chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        digest.update(chunk)
        yield chunk


def _quoted(cell: str) -> str:
    """A cell of a line; only what has to stand in quotes does."""
    if not any(mark in cell for mark in ',"\r\n'):
        return cell
    return '"' + cell.replace('"', '""') + '"'


# The same few meters, some hundred times a second.
_quoted_name = functools.lru_cache(maxsize=256)(_quoted)
