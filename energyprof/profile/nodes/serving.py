"""Node 0 serves its store at an address, to who shows that it holds the run's one-time token.

Whoever connects gets a number used once, and answers with one of its own and a keyed hash of both
(RFC 2104); node 0 answers likewise, so that both know that the other holds the token, which never goes over
the line. What follows is not encrypted. A request is a line of JSON, and as many bytes as that says.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import secrets
import socket
import threading
import time
from typing import IO, Any

from energyprof.errors import UsageError
from energyprof.profile.nodes.store import MAX_VALUE_BYTES, FolderStore, StoreError

# Who says nothing for so long is cut off; one that has shown no token yet, sooner.
TIMEOUT_S = 60.0
GREETING_S = 5.0
# More at once wait their turn.
MOST = 200
MAX_LINE_BYTES = 4096


def proof(token: str, who: str, *numbers: str) -> str:
    """What only who holds the token can say of numbers that are used once."""
    return hmac.new(token.encode(), ":".join((who, *numbers)).encode(), hashlib.sha256).hexdigest()


class Server:
    """Serves ``store`` at the address, in threads of its own."""

    def __init__(self, store: FolderStore, host: str, port: int, token: str) -> None:
        """Port 0: any that is free. Raises UsageError: nothing can listen there."""
        self._store, self._token = store, token
        try:
            family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            with contextlib.ExitStack() as undo:
                self._socket = undo.enter_context(socket.socket(family, socket.SOCK_STREAM))
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                self._socket.bind(address)
                self._socket.listen(MOST)
                undo.pop_all()
        except OSError as error:
            raise UsageError(
                f"--rdzv {host}:{port}: node 0 cannot listen there ({error.strerror}):"
                " give an address of node 0 and a port that is free"
            ) from None
        self.port = int(self._socket.getsockname()[1])
        self._places = threading.BoundedSemaphore(MOST)
        threading.Thread(target=self._accept, name="energyprof-nodes", daemon=True).start()

    def close(self) -> None:
        """Let nobody else in."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._places.acquire()
            threading.Thread(
                target=self._serve, args=(connection,), name="energyprof-node", daemon=True
            ).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as stream, contextlib.suppress(OSError, ValueError):
                connection.settimeout(GREETING_S)
                if self._greeted(connection, stream):
                    connection.settimeout(TIMEOUT_S)
                    while line := stream.readline(MAX_LINE_BYTES):
                        self._answer(json.loads(line), connection, stream)
        finally:
            self._places.release()

    def _greeted(self, connection: socket.socket, stream: IO[bytes]) -> bool:
        ours = secrets.token_hex(16)
        connection.sendall(f"{ours}\n".encode())
        theirs, _, said = stream.readline(MAX_LINE_BYTES).decode("ascii").strip().partition(" ")
        if not hmac.compare_digest(said, proof(self._token, "node", ours, theirs)):
            return False
        connection.sendall(f"{proof(self._token, 'node 0', theirs, ours)}\n".encode())
        return True

    def _answer(self, asked: Any, connection: socket.socket, stream: IO[bytes]) -> None:
        what, name, size = asked["ask"], str(asked.get("name", "")), int(asked.get("size", 0))
        value = b""
        said: dict[str, Any] = {}
        try:
            if what == "put":
                self._store.receive(name, stream, size)
            elif what == "get":
                found = self._store.get(name)
                said["there"], value = found is not None, found or b""
            elif what == "names":
                said["names"] = sorted(self._store.names())
            elif what == "clock":
                said["utc_s"] = time.time()
            else:
                raise StoreError(f"{what!r}: is nothing that can be asked")
        except StoreError as error:
            said["error"] = str(error)
        connection.sendall(json.dumps({**said, "size": len(value)}).encode() + b"\n" + value)
        if "error" in said:
            raise OSError  # what was on its way is not to be taken for a request


def readable(size: int) -> int:
    """``size``, if a value may be that long. Raises StoreError."""
    if not 0 <= size <= MAX_VALUE_BYTES:
        raise StoreError(f"node 0 answers with {size} bytes: it is not an energyprof")
    return size
