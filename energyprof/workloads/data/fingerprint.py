"""A checksum of a user's files: names, sizes and contents, but not where they lie."""

import hashlib
import os
from pathlib import Path
from typing import Iterator

from energyprof.workload import WorkloadError

# Of a larger file the ends are read, or planning would take as long as the disk needs for the whole data set.
WHOLE_BYTES = 1 << 20
END_BYTES = 1 << 16


def fingerprint(path: Path) -> str:
    """``sha256:…`` over a file, or over all files of a folder and their names within it.

    Files above 1 MiB count with their size, their first and their last 64 KiB.

    Raises:
        WorkloadError: there is nothing, or it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        for file in _files(path):
            name = file.relative_to(path).as_posix() if file != path else ""
            digest.update(f"{name}\0{file.stat().st_size}\0".encode())
            digest.update(_content(file))
    except OSError as error:
        raise WorkloadError(
            f"{error.filename or path}: cannot be read ({error.strerror}): check it"
        ) from error
    return "sha256:" + digest.hexdigest()


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    found = [Path(folder) / name for folder, _, names in os.walk(str(path)) for name in names]
    # Hidden files (.DS_Store, .git) come and go without the data having changed.
    yield from sorted(f for f in found if not any(p.startswith(".") for p in f.relative_to(path).parts))


def _content(file: Path) -> bytes:
    with file.open("rb") as opened:
        if file.stat().st_size <= WHOLE_BYTES:
            return hashlib.sha256(opened.read()).digest()
        ends = opened.read(END_BYTES)
        opened.seek(-END_BYTES, os.SEEK_END)
        return hashlib.sha256(ends + opened.read()).digest()
