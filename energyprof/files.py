"""A text file that is written at once or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from energyprof.errors import FileError


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path``; a reader never sees half of it.

    Raises:
        FileError: the disk is full, or the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise FileError(f"{path}: cannot be written: {error.strerror}") from None
