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
left-N       a node         it could not begin, or has heard that it need not: it records nothing
============ ============== ==================================================================
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from energyprof.profile.inbox import Inbox
from energyprof.profile.live import Snapshot
from energyprof.profile.nodes import standing
from energyprof.profile.nodes.awaiting import MEET_S, meet, seeds_of
from energyprof.profile.nodes.farewell import await_hearers
from energyprof.profile.nodes.heartbeat import Heartbeat
from energyprof.profile.nodes.meeting import Meeting, Part, Rank, free_port
from energyprof.profile.nodes.serving import Server
from energyprof.profile.nodes.store import FolderStore, Gone, Store, StoreError
from energyprof.profile.nodes.tombstone import Tombstone
from energyprof.storable.frozen import dataclass

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


@dataclass(frozen=True)
class Shared:
    """What the nodes of a run tell each other through."""

    store: Store
    folder: FolderStore | None  # the same as a folder that this process sees; None: only node 0 does
    server: Server | None  # who serves it
    where: str  # that is, in words
    tombstone: Tombstone  # what node 0 leaves to who comes after its end


class Party:
    """This node, among those that train together."""

    def __init__(
        self,
        shared: Shared,
        *,
        first: int,
        count: Callable[[], int],
        size: int,
        part: Part | None,
        address: str,
        within_s: float = MEET_S,
    ) -> None:
        """``first``: the number of this node's first process, 0 on node 0; ``count()`` of ``size`` are here.

        ``within_s``: so long nodes wait for each other.
        """
        self.store, self.folder, self.where = shared.store, shared.folder, shared.where
        self._server, self._tombstone = shared.server, shared.tombstone
        self.first, self._count, self.size, self.part = first, count, size, part
        self.address, self._within_s = address, within_s
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
        if self.gathers:
            self._tombstone.clear()
        self._heartbeat = Heartbeat(self.store, f"alive-{self.first}", self._say_there)

    def meet(self, number: int, inbox: Inbox) -> Meeting | None:
        """Wait until all are ready for training ``number``; ``None``: it is not to be, or a signal came.

        Raises:
            TrainingError: they did not come in time, or node 0 cannot be reached.
        """
        rank = self.part.rank if isinstance(self.part, Rank) else self.first
        check = _nothing if self.gathers else self._tombstone.check
        met = meet(self.store, self.where, number, rank, inbox, self.size, self.opened, check, self._within_s)
        self.stopped_by = met if isinstance(met, int) else None
        return met if isinstance(met, Meeting) else None

    def seeds(self, own: Sequence[int]) -> list[int] | None:
        """The seeds that node 0 trains from, there its ``own``; ``None``: there is to be no training.

        Raises:
            TrainingError: node 0 does not say.
        """
        if self.gathers:
            self.store.put("seeds", json.dumps(list(own)).encode())
            return list(own)
        return seeds_of(self.store, self.where, check=self._tombstone.check, within_s=self._within_s)

    def opened(self, number: int) -> None:
        """As node 0: let training ``number`` begin."""
        port = free_port(self.address)
        self.store.put(f"go-{number}", json.dumps([self.address, port]).encode())

    def over(self, why: str) -> None:
        """Say that there is no further training; who says so first knows why."""
        with contextlib.suppress(StoreError):
            if self.store.get("over") is None:
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

    def could_not(self, why: str, say: Callable[[str], None]) -> None:
        """Say that this node, and so no other, trains no more; as node 0 until the others have heard it."""
        self.over(f"{self.name}: {why}")
        if self.gathers:
            await_hearers(self.store, self._others, self.size - self.own, say)
        else:
            with contextlib.suppress(StoreError):
                self._say_there()
                self.store.put(f"left-{self.first}", b"")

    def left(self) -> None:
        """This node has nothing more to say."""
        if self._heartbeat is not None:
            self._heartbeat.stop()

    def close(self) -> None:
        """As node 0: nobody else is heard, and what was said is gone, but to who never came."""
        self.left()
        if self.gathers and self.part is not None and self._never_came():
            self._tombstone.leave(self._why_over())
        if self._server is not None:
            self._server.close()
        if self.gathers and self.folder is not None:
            self.folder.close()

    def _never_came(self) -> bool:
        try:
            return sum(self._others().values()) < self.size - self.own
        except StoreError:
            return True

    def _why_over(self) -> str:
        with contextlib.suppress(StoreError):
            if (why := self.store.get("over")) is not None:
                return why.decode(errors="replace")
        return f"{self.name}: it did not wait for all nodes"

    def _others(self) -> dict[int, int]:
        return {first: one.processes for first, one in self.announced().items() if first != self.first}

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


def _nothing() -> None:
    """Who gathers asks nobody whether node 0 is there."""


def _again(action: Callable[[], None]) -> None:
    """Do it, once more if the link drops. Raises StoreError."""
    for tries_left in reversed(range(TRIES)):
        try:
            action()
            return
        except Gone:
            raise
        except StoreError:
            if not tries_left:
                raise
            time.sleep(1.0)


def _json(said: Announced | Done) -> bytes:
    return json.dumps(dataclasses.asdict(said)).encode()
