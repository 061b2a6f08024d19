"""A node's end of the store that node 0 serves: a connection for each request, so that a link may drop."""

from __future__ import annotations

import contextlib
import hmac
import json
import secrets
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from energyprof.profile.nodes.serving import TIMEOUT_S, proof, readable
from energyprof.profile.nodes.store import CHUNK_BYTES, Gone, StoreError

# A link that is cut says nothing: who is not reached in this time is not there.
REACHED_S = 10.0
# Of so many looks at node 0's clock the quickest counts.
LOOKS = 8
MAX_LINE_BYTES = 1 << 20


class ClockOffset(NamedTuple):
    """How a clock stood to node 0's."""

    ahead_s: float
    u_s: float  # standard uncertainty (k = 1)


class Refused(StoreError):
    """Who is there does not hold this run's token."""


class RemoteStore:
    """What node 0 serves at the address, to who holds ``token``."""

    def __init__(self, host: str, port: int, token: str, timeout_s: float = TIMEOUT_S) -> None:
        self._host, self._port, self._token, self._timeout_s = host, port, token, timeout_s
        self._reached = False

    def put(self, name: str, value: bytes) -> None:
        """Keep ``value``. Raises StoreError."""
        with self._connected() as (connection, stream):
            _ask(connection, stream, {"ask": "put", "name": name, "size": len(value)}, value)

    def get(self, name: str) -> bytes | None:
        """What has this name; ``None``: nothing has. Raises StoreError."""
        with self._connected() as (connection, stream):
            said, value = _ask(connection, stream, {"ask": "get", "name": name})
        return value if said.get("there") else None

    def names(self) -> set[str]:
        """All names. Raises StoreError."""
        with self._connected() as (connection, stream):
            said, _ = _ask(connection, stream, {"ask": "names"})
        return {str(name) for name in said.get("names", ())}

    def send(self, name: str, path: Path) -> None:
        """Keep what is in the file ``path``. Raises StoreError."""
        with self._connected() as (connection, stream):
            try:
                with open(path, "rb") as file:
                    left = path.stat().st_size
                    connection.sendall(_line({"ask": "put", "name": name, "size": left}))
                    while left > 0 and (chunk := file.read(min(left, CHUNK_BYTES))):
                        connection.sendall(chunk)
                        left -= len(chunk)
            except BrokenPipeError:
                pass  # node 0 says why
            except OSError as error:
                raise StoreError(f"{path}: cannot be sent to node 0: {error.strerror}") from None
            _answered(stream)

    def clock(self) -> ClockOffset:
        """How this clock stands to node 0's. Raises StoreError.

        Node 0 looked at its own somewhere between the question and the answer: a rectangle of that width
        around the middle (RFC 5905, section 8; GUM 4.3.7).
        """
        best: tuple[float, float] | None = None
        with self._connected() as (connection, stream):
            for _ in range(LOOKS):
                asked_s = time.monotonic()
                said, _ = _ask(connection, stream, {"ask": "clock"})
                answered_s, now_s = time.monotonic(), time.time()
                took_s = answered_s - asked_s
                found = (took_s, now_s - took_s / 2 - float(said["utc_s"]))
                best = found if best is None or found < best else best
        assert best is not None
        return ClockOffset(best[1], best[0] / 2 / 3**0.5)

    @contextlib.contextmanager
    def _connected(self) -> Iterator[tuple[socket.socket, IO[bytes]]]:
        where = f"node 0 at {self._host}:{self._port}"
        try:
            reached_s = min(self._timeout_s, REACHED_S)
            with socket.create_connection((self._host, self._port), reached_s) as connection:
                connection.settimeout(self._timeout_s)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with connection.makefile("rb") as stream:
                    self._greet(connection, stream, where)
                    self._reached = True
                    yield connection, stream
        except (OSError, ValueError, KeyError) as error:
            if self._reached and isinstance(error, ConnectionRefusedError):
                # A link that drops is silent: the host is there, and nothing listens any more.
                raise Gone(f"{where}: has ended") from None
            raise StoreError(f"{where}: {getattr(error, 'strerror', None) or error}") from None

    def _greet(self, connection: socket.socket, stream: IO[bytes], where: str) -> None:
        theirs = stream.readline(MAX_LINE_BYTES).decode("ascii").strip()
        ours = secrets.token_hex(16)
        connection.sendall(f"{ours} {proof(self._token, 'node', theirs, ours)}\n".encode())
        said = stream.readline(MAX_LINE_BYTES).decode("ascii").strip()
        if not hmac.compare_digest(said, proof(self._token, "node 0", ours, theirs)):
            raise Refused(f"{where}: does not know this token: give all nodes of a run the same one")


def _line(request: Any) -> bytes:
    return json.dumps(request).encode() + b"\n"


def _ask(
    connection: socket.socket, stream: IO[bytes], request: Any, value: bytes = b""
) -> tuple[dict[str, Any], bytes]:
    connection.sendall(_line(request) + value)
    return _answered(stream)


def _answered(stream: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    line = stream.readline(MAX_LINE_BYTES)
    said = json.loads(line) if line.endswith(b"\n") else None
    if not isinstance(said, dict):
        raise StoreError("node 0 is gone")
    if "error" in said:
        raise StoreError(f"node 0: {said['error']}")
    size = readable(int(said.get("size", 0)))
    value = stream.read(size)
    if len(value) < size:
        raise StoreError("node 0 is gone")
    return said, value
