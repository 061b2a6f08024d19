"""What the kernel says of processes: who was started with a wire, which signals one catches."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from energyprof.wire import WIRE_VARIABLE


def on_wire(path: str) -> Iterator[tuple[int, str]]:
    """Every process started with this wire, and its name: torchrun's are in sessions of their own."""
    wanted = WIRE_VARIABLE.encode() + b"=" + os.fsencode(path)
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # another user's, or it has ended
            if path and wanted in (folder / "environ").read_bytes().split(b"\0"):
                yield int(folder.name), (folder / "comm").read_bytes().decode(errors="replace").strip()


def command_of(pid: int) -> str:
    """The process's command line; empty: there is no such process any more."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        return ""
    return b" ".join(words).decode(errors="replace")[:80]


def stat_of(pid: int) -> list[bytes] | None:
    """The fields of /proc/PID/stat from the third on; ``None``: there is no such process any more.

    proc(5): the name is the second field and may hold anything. Then come the state and the parent; the 16th
    and 17th are the children's times, the 22nd is the start.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()
    except OSError:
        return None


def started_of(pid: int) -> int | None:
    """When a process that runs was started, in ticks since the machine was; ``None``: none does.

    It tells a process from a later one of the same number.
    """
    stat = stat_of(pid)
    return None if stat is None or stat[0] in (b"Z", b"X") else int(stat[19])


def children_of(pid: int) -> list[int]:
    """The children of a process; empty: it has none or has ended, or the kernel does not tell.

    It does with CONFIG_PROC_CHILDREN (Linux 4.2).
    """
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                found += map(int, file.read().split())
    except OSError:
        pass  # the thread or the process has just ended
    return found


def catches(pid: int, number: int) -> bool:
    """Whether the process has a handler for the signal.

    Raises:
        OSError: there is no such process.
    """
    for line in Path(f"/proc/{pid}/status").read_bytes().splitlines():
        if line.startswith(b"SigCgt:"):
            return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False
