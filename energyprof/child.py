"""The process that trains: started, watched, stopped cleanly, its last words kept."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Literal

from energyprof.errors import UsageError

Output = Literal["inherit", "keep"]

TAIL_LINES = 40
TAIL_LINE_BYTES = 2000
# A program that was asked to stop gets this long before it is killed.
STOP_S = 10.0
# Output of grandchildren may come later than the child's end; it is not waited for longer.
PIPE_S = 1.0


class Child:
    """A started program. ``on_exit`` is called once, in another thread, with its exit code (-n: signal n)."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        on_exit: Callable[[int], None],
        output: Output,
    ) -> None:
        """Start ``command``.

        ``output`` is ``inherit`` (a user's program: it keeps its terminal, its input and its process group,
        so that Ctrl-C reaches it as without us) or ``keep`` (our workload: no input, its own session, and
        the last lines it prints on either stream are kept for ``tail``).

        Raises:
            UsageError: there is no such program, or it may not be executed.
        """
        self._own_session = output == "keep"
        self._tail: deque[bytes] = deque(maxlen=TAIL_LINES)
        keep = self._own_session
        try:
            self._process = subprocess.Popen(
                list(command),
                env=dict(environment),
                stdin=subprocess.DEVNULL if keep else None,
                stdout=subprocess.PIPE if keep else None,
                stderr=subprocess.STDOUT if keep else None,
                start_new_session=keep,
            )
        except OSError as error:
            raise UsageError(f"{command[0]}: cannot be started: {error.strerror}") from None
        self._reader: threading.Thread | None = None
        if self._process.stdout is not None:
            self._reader = threading.Thread(
                target=self._keep_tail, args=(self._process.stdout,), name="energyprof-tail", daemon=True
            )
            self._reader.start()
        threading.Thread(target=self._wait, args=(on_exit,), name="energyprof-wait", daemon=True).start()

    @property
    def pid(self) -> int:
        """The program's process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.returncode is None

    def signal(self, number: int) -> None:
        """Send a signal to the program; to all it started, if it has a session of its own."""
        with contextlib.suppress(ProcessLookupError):
            if not self.running:
                return
            if self._own_session:
                os.killpg(self.pid, number)
            else:
                os.kill(self.pid, number)

    def stop(self, number: int) -> None:
        """Pass on a signal that the profiler got, unless the program got it already.

        A workload knows only SIGTERM; a user's program gets what we got, but no second Ctrl-C: that would
        break into its cleaning up after the first.
        """
        if self._own_session:
            self.signal(signal.SIGTERM)
        elif not (number == signal.SIGINT and _in_foreground()):
            self.signal(number)

    def tail(self) -> list[str]:
        """The last lines it printed; empty if its output was not ours to keep."""
        if self._reader is not None:
            self._reader.join(PIPE_S)
        return [line.decode("utf-8", "replace").rstrip() for line in self._tail]

    def end(self) -> None:
        """Make sure that nothing of it runs on: SIGTERM, then SIGKILL for what is left after ``STOP_S``."""
        self.signal(signal.SIGTERM)
        deadline_s = time.monotonic() + STOP_S
        while self.running and time.monotonic() < deadline_s:
            time.sleep(0.02)
        self.signal(signal.SIGKILL)
        if self._own_session:
            # What it forked and left behind would go on using energy that is not the training's.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def _wait(self, on_exit: Callable[[int], None]) -> None:
        on_exit(self._process.wait())

    def _keep_tail(self, pipe: IO[bytes]) -> None:
        # readline with a limit: one endless line must not fill the memory.
        with pipe:
            while line := pipe.readline(TAIL_LINE_BYTES):
                self._tail.append(line)


def exit_status(code: int) -> int:
    """What a shell would exit with: the program's own code, or 128 + n if signal n ended it."""
    return code if code >= 0 else 128 - code


def _in_foreground() -> bool:
    """Whether a Ctrl-C at the terminal goes to our process group, and so to the programs in it."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
