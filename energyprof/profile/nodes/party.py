"""One node among the others of a run: it is there, is ready for each training, and says when it is done.

In the store, with the number of a node's first process in place of N, and of a training in place of K:

============ ============== ==================================================================
name         from           what
============ ============== ==================================================================
node-N       each node      `Announced`: its name, and how many of the processes are there
alive-N      each node      changes as long as it runs; after a number how it stands (``standing.py``)
ready-K-R    each process   it waits for training K; of a node with a launcher of its own R is N
go-K         node 0         where rank 0 of training K waits for the others
over         any            no further training: why
report-N     a node         its report, and trace-N: its trace, unless they lie where node 0 sees them
done-N       a node         `Done`: it has recorded all it will
============ ============== ==================================================================
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from energyprof.errors import TrainingError
from energyprof.profile import inbox as inboxes
from energyprof.profile.inbox import Inbox
from energyprof.profile.live import Snapshot
from energyprof.profile.nodes import standing
from energyprof.profile.nodes.heartbeat import BEAT_S, Heartbeat
from energyprof.profile.nodes.meeting import Meeting, Part, Rank, free_port
from energyprof.profile.nodes.remote import Refused
from energyprof.profile.nodes.serving import Server
from energyprof.profile.nodes.store import FolderStore, Gone, Store, StoreError
from energyprof.storable.frozen import dataclass

# So long nodes wait for each other; torchrun's own limit (torch/distributed/elastic/rendezvous/api.py).
MEET_S = 600.0
POLL_S = 0.2
# A node 0 that was heard and then is not for so long has died: a folder may be 60 s late (acdirmax, nfs(5)).
LOST_S = 120.0
# Who waits longer than this is told for whom.
PATIENCE_S = 10.0
# A disk or a link may be slow to take a report; node 0 that is gone takes none.
TRIES = 5


@dataclass(frozen=True)
class Announced:
    """A node that is there."""

    name: str
    processes: int  # of those that are counted, here


@dataclass(frozen=True)
class Done:
    """What a node says when its own report is whole."""

    file: str = ""  # its report, in the folder beside the store; "": it was sent
    trace: bool = True  # whether it has one
    ahead_s: float | None = None  # of node 0's clock
    ahead_u_s: float | None = None


class Party:
    """This node, among those that train together."""

    def __init__(
        self,
        store: Store,
        *,
        first: int,
        count: Callable[[], int],
        size: int,
        part: Part | None,
        address: str,
        where: str,
        folder: FolderStore | None,
        server: Server | None = None,
    ) -> None:
        """``first``: the number of this node's first process, 0 on node 0; ``count()`` of ``size`` are here.

        ``folder``: the store as a folder that this process sees; ``None``: only node 0 does.
        """
        self.store, self.first, self._count, self.size, self.part = store, first, count, size, part
        self.address, self.where, self.folder = address, where, folder
        self._server = server
        self.name = platform.node()
        self._heartbeat: Heartbeat | None = None
        self.stopped_by: int | None = None  # the signal that came while it waited for others

    @property
    def gathers(self) -> bool:
        """Whether this is node 0."""
        return self.first == 0

    @property
    def own(self) -> int:
        """How many of the processes are here."""
        return self._count()

    @property
    def several(self) -> bool:
        """Whether there are other nodes."""
        return self.own < self.size

    def announce(self) -> None:
        """Say that this node is there, as soon as it is heard, and from then on."""
        self._heartbeat = Heartbeat(self.store, f"alive-{self.first}", self._say_there)

    def meet(self, number: int, inbox: Inbox) -> Meeting | None:
        """Wait until all are ready for training ``number``; ``None``: it is not to be, or a signal came.

        Raises:
            TrainingError: they did not come in time, or node 0 cannot be reached.
        """
        rank = self.part.rank if isinstance(self.part, Rank) else self.first
        met = meet(self.store, self.where, number, rank, inbox, self.size, self.opened)
        self.stopped_by = met if isinstance(met, int) else None
        return met if isinstance(met, Meeting) else None

    def seeds(self, own: Sequence[int]) -> list[int]:
        """The seeds that node 0 trains from; there its ``own``. Raises TrainingError: it does not say."""
        if self.gathers:
            self.store.put("seeds", json.dumps(list(own)).encode())
            return list(own)
        return seeds_of(self.store, self.where)

    def opened(self, number: int) -> None:
        """As node 0: let training ``number`` begin."""
        port = free_port(self.address)
        self.store.put(f"go-{number}", json.dumps([self.address, port]).encode())

    def over(self, why: str) -> None:
        """Say that there is no further training."""
        with contextlib.suppress(StoreError):
            self.store.put("over", why.encode())

    def done(self, report: Path, trace: Path) -> str:
        """Say that this node's report is whole, and hand it over; a line where node 0 does not get it."""
        offset = None if self._heartbeat is None else self._heartbeat.offset()
        said = Done(
            trace=trace.exists(),
            ahead_s=None if offset is None else offset.ahead_s,
            ahead_u_s=None if offset is None else offset.u_s,
        )
        try:
            if self.folder is not None and self.folder.folder.parent.resolve() == report.parent.resolve():
                said = dataclasses.replace(said, file=report.name)
            else:
                if said.trace:
                    _again(lambda: self.store.send(f"trace-{self.first}", trace))
                _again(lambda: self.store.send(f"report-{self.first}", report))
            _again(self._say_there)
            _again(lambda: self.store.put(f"done-{self.first}", _json(said)))
        except StoreError as error:
            return (
                f"{error}: this node's report is whole, at {report}; lay it beside the others with"
                " energyprof join"
            )
        return ""

    def tell(self, now: Snapshot) -> None:
        """Let node 0 see how this node stands, with its next sign of life; comes back at once."""
        if self._heartbeat is not None:
            self._heartbeat.standing = standing.said(self.name, now)

    def left(self) -> None:
        """This node has nothing more to say."""
        if self._heartbeat is not None:
            self._heartbeat.stop()

    def close(self) -> None:
        """As node 0: nobody else is heard, and what was said is gone."""
        self.left()
        if self._server is not None:
            self._server.close()
        if self.gathers and self.folder is not None:
            self.folder.close()

    def _say_there(self) -> None:
        self.store.put(f"node-{self.first}", _json(Announced(self.name, self.own)))

    def announced(self) -> dict[int, Announced]:
        """The nodes that said they are there, by their first process. Raises StoreError."""
        found = {}
        for name in sorted(self.store.names()):
            kind, _, number = name.partition("-")
            if kind == "node" and number.isdigit() and (value := self.store.get(name)) is not None:
                with contextlib.suppress(ValueError, TypeError):
                    said = json.loads(value)
                    found[int(number)] = Announced(str(said["name"])[:100], int(said["processes"]))
        return dict(sorted(found.items()))


