"""Both ends of the wire between a training process and its profiler.

The wire is a Unix stream socket named in ``ENERGYPROF_WIRE``; every line is one JSON object with an
``event`` and ``t``, the sender's ``time.monotonic()``, a clock that all processes of a machine share.

======== ================================ ==========================================================
event    fields                           meaning
======== ================================ ==========================================================
phase    name, samples (or null), actor   from now on the program is in this phase
progress samples, score (or null), actor  so much is trained; with a score: an evaluation ended
window   number, name                     a window of this process opens (``energyprof.measure()``)
close    number, samples (or null)        and closes; so many samples went through it
facts    facts                            versions, device, parameters: recorded
exchange actor, samples, bytes_up, …      what a client had to do with the round that goes on
round    round, scores                    a round is over, but for the evaluation that follows
end      status, message                  the training is over: ``done``, ``diverged`` or ``error``
======== ================================ ==========================================================

``actor`` is left out where the program speaks for itself. A client, a server or a rank that is named there
has phases and samples of its own, and they may overlap with the others'. Which process speaks the kernel
says (``SO_PEERCRED``); one whose launcher says its ``rank``, but not of how many, adds that.

It may also ask, and gets one line of JSON on the same connection, which repeats what was asked:

======== ======================= ===================================================================
question fields                  answer
======== ======================= ===================================================================
energy   window (or null), over  energy_j, energy_u_j, time_s, power_w of that window, until now or once
                                 it is over; or of all until now. None of them: not known
report   -                       path: the report so far lies there; null: it cannot be written
======== ======================= ===================================================================

The other way go two environment variables: ``ENERGYPROF_SEED``, and ``ENERGYPROF_TARGET`` such as
``accuracy>=0.97`` or ``loss<=0.2``.

The training side is standard library only, valid on Python 3.8, and never disturbs the program it is in:
without a profiler every call is a no-op, and a profiler that dies turns the wire into one.
"""

import atexit
import contextlib
import json
import math
import os
import selectors
import socket
import struct
import threading
import time
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional

from energyprof.launchers import claimed_rank, muted
from energyprof.storable.events import (
    MAX_EVENT,
    MAX_MESSAGE,
    Room,
    asked_by_program,
    is_score,
    said_by_program,
)
from energyprof.storable.values import MAX_NAME, fitted, fitted_text, is_count

WIRE_VARIABLE = "ENERGYPROF_WIRE"
SEED_VARIABLE = "ENERGYPROF_SEED"
TARGET_VARIABLE = "ENERGYPROF_TARGET"
OUTPUT_VARIABLE = "ENERGYPROF_OUTPUT"  # where each of several processes takes its output

# A line longer than this is not an event; reading on would let a babbling child fill the memory.
MAX_LINE_BYTES = MAX_EVENT
# Progress without a score only moves the display: more often than this nobody could see it.
HINT_INTERVAL_S = 0.25
# But so many are sent in any case.
FIRST_HINTS = 3
# A profiler that does not take a line within this time is taken for gone.
SEND_TIMEOUT_S = 5.0
# And one that owes an answer gets this long: a report of many hours takes some time to write.
ANSWER_TIMEOUT_S = 60.0
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


