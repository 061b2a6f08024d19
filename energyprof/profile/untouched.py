"""Folders that nothing may change while something else is measured, held against what they were.

By what nobody can set: a file's change time (``ctime``, inode(7)) is the kernel's, whatever is done to its
content, its mode and its other times. So no content has to be read, however large a folder is.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from energyprof.errors import Tampered

# One entry: what it is and where, how long, and when it last changed in any way.
_Mark = tuple[int, int, int, int, int]


class Untouched:
    """One folder and all in it."""

    _says = "was changed while the other side ran: nothing that is judged may write there"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._before = dict(_marks(folder))

    def renew(self) -> None:
        """From now on it is held against what it is now."""
        self._before = dict(_marks(self._folder))

    def check(self) -> None:
        """Check that nothing in it has changed.

        Raises:
            Tampered: something has; the message names one.
        """
        self._compare(self._before, dict(_marks(self._folder)))

    def _compare(self, before: Mapping[str, _Mark], now: Mapping[str, _Mark]) -> None:
        names = [name for name in before.keys() | now.keys() if before.get(name) != now.get(name)]
        if names:
            raise Tampered(f"{self._folder / min(names)}: {self._says}, so there is no verdict")


class UntouchedCode(Untouched):
    """A Python package: what was compiled meanwhile is removed, since nobody knows who did it."""

    _says = "was changed while it judged: nothing that is judged may write there"

    def check(self) -> None:
        """Check that no source has changed.

        Raises:
            Tampered: one has; the message names one.
        """
        now = dict(_marks(self._folder))
        for name, mark in now.items():
            if _cached(name) and self._before.get(name) != mark and name.endswith(".pyc"):
                with contextlib.suppress(OSError):
                    os.unlink(self._folder / name)
        before, now = ({n: m for n, m in marks.items() if not _cached(n)} for marks in (self._before, now))
        self._compare(before, now)


def _cached(name: str) -> bool:
    return "__pycache__" in name.split("/")


def _marks(folder: Path) -> Iterator[tuple[str, _Mark]]:
    """Every file, link and folder in it by its path there."""
    waiting = [""]  # folders in it, with the "/" that ends them
    while waiting:
        inside = waiting.pop()
        with contextlib.suppress(OSError), os.scandir(f"{folder}/{inside}") as entries:
            for entry in entries:
                name = inside + entry.name
                try:
                    found = entry.stat(follow_symlinks=False)
                except OSError:  # it has just gone
                    continue
                if stat.S_ISDIR(found.st_mode):
                    # A folder's times follow its entries, which are looked at one by one.
                    yield name, (found.st_mode, found.st_ino, 0, 0, 0)
                    waiting.append(f"{name}/")
                else:
                    times = (found.st_mtime_ns, found.st_ctime_ns)
                    yield name, (found.st_mode, found.st_ino, found.st_size, *times)
