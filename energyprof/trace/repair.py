"""Closes a trace that was cut off, by a kill or a lost machine, so that further runs may follow in it."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from energyprof.errors import FileError
from energyprof.files import temporary
from energyprof.trace.file import CHUNK_BYTES, GZIP, HEADER, inflated


def repair(path: Path) -> bool:
    """Let the trace at ``path`` end with its last whole row and a closed member; whether it had to be.

    The file is replaced at once or not at all. A run without a whole row leaves nothing.

    Raises:
        FileError: it is not a trace.
        OSError: it cannot be read, or its repaired copy cannot be written.
    """
    with open(path, "rb") as file:
        end = _end_of_members(file, path)
        if end == os.fstat(file.fileno()).st_size:
            return False
        with temporary(path.parent) as (made, descriptor):
            with open(descriptor, "wb", closefd=False) as copy:
                file.seek(0)
                _copy(file, copy, end)
                for chunk in _closed(file, str(path)):
                    copy.write(chunk)
                copy.flush()
                os.fsync(descriptor)
            os.replace(made, path)
    return True


def _end_of_members(file: BinaryIO, path: Path) -> int:
    """Where the last member ends that is whole."""
    end = read = 0
    member = zlib.decompressobj(GZIP)
    while data := file.read(CHUNK_BYTES):
        read += len(data)
        text = b""
        while data or len(text) == CHUNK_BYTES:  # a full one may leave more behind
            try:
                text = member.decompress(data, CHUNK_BYTES)
            except zlib.error as error:
                raise FileError(f"{path}: not a readable trace: {error}") from None
            data = member.unused_data if member.eof else member.unconsumed_tail
            if member.eof:
                end = read - len(data)
                member = zlib.decompressobj(GZIP)
    return end


def _copy(source: BinaryIO, target: BinaryIO, length: int) -> None:
    while length > 0 and (chunk := source.read(min(CHUNK_BYTES, length))):
        target.write(chunk)
        length -= len(chunk)


def _closed(file: BinaryIO, where: str) -> Iterator[bytes]:
    """The member that begins here, cut after its last whole row and closed; nothing if it has no row."""
    again, rest, begun = zlib.compressobj(6, zlib.DEFLATED, GZIP), b"", False
    before_rows = len(HEADER) + 1
    for text in inflated(iter(lambda: file.read(CHUNK_BYTES), b""), where):
        lines, newline, rest = (rest + text).rpartition(b"\n")
        if not begun and len(lines + newline) <= before_rows:
            rest = lines + newline + rest
            continue
        begun = True
        yield again.compress(lines + newline)
    if begun:
        yield again.flush(zlib.Z_FINISH)
