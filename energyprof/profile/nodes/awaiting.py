"""What a process waits for: what node 0 says, and that all are ready; of a node 0 that is gone it hears."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable

from energyprof.errors import TrainingError
from energyprof.profile import inbox as inboxes
from energyprof.profile.inbox import Inbox
from energyprof.profile.nodes.heartbeat import BEAT_S
from energyprof.profile.nodes.meeting import Meeting
from energyprof.profile.nodes.remote import Refused
from energyprof.profile.nodes.store import Gone, Store, StoreError

# So long nodes wait for each other; torchrun's own limit (torch/distributed/elastic/rendezvous/api.py).
MEET_S = 600.0
POLL_S = 0.2
START = "start all nodes within that time, or give --meet-within more"
# A node 0 that was heard and then is not for so long has died: a folder may be 60 s late (acdirmax, nfs(5)).
LOST_S = 120.0
# Who waits longer than this is told for whom, again and again; after a minute once a minute.
PATIENCE_S = 10.0


def _slept(wait_s: float) -> bool:
    time.sleep(wait_s)
    return False


def _together() -> None:
    """Nobody else is needed here."""


def seeds_of(
    store: Store,
    where: str,
    stopped: Callable[[float], bool] = _slept,
    check: Callable[[], None] = _together,
    within_s: float = MEET_S,
) -> list[int] | None:
    """The seeds that node 0 trains from; ``None``: there is to be no training.

    ``stopped``: waits for so many seconds, and says whether a signal came. ``check``: raises a TrainingError
    where whoever is needed is gone.

    Raises:
        TrainingError: node 0 does not say within ``within_s``.
    """
    problem = "node 0 is not there"
    wait = _Wait(f"node 0 at {where}", within_s)
    node_0 = _NodeZero(store, there=False)
    while not wait.over:
        try:
            if (value := store.get("seeds")) is not None:
                return [int(seed) for seed in json.loads(value)]
            if (value := store.get("over")) is not None:
                print(f"no training: {value.decode(errors='replace')}", file=sys.stderr, flush=True)
                return None
            node_0.look()
        except Refused:
            raise
        except Gone:
            check()  # it may say why
            print("no training: node 0 has ended", file=sys.stderr, flush=True)
            return None
        except StoreError as error:
            problem = str(error)
        node_0.check(where)
        check()
        wait.tell(problem)
        if stopped(POLL_S):
            return None
    raise TrainingError(f"{where}: after {within_s:.0f} s {problem}: {START}")


def meet(
    store: Store,
    where: str,
    number: int,
    rank: int,
    inbox: Inbox,
    size: int,
    opened: Callable[[int], None],
    check: Callable[[], None] = _together,
    within_s: float = MEET_S,
) -> Meeting | int | None:
    """What `Party.meet` does, for one process; a number is that of the signal that came.

    ``opened``: what rank 0 does when all ``size`` are there. ``check``: as in `seeds_of`.
    """
    said = False
    problem = ""
    wait = _Wait(f"the other nodes at {where}", within_s)
    node_0 = _NodeZero(store, there=number > 0)
    while not wait.over:
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
            check()
            # It said why first, where it did; who comes to look after that finds nothing.
            print("no further training: node 0 has ended", file=sys.stderr, flush=True)
            return None
        except StoreError as error:
            problem = str(error)
        if rank != 0:
            node_0.check(where)
        check()
        wait.tell(problem)
        if (stopped_by := inboxes.wait(inbox, POLL_S)) is not None:
            return stopped_by
    raise TrainingError(f"{where}: after {within_s:.0f} s {problem}: {START}")


class _Wait:
    """For somebody, for so long at most; whoever looks at the terminal is told now and then."""

    def __init__(self, what: str, within_s: float) -> None:
        self._what, self._within_s = what, within_s
        self._begun_s = time.monotonic()
        self._tell_at_s = PATIENCE_S

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() - self._begun_s >= self._within_s

    def tell(self, problem: str) -> None:
        """Say for what it is waited, if it is time to."""
        waited_s = time.monotonic() - self._begun_s
        if waited_s >= self._tell_at_s:
            self._tell_at_s += PATIENCE_S if waited_s < 6 * PATIENCE_S else 6 * PATIENCE_S
            print(
                f"waiting for {self._what}: {problem} ({waited_s:.0f} s of {self._within_s:.0f} s)",
                file=sys.stderr,
                flush=True,
            )


class _NodeZero:
    """Whether node 0, once heard, still runs: its sign of life changes."""

    def __init__(self, store: Store, *, there: bool) -> None:
        """``there``: it was met before; otherwise nothing of it has been heard yet."""
        self._store = store
        self._beat: bytes | None = None
        self._heard_s = time.monotonic() if there else None
        self._looked_s = -math.inf

    def look(self) -> None:
        """See whether it gave a sign, no more often than it gives one. Raises StoreError."""
        if time.monotonic() - self._looked_s < BEAT_S:
            return
        self._looked_s = time.monotonic()
        beat = self._store.get("alive-0")
        if beat is not None and beat != self._beat:
            self._beat, self._heard_s = beat, time.monotonic()

    def check(self, where: str) -> None:
        """Raises TrainingError: it was heard, and then no more for too long."""
        if self._heard_s is not None and time.monotonic() - self._heard_s > LOST_S:
            raise TrainingError(f"{where}: node 0 has not been heard of for {LOST_S:.0f} s")
