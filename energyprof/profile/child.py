"""The process that trains: started, watched, stopped cleanly, its last output kept."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import signal
import subprocess
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from energyprof.clock import ended
from energyprof.errors import UsageError
from energyprof.profile import orphans, program, torchrun
from energyprof.profile.output import TAIL_LINES, Outputs, OutputTail
from energyprof.profile.process_tree import ProcessTree
from energyprof.profile.processes import catches, on_wire
from energyprof.wire import OUTPUT_VARIABLE, WIRE_VARIABLE

Output = Literal["inherit", "keep"]

# A program that was asked to stop gets this long before it is killed.
STOP_S = 10.0
# Output of grandchildren may come later than the child's end; it is not waited for longer.
PIPE_S = 1.0
# prctl(2), linux/prctl.h. Looked up here: between fork and exec little is safe.
_PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None, use_errno=True).prctl
# What is still there so long after a program's end was left behind.
LEAVE_S = 0.3


class Child:
    """A started program.

    ``on_exit`` is called once, in another thread, with its exit code (-n: signal n) and the processor time in
    s of it and all it started; None: this kernel does not tell.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        on_exit: Callable[[int, float | None], None],
        output: Output,
        ranks: int = 0,
        folder: Path | None = None,
        beside: Callable[[], Sequence[int]] | None = None,
    ) -> None:
        """Start ``command`` in ``folder`` (else here); ``ranks`` processes under it hand their output over.

        ``beside``: other processes that are the training's, none of which it starts.

        ``output`` is ``inherit`` (a user's program: it keeps its terminal, its input and its process group,
        so that Ctrl-C reaches it as without us) or ``keep`` (our workload: no input, its own session, and
        the last lines it prints on either stream are kept for ``tail``).

        Raises:
            UsageError: there is no such program, or it may not be executed.
        """
        self._own_session = output == "keep"
        self._wire = environment.get(WIRE_VARIABLE, "")
        self._said = OutputTail()
        self._outputs: Outputs | None = None
        environment = dict(environment)
        if ranks > 0:
            environment[OUTPUT_VARIABLE] = f"{self._wire}.output"
            self._outputs = Outputs(environment[OUTPUT_VARIABLE], ranks)
            self._said = OutputTail(TAIL_LINES + torchrun.TABLE_LINES * ranks)
        keep = self._own_session
        if keep:
            orphans.adopt()
        try:
            with warnings.catch_warnings():
                # Python 3.12 warns of a fork beside threads. What is done in it takes no lock.
                warnings.simplefilter("ignore", DeprecationWarning)
                self._process = subprocess.Popen(
                    list(command),
                    env=environment,
                    stdin=subprocess.DEVNULL if keep else None,
                    stdout=subprocess.PIPE if keep else None,
                    stderr=subprocess.STDOUT if keep else None,
                    start_new_session=keep,
                    cwd=folder,
                    preexec_fn=_dies_with_us(os.getpid()) if keep else None,
                )
        except OSError as error:
            if error.errno == errno.ENOEXEC:  # a shell would take it for a script of its own
                advice = program.by_its_interpreter(command[0])
                raise UsageError(f"{command[0]}: has no #! line, nor is it a program; {advice}") from None
            raise UsageError(f"{command[0]}: cannot be started: {error.strerror}") from None
        self._tree = ProcessTree(self._process.pid, beside)
        self._reader: threading.Thread | None = None
        if self._process.stdout is not None:
            self._reader = threading.Thread(
                target=self._said.hear, args=(self._process.stdout,), name="energyprof-tail", daemon=True
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

    @property
    def exit_code(self) -> int | None:
        """Its exit code (-n: signal n); ``None`` while it runs."""
        return self._process.returncode

    def cpu_time(self, spacing_s: float) -> tuple[float, float] | None:
        """Processor time of it and all it started, and when that was: see `ProcessTree.read`."""
        return self._tree.read(spacing_s)

    def processes(self) -> list[int]:
        """The ids of the program's processes, those that it started among them."""
        return [pid for pid, _ in on_wire(self._wire)] if self.running else []

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

    def warn(self, number: int) -> None:
        """Pass on a signal that says something: to those of its processes that care, else as it came to us.

        One that nobody cares for would end a workload: it is not told. A user's program gets what we got.
        """
        if not self.warn_those_that_care(number) and not self._own_session:
            self.signal(number)

    def warn_those_that_care(self, number: int) -> bool:
        """Send a signal to those of its processes that catch it; whether there are any."""
        told = False
        for pid, _ in on_wire(self._wire) if self.running else ():
            with contextlib.suppress(OSError):  # it has just ended
                if catches(pid, number):
                    os.kill(pid, number)
                    told = True
        return told

    def kill(self) -> None:
        """End it at once."""
        self.signal(signal.SIGKILL)

    def tail(self) -> list[str]:
        """The last lines it printed; empty if its output was not ours to keep."""
        self._hear_out()
        if self._outputs is not None:
            return torchrun.last_words(self._said.lines(), self._outputs.said)
        return self._said.lines()

    def cause(self) -> str:
        """Which of several processes failed first and how, in a line; empty: none of several."""
        self._hear_out()
        return "" if self._outputs is None else torchrun.cause(self._said.lines(), self._outputs.said)

    def left(self) -> list[str]:
        """The names of what a program left running when it ended.

        What a workload leaves is ended; its name is here only if it would not end.
        """
        if self._own_session:
            return orphans.end_all(self.pid)
        first = dict(on_wire(self._wire))
        if first:
            time.sleep(LEAVE_S)  # those at the other end of a pipe are about to end, too
            return [name for pid, name in on_wire(self._wire) if pid in first]
        return []

    def end(self) -> None:
        """Make sure that none of it runs on: SIGTERM, then SIGKILL for what is left after ``STOP_S``."""
        self.signal(signal.SIGTERM)
        deadline_s = time.monotonic() + STOP_S
        while self.running and time.monotonic() < deadline_s:
            time.sleep(0.02)
        self.signal(signal.SIGKILL)
        if self._own_session:
            # What it forked and left behind would go on using energy that is not the training's.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            for pid, _ in on_wire(self._wire):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            orphans.end_all(self.pid)

    def _hear_out(self) -> None:
        if self._reader is not None:
            ended(self._reader, time.monotonic() + PIPE_S)
        if self._outputs is not None:
            self._outputs.close(PIPE_S)

    def _wait(self, on_exit: Callable[[int, float | None], None]) -> None:
        # A process that has ended keeps its times until it is waited for.
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        cpu_s = self._tree.close()
        on_exit(self._process.wait(), cpu_s)


def _dies_with_us(parent: int) -> Callable[[], None]:
    """What a process does before it becomes a workload: it asks for SIGTERM when we are gone."""

    def ask() -> None:
        _prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)

    return ask


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