class Wire:
    """The training side's end. One connection a process: a fork opens its own."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._socket: Optional[socket.socket] = None
        self._pid = 0
        self._lock = threading.Lock()
        self._said = b""  # of an answer that has come in part
        self._last_hint_s: Dict[str, float] = {}  # by actor
        self._hinted: Dict[str, List[int]] = {}  # the first counts of each: they tell where it started
        self.broken = False  # the profiler is gone; every further send is a no-op

    def send(self, event: str, **fields: Any) -> None:
        """Send one event, stamped now; a wire that breaks is silent from then on."""
        # A score that is not a number is news, so it goes as it is.
        said = {name: value if name == "score" else fitted(value) for name, value in fields.items()}
        if "message" in said:
            said["message"] = fitted_text(said["message"], MAX_MESSAGE)
        rank = claimed_rank()
        if rank:
            said["rank"] = rank
        line = json.dumps({"event": event, "t": time.monotonic(), **said}) + "\n"
        with self._lock:
            if self.broken:
                return
            try:
                self._connected().sendall(line.encode())
            except OSError:
                self.broken = True

    def ask(self, question: str, **fields: Any) -> Optional[Dict[str, Any]]:
        """The profiler's answer to a question; ``None``: there is none, the wire is broken from then on."""
        with self._lock:
            self._put(question, fields)
            return self._answer(ANSWER_TIMEOUT_S)

    def put(self, question: str, **fields: Any) -> None:
        """Ask, and go on: `answered` has the answer when it has come."""
        with self._lock:
            self._put(question, fields)

    def answered(self, wait_s: float = 0.0) -> Optional[Dict[str, Any]]:
        """The answer to what was put, if it comes within ``wait_s``."""
        with self._lock:
            return self._answer(wait_s)

    def _put(self, question: str, fields: Mapping[str, Any]) -> None:
        if self.broken:
            return
        try:
            line = json.dumps({"event": question, "t": time.monotonic(), **fields}) + "\n"
            self._connected().sendall(line.encode())
        except OSError:
            self.broken = True

    def _answer(self, timeout_s: float) -> Optional[Dict[str, Any]]:
        if self.broken:
            return None
        try:
            connection = self._connected()
            connection.settimeout(timeout_s)
            while not self._said.endswith(b"\n"):
                more = connection.recv(MAX_LINE_BYTES)
                if not more or len(self._said) > MAX_LINE_BYTES:
                    raise ConnectionError
                self._said += more
            connection.settimeout(SEND_TIMEOUT_S)
            said, self._said = self._said, b""
            answer = json.loads(said.decode())
            return answer if isinstance(answer, dict) else None
        except (BlockingIOError, socket.timeout):  # it is still to come
            self._connected().settimeout(SEND_TIMEOUT_S)
            return None
        except (OSError, ValueError):
            self.broken = True
            return None

    def hint(self, samples: int, actor: str = "") -> None:
        """Say how far the training is, for the display; most calls return at once."""
        now_s = time.monotonic()
        first = self._first_counts(actor)
        new = len(first) < FIRST_HINTS and samples not in first
        if new:
            first.append(samples)
        if new or now_s - self._last_hint_s.get(actor, -math.inf) >= HINT_INTERVAL_S:
            self._last_hint_s[actor] = now_s
            self.send("progress", samples=samples, score=None, **_of(actor))

    def due(self, actor: str) -> bool:
        """Whether a hint would be sent now."""
        if self.broken:
            return False
        last_s = self._last_hint_s.get(actor, -math.inf)
        told = self._pid == os.getpid() and len(self._hinted.get(actor, ())) >= FIRST_HINTS
        return not told or time.monotonic() - last_s >= HINT_INTERVAL_S

    def _first_counts(self, actor: str) -> List[int]:
        if self._pid != os.getpid():
            self._hinted.clear()  # a fork counts for itself
        return self._hinted.setdefault(actor, [])

    def _connected(self) -> socket.socket:
        if self._socket is None or self._pid != os.getpid():
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(SEND_TIMEOUT_S)
            connection.connect(self.path)
            self._socket, self._pid = connection, os.getpid()
        return self._socket


_wire: Optional[Wire] = None
_wire_lock = threading.Lock()


def connect() -> Optional[Wire]:
    """This process's end of the wire; ``None`` outside a profile and in every rank but the first.

    Were all ranks to speak, samples and phases would be counted once a rank.
    """
    global _wire
    path = os.environ.get(WIRE_VARIABLE)
    if not path or muted():
        return None
    with _wire_lock:
        if _wire is None or _wire.path != path:
            _wire = Wire(path)
            if SEED_VARIABLE in os.environ:  # under `run`; under `exec` a program's phases are all its own
                atexit.register(_over, _wire, os.getpid())
        return _wire


def _over(wire: Wire, pid: int) -> None:
    """Say that the script is at its end: what the interpreter still has to do is not training."""
    if os.getpid() == pid:  # and not a fork's end
        wire.send("phase", name="shutdown", samples=None)


def mark(name: str, actor: str = "", samples: Optional[int] = None) -> None:
    """Start the phase ``name``; what ran before it ends here. A no-op outside a profile.

    ``samples`` are those trained until now. A training that goes on from a checkpoint says with its first
    mark what that brings along: only what follows is counted.

    On a GPU synchronise first: work still queued would be counted in the new phase. Where several train at
    once, federated clients say, each ``actor`` has phases of its own.
    """
    wire = connect()
    if wire is not None:
        known = None if samples is None else int(samples)
        wire.send("phase", name=fitted_text(str(name), MAX_NAME), samples=known, **_of(actor))


def _of(actor: str) -> Dict[str, str]:
    return {"actor": fitted_text(str(actor), MAX_NAME)} if actor else {}


def progress(samples: int, score: Optional[float] = None, actor: str = "") -> None:
    """Say that ``samples`` have been trained until now, and the ``score`` if one was just measured.

    With an ``actor`` they are those that it has trained.

    A no-op outside a profile. Without a score it may be called at every step: a few calls a second are sent.
    """
    if score is None and _wire is not None and not _wire.due(actor):
        return  # most calls end here: looking up who speaks takes longer
    wire = connect()
    if wire is None:
        return
    if score is None:
        wire.hint(int(samples), actor)
    else:
        wire.send("progress", samples=int(samples), score=float(score), **_of(actor))


def seed() -> int:
    """The seed this run is to start from, in every process of it; 0 outside a profile."""
    return int(os.environ.get(SEED_VARIABLE, "0"))


def reached(score: float) -> bool:
    """Whether ``score`` is at or past the target: time to stop. Never outside a profile, or without a target.

    Of several processes each answers for itself: hand all of them the same score.
    """
    if not math.isfinite(score):
        return False
    target = os.environ.get(TARGET_VARIABLE, "")
    _, at_least, value = target.partition(">=")
    if at_least:
        return float(score) >= float(value)
    _, at_most, value = target.partition("<=")
    return bool(at_most) and float(score) <= float(value)


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
