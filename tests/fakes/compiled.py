"""Shared libraries made of the C files here, compiled once for all test processes."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest


def compiled(name: str, sources: Sequence[Path], options: Sequence[str]) -> Path:
    """The library ``name`` of these sources, in a folder of its own below the temporary one.

    ``options`` are the compiler's: in front of the sources where they start with ``-D``, otherwise behind.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip(f"the fake {name} needs Linux and a C compiler")
    first = [option for option in options if option.startswith("-D")]
    last = [option for option in options if not option.startswith("-D")]
    command = [compiler, "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", *first]
    key = hashlib.sha256(repr([command, last, name]).encode())
    for path in sorted({*sources, *(header for source in sources for header in source.parent.glob("*.h"))}):
        key.update(path.read_bytes())
    cache = Path(tempfile.gettempdir()) / f"energyprof-fakes-{os.getuid()}"
    cache.mkdir(mode=0o700, exist_ok=True)
    assert cache.lstat().st_uid == os.getuid(), f"{cache} belongs to somebody else: remove it"
    library = cache / key.hexdigest()[:16] / name
    with open(cache / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not library.exists():
            library.parent.mkdir(exist_ok=True)
            unfinished = library.with_suffix(".new")
            command += ["-o", str(unfinished), *map(str, sources), *last]
            subprocess.run(command, check=True, capture_output=True, text=True)
            unfinished.replace(library)
    return library
