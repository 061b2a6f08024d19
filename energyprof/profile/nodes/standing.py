"""How each node of a run stands while it goes on: said with its sign of life, and looked at on node 0."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import time

from energyprof.decode import Misfit, Name, decode
from energyprof.profile.live import Snapshot
from energyprof.profile.nodes.store import Store, StoreError
from energyprof.storable.frozen import dataclass

# The name of a node's sign of life, before the number of its first process.
ALIVE = "alive"
# Signs of life come every 2 s; a node that has given none for so long is called silent.
SILENT_S = 10.0
# Looked at no more often, however often the display is drawn.
LOOK_S = 1.0


@dataclass(frozen=True)
class NodeStanding:
    """One of the other nodes."""

    name: str
    now: Snapshot | None  # what it said last; None: nothing yet
    silent_s: float  # since its last sign of life

    @property
    def silent(self) -> bool:
        """Whether nothing has been heard of it for too long."""
        return self.silent_s >= SILENT_S


@dataclass(frozen=True)
class Said:
    """What a node says of itself."""

    node: Name
    now: Snapshot


def said(node: str, now: Snapshot) -> bytes:
    """A snapshot as it is sent; a score that is not a number is left out."""
    score = now.score if now.score is not None and math.isfinite(now.score) else None
    return json.dumps({"node": node, "now": {**dataclasses.asdict(now), "score": score}}).encode()


def heard(value: bytes) -> Said | None:
    """What is in a sign of life, which begins with a number of its own; ``None``: nothing yet."""
    _, _, text = value.partition(b"\n")
    try:
        return decode(Said, json.loads(text)) if text else None
    except (Misfit, ValueError, RecursionError):
        return None


class Standings:
    """The other nodes as node 0 sees them. Whatever becomes of the store, the last that was seen stays."""

    def __init__(self, store: Store, own: int) -> None:
        """``own``: the number of node 0's first process."""
        self._store, self._own = store, own
        self._heard: dict[int, tuple[bytes, float]] = {}
        self._looked_s = -math.inf

    def look(self) -> list[NodeStanding]:
        """How they stand now, by the number of their first process."""
        now_s = time.monotonic()
        if now_s - self._looked_s >= LOOK_S:
            self._looked_s = now_s
            with contextlib.suppress(StoreError):  # they are called silent in time
                self._look(now_s)
        found = []
        for first, (value, heard_s) in sorted(self._heard.items()):
            told = heard(value)
            name, now = (f"node {first}", None) if told is None else (told.node, told.now)
            found.append(NodeStanding(name, now, now_s - heard_s))
        return found

    def _look(self, now_s: float) -> None:
        for name in self._store.names():
            kind, _, number = name.partition("-")
            if kind != ALIVE or not number.isdigit() or int(number) == self._own:
                continue
            value = self._store.get(name) or b""
            if int(number) not in self._heard or self._heard[int(number)][0] != value:
                self._heard[int(number)] = value, now_s
