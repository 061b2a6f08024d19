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
                                 it is over; or of all until now; and their origin. None of them: not
                                 known
report   -                       path: the report so far lies there; null: it cannot be written
======== ======================= ===================================================================

The other way go two environment variables: ``ENERGYPROF_SEED``, and ``ENERGYPROF_TARGET`` such as
``accuracy>=0.97`` or ``loss<=0.2``.

The training side is standard library only, valid on Python 3.8, and never disturbs the program it is in:
without a profiler every call is a no-op, and a profiler that dies turns the wire into one.
"""

import atexit
import json
import math
import os
import socket
import sys
import threading
import time
from typing import Any, Dict, List, Mapping, Optional

from energyprof.storable.events import MAX_EVENT, MAX_MESSAGE
from energyprof.storable.values import MAX_NAME, fitted, fitted_text
from energyprof.wire.launchers import claimed_rank, muted

WIRE_VARIABLE = "ENERGYPROF_WIRE"
SEED_VARIABLE = "ENERGYPROF_SEED"
TARGET_VARIABLE = "ENERGYPROF_TARGET"
OUTPUT_VARIABLE = "ENERGYPROF_OUTPUT"  # where each of several processes takes its output

FLOWER_VARIABLE = "ENERGYPROF_FLOWER"  # the Python that has Flower, where another one trains

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
        self._count: Dict[str, int] = {}  # the last of each …
        self._count_s: Dict[str, float] = {}  # … when it came …
        self._told: Dict[str, int] = {}  # … and the last that was sent
        self._falls: Dict[str, int] = {}  # how often one was less than the one before it
        self.broken = False  # the profiler is gone; every further send is a no-op

    def send(self, event: str, **fields: Any) -> None:
        """Send one event, stamped now; a wire that breaks is silent from then on."""
        self._own()
        if event == "phase":
            self.flush()
        elif event == "progress":
            actor = fields.get("actor", "")
            self._count[actor] = self._told[actor] = fields["samples"]
        self._send(event, time.monotonic(), fields)

    def flush(self) -> None:
        """Send the last count of each actor, stamped when it came, if it was held back as a hint too many.

        Else what was trained just before a phase ended would be the next one's, and at the end be lost.
        """
        if self._pid != os.getpid():
            return  # a fork that has said nothing: the counts are its parent's
        for actor, count in list(self._count.items()):
            if self._told.get(actor) != count:
                self._told[actor] = count
                fields = {"samples": int(count), "score": None, **_of(actor)}
                self._send("progress", self._count_s[actor], fields)

    def _send(self, event: str, at_s: float, fields: Mapping[str, Any]) -> None:
        # A score that is not a number is news, so it goes as it is.
        said = {name: value if name == "score" else fitted(value) for name, value in fields.items()}
        if "message" in said:
            said["message"] = fitted_text(said["message"], MAX_MESSAGE)
        rank = claimed_rank()
        if rank:
            said["rank"] = rank
        line = json.dumps({"event": event, "t": at_s, **said}) + "\n"
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
        self._own()
        now_s = time.monotonic()
        self._note(samples, actor, now_s)
        first = self._hinted.setdefault(actor, [])
        new = len(first) < FIRST_HINTS and samples not in first
        if new:
            first.append(samples)
        if new or now_s - self._last_hint_s.get(actor, -math.inf) >= HINT_INTERVAL_S:
            self._last_hint_s[actor] = now_s
            self.send("progress", samples=samples, score=None, **_of(actor))

    def due(self, samples: int, actor: str) -> bool:
        """Whether a hint of so many samples would be sent now."""
        if self.broken:
            return False
        now_s = time.monotonic()
        self._note(samples, actor, now_s)
        last_s = self._last_hint_s.get(actor, -math.inf)
        told = self._pid == os.getpid() and len(self._hinted.get(actor, ())) >= FIRST_HINTS
        return not told or now_s - last_s >= HINT_INTERVAL_S

    def _note(self, samples: int, actor: str, now_s: float) -> None:
        """A count that falls is told: it is no count of what was trained since the start."""
        if samples < self._count.get(actor, samples) and self._falls.get(actor, 0) < FIRST_HINTS:
            self._falls[actor] = self._falls.get(actor, 0) + 1
            self._last_hint_s.pop(actor, None)
        self._count[actor], self._count_s[actor] = samples, now_s

    def _own(self) -> None:
        """A fork has a connection of its own, and counts for itself."""
        if self._pid not in (0, os.getpid()):
            self._socket, self._pid = None, 0
            for of_parent in (self._hinted, self._count, self._told):
                of_parent.clear()

    def _connected(self) -> socket.socket:
        if self._socket is None or self._pid != os.getpid():
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(SEND_TIMEOUT_S)
            connection.connect(self.path)
            self._socket, self._pid = connection, os.getpid()
            # A child of multiprocessing ends without what `atexit` was told.
            forks = sys.modules.get("multiprocessing.util")
            if forks is not None:
                forks.Finalize(None, self.flush, exitpriority=0)
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
            atexit.register(_wire.flush)
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

    They are all since the start, not an epoch's: of a count that falls nobody knows what was trained.
    With an ``actor`` they are those that it has trained.

    A no-op outside a profile. Without a score it may be called at every step: a few calls a second are sent.
    """
    if score is None and _wire is not None and not _wire.due(samples, actor):
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
