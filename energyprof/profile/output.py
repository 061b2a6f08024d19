"""What a training's processes print: the last lines are kept."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import deque
from typing import IO

from energyprof.clock import ended

TAIL_LINES = 40
TAIL_LINE_BYTES = 2000


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
            ended(thread, deadline_s)

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
