"""Node 0, which could not begin, stays until the others have heard it; for those later it leaves word."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from energyprof.profile.nodes.awaiting import POLL_S
from energyprof.profile.nodes.store import Store, StoreError

# A launcher starts the processes of all nodes within that; by hand nobody waits longer for an error.
HEARD_S = 20.0
QUIET_S = 2.0


def await_hearers(
    store: Store,
    others: Callable[[], Mapping[int, int]],
    lacking: int,
    say: Callable[[str], None],
) -> None:
    """Wait until the ``lacking`` processes of other nodes have come and gone, or for so long.

    ``others``: how many processes there are on each other node, by the first one's number.
    """
    begun_s, told, within_s = time.monotonic(), False, HEARD_S
    while (waited_s := time.monotonic() - begun_s) < within_s:
        try:
            nodes, names = others(), store.names()
        except StoreError:
            return
        gone = all(f"done-{first}" in names or f"left-{first}" in names for first in nodes)
        if gone and sum(nodes.values()) >= lacking:
            return
        if not told and waited_s > QUIET_S:
            told = True
            say(f"could not begin: the other nodes are told, for up to {within_s:.0f} s")
        time.sleep(POLL_S)
