"""A socket of this machine between the process that trains and Flower's apps: a header, and bytes with it."""

import contextlib
import json
import os
import socket
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

VARIABLE = "ENERGYPROF_BRIDGE"
# A header says who and how much; no message needs more.
MAX_HEADER_BYTES = 1 << 20
_LENGTH_BYTES = 8

Said = Tuple[Dict[str, Any], List[bytes]]


class Closed(Exception):
    """The other end is gone, or has said what is no message."""


class Line:
    """One end of a connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def send(self, header: Dict[str, Any], payloads: Sequence[bytes] = ()) -> None:
        """Send a header and what goes with it.

        Raises:
            Closed: the other end is gone.
        """
        words = json.dumps({"header": header, "sizes": [len(payload) for payload in payloads]}).encode()
        try:
            # At once: who has all of it may answer and hang up, before an empty rest is sent.
            self._connection.sendall(len(words).to_bytes(_LENGTH_BYTES, "big") + words + b"".join(payloads))
        except OSError as error:
            raise Closed from error

    def receive(self) -> Said:
        """What the other end sends next.

        Raises:
            Closed: it is gone.
        """
        length = int.from_bytes(self._exactly(_LENGTH_BYTES), "big")
        if length > MAX_HEADER_BYTES:
            raise Closed
        words = json.loads(self._exactly(length).decode())
        return words["header"], [self._exactly(size) for size in words["sizes"]]

    def ask(self, header: Dict[str, Any], payloads: Sequence[bytes] = ()) -> Said:
        """Send, and what is answered.

        Raises:
            Closed: the other end is gone.
        """
        self.send(header, payloads)
        return self.receive()

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _exactly(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            try:
                part = self._connection.recv(min(count - len(parts), 1 << 20))
            except OSError as error:
                raise Closed from error
            if not part:
                raise Closed
            parts += part
        return bytes(parts)


class Listener:
    """Where Flower's apps come to."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(path)
        self._server.listen(16)

    def next(self, wait_s: float) -> Optional[Line]:
        """The next that comes within ``wait_s``."""
        self._server.settimeout(wait_s)
        try:
            connection, _ = self._server.accept()
        except socket.timeout:
            return None
        connection.setblocking(True)
        return Line(connection)

    def close(self) -> None:
        """Nobody comes any more."""
        self._server.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)


@contextlib.contextmanager
def listening(path: str) -> Iterator[Listener]:
    """A listener, closed in the end."""
    listener = Listener(path)
    try:
        yield listener
    finally:
        listener.close()


def connect() -> Line:
    """The way from one of Flower's apps to the process that trains.

    Raises:
        Closed: it is not there.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(os.environ[VARIABLE])
    except (OSError, KeyError) as error:
        raise Closed from error
    return Line(connection)
