"""The profiler's end of the wire: a thread that takes what any number of processes say."""

import contextlib
import json
import math
import os
import selectors
import socket
import struct
import threading
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from energyprof.storable.events import (
    Room,
    asked_by_program,
    is_score,
    said_by_program,
)
from energyprof.storable.values import is_count
from energyprof.wire import MAX_LINE_BYTES

# What is still in the sockets at the end is taken, but a process that never stops talking is cut off.
DRAIN_S = 1.0


# struct ucred (unix(7)): process, user, group.
_CREDENTIALS = struct.Struct("3i")


class Sender(NamedTuple):
    """Who is at the other end of a connection."""

    pid: int  # 0: the kernel does not say
    connection: int  # its number: a pid may be another process's later


NOBODY = Sender(0, 0)


class Message(NamedTuple):
    """One well-formed event of the child."""

    time_s: float  # time.monotonic() of the sender
    event: str
    fields: Dict[str, Any]
    sender: Sender = NOBODY
    rank: int = 0  # that the sender claims among those launched with it


def parse(line: bytes, now_s: float, sender: Sender = NOBODY) -> Optional[Message]:
    """The event in ``line`` of the ``sender``.

    ``None``: none that may be stored, or one stamped later than ``now_s``.
    """
    try:
        said = json.loads(line.decode())
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    event: Any = said.get("event")
    time_s: Any = said.get("t")
    if not is_score(time_s) or not 0 <= time_s <= now_s:
        return None
    fields = said_by_program(event, said)
    if fields is None:
        fields = asked_by_program(event, said)
    rank: Any = said.get("rank")
    return (
        None
        if fields is None
        else Message(float(time_s), event, fields, sender, rank if is_count(rank) else 0)
    )


class Listener:
    """The profiler's end: a thread that takes lines from any number of processes.

    ``on_message`` is called in that thread with every well-formed event, in the order they arrive.
    """

    def __init__(self, path: str, on_message: Callable[[Message], None]) -> None:
        self.path = path
        self.garbage = 0  # lines that were no events
        self._on_message = on_message
        self._room = Room(reserved=100)
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(path)
        self._server.listen(16)
        self._server.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._server, selectors.EVENT_READ)
        self._wake_receive, self._wake_send = socket.socketpair()
        self._selector.register(self._wake_receive, selectors.EVENT_READ)
        self._pending: Dict[socket.socket, bytes] = {}
        self._senders: Dict[socket.socket, Sender] = {}
        self._connections = 0
        self._stopping = False
        self._thread = threading.Thread(target=self._listen, name="energyprof-wire", daemon=True)
        self._thread.start()

    def answer(self, connection: int, line: bytes) -> None:
        """Send a line to whoever has this connection; one that does not take it gets none."""
        for found, sender in list(self._senders.items()):
            if sender.connection == connection:
                with contextlib.suppress(OSError):
                    found.send(line)

    def close(self) -> None:
        """Take what has already arrived, then stop and remove the socket."""
        self._stopping = True
        self._wake_send.send(b"x")
        self._thread.join()
        for connection in list(self._pending):
            self._drop(connection)
        self._selector.close()
        for end in (self._server, self._wake_receive, self._wake_send):
            end.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    def _listen(self) -> None:
        drained_by_s = math.inf
        while time.monotonic() < drained_by_s:
            # Once stopping, read on without waiting until nothing is left in the sockets.
            ready = self._selector.select(0 if self._stopping else None)
            if self._stopping and drained_by_s == math.inf:
                drained_by_s = time.monotonic() + DRAIN_S
            busy = False
            for key, _ in ready:
                if key.fileobj is self._server:
                    self._accept()
                    busy = True
                elif key.fileobj is not self._wake_receive:
                    busy |= self._receive(key.fileobj)  # type: ignore[arg-type]  # only sockets are registered
            if self._stopping and not busy:
                return

    def _accept(self) -> None:
        try:
            connection, _ = self._server.accept()
        except OSError:
            return  # the process was gone before it was let in
        connection.setblocking(False)
        self._pending[connection] = b""
        self._connections += 1
        self._senders[connection] = Sender(_peer(connection), self._connections)
        self._selector.register(connection, selectors.EVENT_READ)

    def _receive(self, connection: socket.socket) -> bool:
        try:
            data = connection.recv(MAX_LINE_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            # A last line without its end was cut off in the middle: the process died while speaking.
            self.garbage += bool(self._pending[connection])
            self._drop(connection)
            return False
        lines: List[bytes] = (self._pending[connection] + data).split(b"\n")
        rest = lines.pop()
        if len(rest) > MAX_LINE_BYTES:
            self.garbage += 1
            self._drop(connection)
        else:
            self._pending[connection] = rest
        now_s = time.monotonic()
        for line in lines:
            message = parse(line, now_s, self._senders[connection])
            if message is None or not self._room.takes(message.event, message.fields):
                self.garbage += 1
            else:
                self._on_message(message)
        return True

    def _drop(self, connection: socket.socket) -> None:
        self._selector.unregister(connection)
        del self._pending[connection], self._senders[connection]
        connection.close()


def _peer(connection: socket.socket) -> int:
    """The process that connected, as the kernel knows it; 0: it does not say."""
    try:
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    except (OSError, AttributeError):
        return 0
    return int(_CREDENTIALS.unpack(credentials)[0])
