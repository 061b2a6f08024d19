"""The lines of a text file, however it is encoded, packed or cut off, some at a time."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from energyprof.errors import MeterError

CHUNK_CHARS = 1 << 15
# No logger writes so long a line; a file without any would lie in memory whole.
MAX_LINE_CHARS = 1 << 20

_GZIP = b"\x1f\x8b"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Chunk(NamedTuple):
    """Some lines that follow each other, without their ends."""

    number: int  # of the first, from 1
    lines: list[str]


def chunks(path: Path, *, growing: bool = False) -> Iterator[Chunk]:
    """All lines of the file. Of one that is ``growing`` a last line without its end is still being written,
    and of what is packed the end may be missing.

    Raises:
        MeterError: it is no text, a line has no end, or what is packed in it is broken.
        OSError: it cannot be read.
    """
    number, rest = 1, ""
    try:
        with _open(path, growing=growing) as file:
            while text := file.read(CHUNK_CHARS):
                lines = (rest + text).split("\n")
                rest = lines.pop()
                if len(rest) > MAX_LINE_CHARS:
                    raise MeterError(
                        f"{path}: line {number + len(lines)}: no end within a million characters"
                    )
                if lines:
                    if "\r" in text or "\r" in lines[0]:
                        lines = [line.rstrip("\r") for line in lines]
                    yield Chunk(number, lines)
                    number += len(lines)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise MeterError(_unpackable(path, error)) from None
    except UnicodeError:
        raise MeterError(f"{path}: not a text file") from None
    if rest and not growing:
        yield Chunk(number, [rest])


def head(path: Path, *, growing: bool = False) -> list[str]:
    """The first lines, some ten thousand characters; of a file that is one long line its beginning.

    Raises:
        MeterError: it is no text, or what is packed in it is broken.
        OSError: it cannot be read.
    """
    text = beginning(path, CHUNK_CHARS, growing=growing)
    whole, end, rest = text.rpartition("\n")
    cut_off = growing or len(text) == CHUNK_CHARS
    lines = whole.split("\n") if end else []
    if rest and not (cut_off and (lines or growing)):
        lines.append(rest)
    return [line.rstrip("\r") for line in lines]


def beginning(path: Path, most: int, *, growing: bool = False) -> str:
    """The first characters of a file, ``most`` at most. Raises as `head`."""
    try:
        with _open(path, growing=growing) as file:
            return file.read(most)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise MeterError(_unpackable(path, error)) from None
    except UnicodeError:
        raise MeterError(f"{path}: not a text file") from None


def torn(path: Path) -> bool:
    """Whether it is packed and its end is missing, as a program that was killed leaves it. Unpacks all of it.

    Raises:
        MeterError: what is packed in it is broken.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        if not file.read(len(_GZIP)).startswith(_GZIP):
            return False
    try:
        with _AsFarAsItGoes(path) as packed:
            while packed.read1(CHUNK_CHARS):
                pass
            return packed.torn
    except (zlib.error, gzip.BadGzipFile) as error:
        raise MeterError(_unpackable(path, error)) from None


class _AsFarAsItGoes(gzip.GzipFile):
    """A packed file that ends where its end is missing."""

    torn = False

    def read1(self, size: int = -1) -> bytes:
        try:
            return super().read1(size)
        except EOFError:
            self.torn = True
            return b""


def unended(path: Path) -> str:
    """The last line of a file, if its end is missing; "" where it is there, or the file is packed.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(4)
        if start.startswith(_GZIP):
            return ""
        size = file.seek(0, 2)
        file.seek(max(0, size - CHUNK_CHARS) & ~1)  # an even place, where UTF-16's characters begin
        tail = file.read()
    encoding = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}.get(start[:2], "utf-8")
    return tail.decode(encoding, "replace").replace("\0", "").replace("\r", "\n").rpartition("\n")[2]


def cells_of(line: str, delimiter: str) -> list[str]:
    """One line alone: a stray quote must not swallow those that follow."""
    if '"' not in line:
        return line.split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return []


def _unpackable(path: Path, error: Exception) -> str:
    if isinstance(error, EOFError):
        return f"{path}: its end is missing: zcat {path.name} > log.csv saves what is there"
    return f"{path}: not a readable file: {error}"


def _open(path: Path, *, growing: bool) -> IO[str]:
    with path.open("rb") as file:
        start = file.read(CHUNK_CHARS)
    # Some programs end lines as the first Macs did.
    newline = None if b"\r" in start and b"\n" not in start else "\n"
    encoding = "utf-16" if start.startswith(_UTF_16) else "utf-8-sig"
    if start.startswith(_GZIP):
        packed = (_AsFarAsItGoes if growing else gzip.GzipFile)(path)
        return io.TextIOWrapper(packed, encoding="utf-8-sig", errors="replace", newline="\n")
    return open(path, encoding=encoding, errors="replace", newline=newline)