def _slept(wait_s: float) -> bool:
    time.sleep(wait_s)
    return False


def seeds_of(store: Store, where: str, stopped: Callable[[float], bool] = _slept) -> list[int]:
    """The seeds that node 0 trains from; none where there is to be no training.

    ``stopped``: waits for so many seconds, and says whether a signal came.

    Raises:
        TrainingError: node 0 does not say.
    """
    begun_s, problem = time.monotonic(), "node 0 is not there"
    told = False
    while time.monotonic() - begun_s < MEET_S:
        try:
            if (value := store.get("seeds")) is not None:
                return [int(seed) for seed in json.loads(value)]
            if (value := store.get("over")) is not None:
                print(f"no training: {value.decode(errors='replace')}", file=sys.stderr, flush=True)
                return []
        except Refused:
            raise
        except Gone:
            print("no training: node 0 has ended", file=sys.stderr, flush=True)
            return []
        except StoreError as error:
            problem = str(error)
        if not told and time.monotonic() - begun_s > PATIENCE_S:
            told = True
            print(f"waiting for node 0 at {where}: {problem}", file=sys.stderr, flush=True)
        if stopped(POLL_S):
            return []
    raise TrainingError(f"{where}: after {MEET_S:.0f} s {problem}: start all nodes within that time")


def meet(
    store: Store,
    where: str,
    number: int,
    rank: int,
    inbox: Inbox,
    size: int,
    opened: Callable[[int], None],
) -> Meeting | int | None:
    """What `Party.meet` does, for one process; a number is that of the signal that came.

    ``opened``: what rank 0 does when all ``size`` are there.
    """
    begun_s = time.monotonic()
    told = said = False
    problem = ""
    node_0 = _NodeZero(store)
    while time.monotonic() - begun_s < MEET_S:
        try:
            if not said:
                store.put(f"ready-{number}-{rank}", b"")
                said = True
            names = store.names()
            if f"go-{number}" in names:
                address, port = json.loads(store.get(f"go-{number}") or b"")
                return Meeting(str(address), int(port))
            if "over" in names:
                why = (store.get("over") or b"").decode(errors="replace")
                print(f"no further training: {why}", file=sys.stderr, flush=True)
                return None
            ready = sum(name.startswith(f"ready-{number}-") for name in names)
            if rank == 0 and ready >= size:
                opened(number)
                continue
            problem = f"{ready} of {size} are there"
            node_0.look()
        except Gone:
            # It said why first, where it did; who comes to look after that finds nothing.
            print("no further training: node 0 has ended", file=sys.stderr, flush=True)
            return None
        except StoreError as error:
            problem = str(error)
        if rank != 0 and node_0.lost:
            raise TrainingError(f"{where}: node 0 has not been heard of for {LOST_S:.0f} s")
        if not told and time.monotonic() - begun_s > PATIENCE_S:
            told = True
            print(f"waiting for the other nodes at {where}: {problem}", file=sys.stderr, flush=True)
        if (stopped_by := inboxes.wait(inbox, POLL_S)) is not None:
            return stopped_by
    raise TrainingError(f"{where}: after {MEET_S:.0f} s {problem}: start all nodes within that time")


class _NodeZero:
    """Whether node 0, once heard, still runs: its sign of life changes."""

    def __init__(self, store: Store) -> None:
        """Nothing of it has been heard yet."""
        self._store = store
        self._beat: bytes | None = None
        self._heard_s: float | None = None
        self._looked_s = -math.inf

    def look(self) -> None:
        """See whether it gave a sign, no more often than it gives one. Raises StoreError."""
        if time.monotonic() - self._looked_s < BEAT_S:
            return
        self._looked_s = time.monotonic()
        beat = self._store.get("alive-0")
        if beat is not None and beat != self._beat:
            self._beat, self._heard_s = beat, time.monotonic()

    @property
    def lost(self) -> bool:
        """Whether it was heard, and then no more for too long."""
        return self._heard_s is not None and time.monotonic() - self._heard_s > LOST_S


def _again(action: Callable[[], None]) -> None:
    """Do it, once more if the link drops. Raises StoreError."""
    for tries_left in reversed(range(TRIES)):
        try:
            action()
            return
        except StoreError:
            if not tries_left:
                raise
            time.sleep(1.0)


def _json(said: Announced | Done) -> bytes:
    return json.dumps(dataclasses.asdict(said)).encode()
