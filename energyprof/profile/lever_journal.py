"""What levers were before they were turned, on the disk before the first is written.

A journal is locked by its owner; one that is not belongs to a dead run, and the next start puts its values
back. Its folder is root's where root turns levers, else the user's own, and outlives a reboot, as a Jetson's
power mode does.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from energyprof.decode import Misfit, decode
from energyprof.errors import EnergyprofError, FileError
from energyprof.files import Schema, parse, read_text
from energyprof.measure.lever import Control, Lasts, LeverError
from energyprof.measure.meters import sysfs_root
from energyprof.profile.journals import STATE_VARIABLE, left, own_folder
from energyprof.storable.frozen import dataclass

SCHEMA = Schema("energyprof.levers", 1, "journal of levers")
# A child that a killed run had just begun holds the run's lock until it has become its program.
_HELD_ON_S = 10.0
_LOOK_AGAIN_S = 0.02


@dataclass(frozen=True)
class Entry:
    """One control, and what was asked of it before."""

    name: str  # "cpu.max_freq:policy0"
    address: str
    lasts: Lasts
    before: str


@dataclass(frozen=True)
class _Content:
    boot: str
    entries: tuple[Entry, ...]
    pid: int = 0  # its owner's


class Journal:
    """One run's journal; while it is open it is locked."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    @contextlib.contextmanager
    def opened(cls, entries: Sequence[Entry]) -> Iterator[Journal]:
        """A new journal, on the disk and locked.

        Raises:
            FileError: it cannot be written; nothing may be turned then.
        """
        content = {
            "schema": f"{SCHEMA.name}/{SCHEMA.version}",
            **asdict(_Content(_boot(), tuple(entries), os.getpid())),
        }
        folder = own_folder()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # It gets its name when it is locked and whole: one without is not looked at.
            unnamed = folder / f".{os.urandom(8).hex()}.new"
            file = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            fcntl.flock(file, fcntl.LOCK_EX)
            os.write(file, json.dumps(content, indent=1).encode())
            os.fsync(file)
            path = folder / f"{os.urandom(8).hex()}.json"
            unnamed.rename(path)
            _sync(folder)
        except OSError as error:
            raise FileError(
                f"{folder}: no journal of levers can be written: {error.strerror}; set {STATE_VARIABLE}"
            ) from None
        try:
            yield cls(path)
        finally:
            os.close(file)

    def done(self) -> None:
        """Everything is as it was."""
        self.path.unlink(missing_ok=True)


def restore_left() -> list[str]:
    """Put back what dead runs of this user left turned; a line on each value, and on each problem."""
    lines: list[str] = []
    for path in left():
        with contextlib.suppress(OSError):  # its owner lives, or it has just put everything back
            file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                _lock(file, path)
                if os.fstat(file).st_nlink == 0:
                    continue  # its owner has just put everything back
                if path.suffix == ".new":
                    path.unlink()
                else:
                    lines += _restore(path)
            finally:
                os.close(file)
    return lines


def _lock(file: int, path: Path) -> None:
    """Lock a dead run's journal once the last that it had begun lets go. Raises OSError: its run lives."""
    until_s = time.monotonic() + _HELD_ON_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if _lives(path) or time.monotonic() > until_s:
                raise
            time.sleep(_LOOK_AGAIN_S)


def _lives(path: Path) -> bool:
    """Whether the run that wrote the journal may be going on."""
    try:
        pid = _content(path).pid
        if pid > 0:
            os.kill(pid, 0)
    except (EnergyprofError, Misfit, PermissionError):
        return True
    except ProcessLookupError:
        return False
    return True


def _content(path: Path) -> _Content:
    """What a journal holds. Raises EnergyprofError, Misfit: it is none."""
    return decode(_Content, parse(read_text(path), str(path), SCHEMA), str(path))


def _restore(path: Path) -> list[str]:
    try:
        content = _content(path)
    except (EnergyprofError, Misfit) as error:
        return [f"{error}; nothing was put back from it"]
    from energyprof.measure.levers import control_at

    rebooted = content.boot != _boot()
    pairs, lines, problems = [], [], []
    for entry in content.entries:
        if rebooted and entry.lasts != "always":
            continue  # the reboot put it back
        try:
            pairs.append((entry, control_at(entry.address, sysfs_root())))
        except LeverError as error:
            problems.append(f"{entry.name}: {error}")
    differing = [entry for entry, control in pairs if _reads(control) != entry.before]
    problems += put_back(pairs)
    if not problems:
        path.unlink(missing_ok=True)
    lines += [
        f"{entry.name} is put back to {_short(entry.before)}: a run that turned it was killed"
        for entry in differing
        if not any(problem.startswith(f"{entry.name}: ") for problem in problems)
    ]
    return lines + [f"not put back: {problem}; its journal is {path}" for problem in problems]


def put_back(pairs: Sequence[tuple[Entry, Control]]) -> list[str]:
    """Write each control's value from before, the last one first; a line on each that did not take it.

    One may bar another: a processor without boost reads a lower highest frequency, and the governor
    "performance" takes no preference. So what did not take its value is asked again after all others.
    """
    left, problems = list(reversed(pairs)), list[str]()
    for _ in range(2):
        asked = [(pair, _put_back(*pair)) for pair in left]
        left = [pair for pair, problem in asked if problem]
        problems = [problem for _, problem in asked if problem]
    return problems


def _put_back(entry: Entry, control: Control) -> str:
    """Write the value from before; why it is not that now, or nothing."""
    try:
        if _reads(control) != entry.before:
            control.write(entry.before)
            now = control.read()
            if now != entry.before:
                return f"{entry.name}: is {_short(now)}, was {_short(entry.before)}"
    except LeverError as error:
        return f"{entry.name}: {error}"
    return ""


def _reads(control: Control) -> str | None:
    """What it reads now; ``None``: that cannot be told, so it is written."""
    try:
        return control.read()
    except LeverError:
        return None


def _boot() -> str:
    """What tells one boot of the machine from the next."""
    try:
        return (sysfs_root() / "proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _short(text: str) -> str:
    first, _, rest = text.partition("\n")
    return f"{first} …" if rest else first
