"""Several processes that train together under torchrun: how they are started, and what each said last.

torchrun prints a table when a process dies, after warnings and a traceback of its own. None of it may bury
what the processes say, and what eight of them say at once is no tale either. So each hands its output over
apart (``workloads/training/process.py``); of torchrun's only the exit codes are read.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import threading
import time
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from typing import IO

TAIL_LINES = 40
TAIL_LINE_BYTES = 2000
# In torchrun's table (the template in torch/distributed/elastic/multiprocessing/errors, torch 2.0 to 2.13).
FAILURE = re.compile(r"rank\s*: (\d+) \(local_rank: \d+\)\s*exitcode\s*: (-?\d+)")
# The table has ten lines a process.
TABLE_LINES = 12
# These come from outside or at once; other deaths may be what a process's end did to its partners.
AT_ONCE = (-signal.SIGKILL, -signal.SIGSEGV, -signal.SIGBUS)
# Exit codes of an exception, and of ours: the last line is the reason.
TALKATIVE = (1, 2)


class OutputTail:
    """The last lines of one stream, and when the last one came."""

    def __init__(self, lines: int = TAIL_LINES) -> None:
        self._lines: deque[bytes] = deque(maxlen=lines)
        self.last_s = 0.0  # monotonic clock; 0: it said nothing

    def hear(self, stream: IO[bytes]) -> None:
        """Take lines until the stream ends. One endless line must not fill the memory."""
        with contextlib.suppress(OSError), stream:
            while line := stream.readline(TAIL_LINE_BYTES):
                self._lines.append(line)
                self.last_s = time.monotonic()

    def lines(self) -> list[str]:
        """What it said last; of a bar that was drawn over itself the last state."""
        words = (line.decode("utf-8", "replace").rstrip() for line in tuple(self._lines))
        return [line.rpartition("\r")[2] for line in words]


class Outputs:
    """What each of ``processes`` says on a connection of its own to the socket ``path``."""

    def __init__(self, path: str, processes: int) -> None:
        self.said = [OutputTail() for _ in range(processes)]
        self._threads: list[threading.Thread] = []
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(path)
        self._server.listen(processes)
        threading.Thread(target=self._accept, name="energyprof-outputs", daemon=True).start()

    def close(self, wait_s: float) -> None:
        """Let nobody else in, and wait so long for what is still on its way."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for connections
        self._server.close()
        deadline_s = time.monotonic() + wait_s
        for thread in tuple(self._threads):
            thread.join(max(0.0, deadline_s - time.monotonic()))

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            thread = threading.Thread(
                target=self._hear, args=(connection,), name="energyprof-output", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def _hear(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            rank = stream.readline(TAIL_LINE_BYTES).strip()
            if rank.isdigit() and int(rank) < len(self.said):
                self.said[int(rank)].hear(stream)


def command(interpreter: str, processes: int, arguments: Sequence[str]) -> tuple[str, ...]:
    """How ``processes`` interpreters are started with ``arguments``; one needs no torchrun."""
    if processes == 1:
        return (interpreter, *arguments)
    return (
        *(interpreter, "-m", "torch.distributed.run"),
        *("--nproc_per_node", str(processes)),
        # What --standalone means, but for torch 2.0, whose fixed port lets no second run start.
        *("--rdzv_backend", "c10d", "--rdzv_endpoint", "localhost:0", "--rdzv_id", str(uuid.uuid4())),
        # A machine need not find its own name in the DNS.
        *("--local_addr", "localhost"),
        # Before torch 2.4 a process's end went unnoticed for up to 5 s, which are metered.
        *("--monitor_interval", "0.1"),
        *("-m", "energyprof.workloads.training.process"),
        *arguments,
    )


def environment(processes: int, inherited: Mapping[str, str]) -> dict[str, str]:
    """The processes share the processor as one would have it; torchrun would give each a single thread."""
    if processes == 1 or "OMP_NUM_THREADS" in inherited:
        return {}
    return {"OMP_NUM_THREADS": str(max(1, len(os.sched_getaffinity(0)) // processes))}


def cause(launcher: Sequence[str], said: Sequence[OutputTail]) -> str:
    """Which process failed first and how, in a line; empty: torchrun names none."""
    failed = _failed(launcher, said)
    return _in_a_line(*failed[0], said) if failed else ""


def last_words(launcher: Sequence[str], said: Sequence[OutputTail]) -> list[str]:
    """A line on every process that failed, and the last lines of the one that did so first.

    ``launcher`` are torchrun's own last lines: they come back where no process failed, but torchrun.
    """
    failed = _failed(launcher, said)
    if not failed:
        heard = [line for one in said for line in one.lines()[-TAIL_LINES // len(said) :]]
        return [*heard, *launcher[-TAIL_LINES:]]
    first, code = failed[0]
    others = [_in_a_line(rank, its_code, said) for rank, its_code in failed[1:]]
    words = said[first].lines()
    return [*others, _ended(first, code, len(said)) + (":" if words else ""), *words]


def _failed(launcher: Sequence[str], said: Sequence[OutputTail]) -> list[tuple[int, int]]:
    """Rank and exit code of every process that failed by itself, the first to fail first.

    When one dies its partners fail in turn, soon and at much greater length: whoever fell silent first is the
    cause. torchrun ends what is left by SIGTERM; those tell nothing.
    """
    codes = {int(rank): int(code) for rank, code in FAILURE.findall("\n".join(launcher))}
    codes = {rank: code for rank, code in codes.items() if rank < len(said)}
    own = {rank: code for rank, code in codes.items() if code != -signal.SIGTERM} or codes
    return sorted(own.items(), key=lambda one: (one[1] not in AT_ONCE, said[one[0]].last_s, one[0]))


def _in_a_line(rank: int, code: int, said: Sequence[OutputTail]) -> str:
    """How a process ended; with the last line of one that had the time to say why."""
    words = [line.strip() for line in said[rank].lines() if line.strip()]
    return _ended(rank, code, len(said)) + (f": {words[-1]}" if words and code in TALKATIVE else "")


def _ended(rank: int, code: int, processes: int) -> str:
    if code >= 0:
        return f"process {rank} of {processes} ended with exit code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    return f"process {rank} of {processes} was killed by {name}"
