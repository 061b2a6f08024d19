"""One run of ``peers.loop`` in a session of its own: what all its processes took of the machine."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Between two looks at the memory; while a loop runs there are none, only a look whether it still runs.
LOOK_S, LOOK_LOOPING_S = 0.02, 1.0
YOUNG_S = 0.05
# What a program may leave running after its end, and how long a run may take in all.
LINGER_S, PATIENCE_S = 10.0, 120.0
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


@dataclass(frozen=True)
class Loop:
    """One timed loop."""

    took_s: float  # mean over its processes
    waited: float  # share of the time that this process was not on a core
    tool_core: float  # share of a core that all else in the session took meanwhile


@dataclass(frozen=True)
class Footprint:
    """What one run took: its loops by name; peak memory; CPU and wall time before, between and after."""

    loops: Mapping[str, Loop]
    peak_bytes: int
    own_bytes: int  # of that, the process that trains
    around_cpu_s: float
    around_s: float
    joules: float | None


class RunError(Exception):
    """A tool did not come through; its last words."""


def adopt() -> None:
    """Orphans below this process become its children, so that their CPU time is counted."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def run(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Footprint:
    """Run ``command``, a ``peers.loop`` that tells ``folder/fifo``, and wait until all its processes ended.

    Raises:
        RunError: it fails, hangs, or tells less than all.
    """
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    # Opened for both directions: it has no end of file while the program has not opened it yet.
    told = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
    before_s, start_s = _children_s(), time.monotonic()
    with open(folder / "output", "wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    try:
        events, peak_bytes = _follow(process, told, start_s + PATIENCE_S)
        took_s = time.monotonic() - start_s
    finally:
        _end(process.pid)
        os.close(told)
    said = (folder / "output").read_text(errors="replace").strip().splitlines()
    if process.returncode != 0 or not events or events[-1]["event"] != "ended":
        raise RunError(f"exit {process.returncode}: {said[-1] if said else 'says nothing'}")
    looped = [event for event in events if event["event"] == "looped"]
    loops = {
        event["part"]: Loop(
            sum(event["took_s"]) / len(event["took_s"]),
            1 - event["own_s"] / event["took_s"][0],
            event["tool_s"] / event["took_s"][0],
        )
        for event in looped
    }
    in_loops_s = sum(event["own_s"] + event["tool_s"] + event["workers_s"] for event in looped)
    return Footprint(
        loops=loops,
        peak_bytes=peak_bytes,
        own_bytes=events[-1]["own_bytes"],
        around_cpu_s=_children_s() - before_s - in_loops_s,
        around_s=took_s - sum(max(event["took_s"]) for event in looped),
        joules=events[-1]["joules"],
    )


def _follow(process: subprocess.Popen[bytes], told: int, until_s: float) -> tuple[list[dict[str, Any]], int]:
    events: list[dict[str, Any]] = []
    peak_bytes, rest, ended = 0, b"", False
    while not ended:
        ended = process.poll() is not None
        looping = bool(events) and events[-1]["event"] == "loop"
        if not looping:
            peak_bytes = max(peak_bytes, _memory_bytes(process.pid))
        if time.monotonic() > until_s:
            raise RunError(f"hangs for {PATIENCE_S:g} s")
        if select.select([told], [], [], LOOK_LOOPING_S if looping else LOOK_S)[0]:
            *lines, rest = (rest + os.read(told, 65536)).split(b"\n")
            events += [json.loads(line) for line in lines]
    return events, peak_bytes


def _memory_bytes(session: int) -> int:
    """The largest resident sizes so far of the session's processes that live, added up: shared pages too.

    A process that was just forked still has its parent's memory: the young are left for the next look.
    """
    total, now_s, tick_s = 0, time.clock_gettime(time.CLOCK_BOOTTIME), 1 / os.sysconf("SC_CLK_TCK")
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if not name.isdigit() or os.getsid(int(name)) != session:
                continue
            fields = Path(f"/proc/{name}/stat").read_text(errors="replace").rpartition(")")[2].split()
            if now_s - int(fields[19]) * tick_s < YOUNG_S:
                continue
            for line in Path(f"/proc/{name}/status").read_text(errors="replace").splitlines():
                if line.startswith("VmHWM:"):
                    total += 1024 * int(line.split()[1])
    return total


def _end(session: int) -> None:
    """Wait for what is left of a session; what lingers is killed."""
    until_s = time.monotonic() + LINGER_S
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            if time.monotonic() > until_s:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(session, signal.SIGKILL)
                print("a tool leaves processes behind: killed", file=sys.stderr)
                until_s += LINGER_S
            time.sleep(0.01)


def _children_s() -> float:
    """CPU time of all children that have ended, in s."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
