"""Temporary folders, each with a lock that says whether its owner lives, so that none stays for ever."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from energyprof.errors import FileError, UsageError
from energyprof.files import temporary_folder
from energyprof.profile.git import git
from energyprof.profile.processes import command_of, on_wire

_PREFIX = "energyprof-"
_NAME = re.compile(r"energyprof-[a-z0-9_]{8}")  # as tempfile makes them up
_UNFINISHED = "energyprof.new-"
# Between its making and its lock a room can be swept away.
_TRIES = 10
# In a room: the lock; the wire; and, of worktrees, the repositories that they belong to, innermost first.
_OWNER = "owner"
WIRE = "wire"
ORIGIN = "origin"
# What a socket's address holds, less its closing NUL (unix(7)), less the longest name in a room.
_LONGEST = 107 - len("/energyprof-12345678/wire.output")


@contextlib.contextmanager
def room() -> Iterator[Path]:
    """An empty folder of this process's own, short enough for the address of a socket, removed in the end.

    Raises:
        FileError: there is no folder for temporary files.
    """
    try:
        folder, lock = _made()
    except (OSError, IndexError):
        raise FileError(
            f"{temporary_folder()}: no temporary folder can be made there, nor in /tmp; set TMPDIR"
        ) from None
    try:
        yield folder
    finally:
        _clear(folder)
        os.close(lock)


def collect() -> list[str]:
    """Remove what dead profilers of this user left behind; a line on each program of theirs that goes on."""
    lines = []
    for place in _places():
        for folder in place.glob(f"{_UNFINISHED}*"):
            _remove_unfinished(folder)
        for folder in place.glob(f"{_PREFIX}*"):
            with contextlib.suppress(OSError):  # its owner lives, it is not ours, or it has just gone
                if _cleared(folder):
                    folder.rmdir()
                    continue
                os.close(_unowned(folder))
                going_on = [pid for pid, _ in on_wire(str(folder / WIRE))]
                lines += [
                    f"process {pid} ({command_of(pid)}) goes on without a meter: its energyprof was killed"
                    for pid in going_on[:1]
                ]
                # It may still import from there.
                if not going_on:
                    _remove(folder)
    return lines


def _places() -> list[Path]:
    """Where a room may be, the best first."""
    asked = temporary_folder()
    others = [Path(name) for name in ("/tmp", "/var/tmp", "/dev/shm") if os.access(name, os.W_OK | os.X_OK)]
    return [place for place in dict.fromkeys([asked, *others]) if len(os.fsencode(place)) <= _LONGEST]


def _made() -> tuple[Path, int]:
    """A room and its lock.

    Raises:
        OSError: it cannot be made.
        IndexError: there is no place for one.
    """
    places = _places()
    for _ in range(_TRIES):
        # It gets its name when it is locked: until then it may be one of a process that was killed.
        try:
            unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=places[0]))
        except OSError:  # that one is full
            del places[0]
            continue
        folder = unfinished.with_name(_PREFIX + unfinished.name[len(_UNFINISHED) :])
        with contextlib.ExitStack() as undo, contextlib.suppress(FileNotFoundError):  # it was swept away
            lock = os.open(unfinished / _OWNER, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            undo.callback(os.close, lock)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if os.fstat(lock).st_nlink and not os.path.lexists(folder):
                unfinished.rename(folder)
                undo.pop_all()
                return folder, lock
        _remove_unfinished(unfinished)
    raise FileExistsError(str(temporary_folder()))


def _remove_unfinished(folder: Path) -> None:
    """Remove a room that nobody is about to finish; there is nothing in it but its lock."""
    with contextlib.suppress(OSError):  # its maker lives, it is not ours, or it is not a room
        with contextlib.ExitStack() as locked, contextlib.suppress(FileNotFoundError):
            locked.callback(os.close, _unowned(folder))
            (folder / _OWNER).unlink()
        folder.rmdir()


def _unowned(folder: Path) -> int:
    """The lock of a room whose owner is dead.

    Raises:
        OSError: its owner lives, it is another user's, or it is not a room.
    """
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise PermissionError
    lock = os.open(folder / _OWNER, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise
    return lock


def _remove(folder: Path) -> None:
    with contextlib.suppress(OSError, UsageError, ValueError):
        paths = [Path(path) for path in (folder / ORIGIN).read_text().split("\0")]
        for origin, top in zip(paths[::2], paths[1::2], strict=True):
            with contextlib.suppress(UsageError):
                remove_worktree(origin, top)
    _clear(folder)


def _clear(folder: Path) -> None:
    """Remove a room, its lock last: if we are killed meanwhile the next start knows that it is nobody's."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if path.name == _OWNER:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        if [path.name for path in folder.iterdir()] in ([_OWNER], []):
            (folder / _OWNER).unlink(missing_ok=True)
            folder.rmdir()


def _cleared(folder: Path) -> bool:
    """Whether a room is all but gone: whoever removed it was killed after its lock went, which goes last."""
    found = folder.lstat()
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
    return ours and _NAME.fullmatch(folder.name) is not None and not any(folder.iterdir())


def remove_worktree(origin: Path, top: Path) -> None:
    """Remove one worktree of ours from its repository; those of others are not looked at.

    Raises:
        UsageError: git refuses.
    """
    git(origin, "worktree", "remove", "--force", "--force", str(top))
