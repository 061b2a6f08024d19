"""Says now and then that a node still runs, and looks at how its clock stands to node 0's."""

from __future__ import annotations

import contextlib
import math
import statistics
import threading
from collections.abc import Callable, Sequence

from energyprof.profile.nodes.remote import ClockOffset, RemoteStore
from energyprof.profile.nodes.store import Store, StoreError

BEAT_S = 2.0
# Until node 0 has heard who this is, which it is to name if nothing more is heard.
UNHEARD_S = 0.2
# The clocks of two machines drift apart by some µs a second: more looks tell no more.
BEATS_A_LOOK = 5


class Heartbeat:
    """A thread that goes on, whatever becomes of node 0."""

    def __init__(self, store: Store, name: str, introduce: Callable[[], None]) -> None:
        """``name``: under which this node says that it lives, once it could ``introduce`` itself."""
        self._store, self._name, self._introduce = store, name, introduce
        self.standing = b""  # how it stands, which goes along
        self._looks: list[ClockOffset] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="energyprof-beat", daemon=True)
        self._thread.start()

    def offset(self) -> ClockOffset | None:
        """How the clock stood to node 0's over the run, from one more look; ``None``: that cannot be told."""
        self._look()
        return middle(self._looks)

    def stop(self) -> None:
        """No more of it."""
        self._stopping.set()

    def _beat(self) -> None:
        beats = 0
        while not self._introduced():
            if self._stopping.wait(UNHEARD_S):
                return
        while True:
            with contextlib.suppress(StoreError):  # a link may drop, and come back
                self._store.put(self._name, b"%d\n%s" % (beats, self.standing))
            if beats % BEATS_A_LOOK == 0:
                self._look()
            beats += 1
            if self._stopping.wait(BEAT_S):
                return

    def _introduced(self) -> bool:
        try:
            self._introduce()
        except StoreError:
            return False
        return True

    def _look(self) -> None:
        if isinstance(self._store, RemoteStore):
            with contextlib.suppress(StoreError):
                self._looks.append(self._store.clock())


def middle(looks: Sequence[ClockOffset]) -> ClockOffset | None:
    """One offset for a whole run: the middle of the looks, as uncertain as the best and as how they moved.

    A clock that drifted or was set is somewhere between its extremes (GUM 4.3.7).
    """
    if not looks:
        return None
    values = [look.ahead_s for look in looks]
    moved_u_s = (max(values) - min(values)) / 12**0.5
    return ClockOffset(statistics.median(values), math.hypot(min(look.u_s for look in looks), moved_u_s))
