"""A program that runs already: watched until it ends, and never ended by us."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from energyprof.errors import UsageError
from energyprof.profile.process_tree import ProcessTree
from energyprof.profile.processes import started_of

# How often a program is looked for where the kernel cannot say that it has ended (before Linux 5.3).
LOOK_AGAIN_S = 0.1


class Attached:
    """The program ``pid``.

    ``on_exit`` is called once, in another thread, with None, since its exit code is its parent's to know, and
    the processor time in s that it and all it started used since now; None: this kernel does not tell.
    """

    def __init__(self, pid: int, on_exit: Callable[[int | None, float | None], None]) -> None:
        """Raises UsageError: there is no such program."""
        self.pid = pid
        self._started = started(pid)
        self._tree = ProcessTree(pid)
        self._over = threading.Event()
        before = self._tree.read()
        self._before_s = 0.0 if before is None else before[1]
        threading.Thread(target=self._wait, args=(on_exit,), name="energyprof-wait", daemon=True).start()

    def cpu_time(self, spacing_s: float) -> tuple[float, float] | None:
        """Processor time of it and all it started since now, and when that was: see `ProcessTree.read`."""
        reading = self._tree.read(spacing_s)
        return None if reading is None else (reading[0], self._since_s(reading[1]))

    def end(self) -> None:
        """It is not ours to end: it is let go."""
        self.let_go()

    def let_go(self) -> None:
        """Measure it no longer; it goes on."""
        self._over.set()

    def _since_s(self, cpu_s: float) -> float:
        return max(0.0, cpu_s - self._before_s)

    def _wait(self, on_exit: Callable[[int | None, float | None], None]) -> None:
        with _end_of(self.pid) as ends:
            while (
                not self._over.is_set() and not ends(LOOK_AGAIN_S) and started_of(self.pid) == self._started
            ):
                pass
        cpu_s = self._tree.close()
        on_exit(None, None if cpu_s is None else self._since_s(cpu_s))


def started(pid: int) -> int:
    """When a program was started, in ticks since the machine was. Raises UsageError: there is none."""
    ticks = started_of(pid)
    if ticks is None:
        raise UsageError(f"{pid}: there is no such process; see `ps`")
    return ticks


def command_line(pid: int) -> Sequence[str]:
    """The program's words. Raises UsageError: there is no such program."""
    started(pid)
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
        if words[0]:
            return [os.fsdecode(word) for word in words]
        return [Path(f"/proc/{pid}/comm").read_text().strip()]  # it has hidden them, or is the kernel's
    raise UsageError(f"{pid}: there is no such process; see `ps`")


@contextlib.contextmanager
def _end_of(pid: int) -> Iterator[Callable[[float], bool]]:
    """Waits so many seconds for the program to end; whether it has."""
    try:
        file = os.pidfd_open(pid)
    except (OSError, AttributeError):

        def sleep(wait_s: float) -> bool:
            time.sleep(wait_s)
            return False

        yield sleep
        return
    try:
        poll = select.poll()
        poll.register(file, select.POLLIN)
        yield lambda wait_s: bool(poll.poll(wait_s * 1000))
    finally:
        os.close(file)
