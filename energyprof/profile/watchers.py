"""Those who follow a run while it goes on: the screen, exporters. None of them can stop or delay it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from energyprof.clock import ended
from energyprof.profile.live import Snapshot
from energyprof.storable.frozen import dataclass

# Whoever is still busy with a snapshot when the training is over is waited for so long.
LAST_LOOK_S = 1.0


@dataclass(frozen=True)
class Watcher:
    """One who follows a run. ``see`` is called in a thread of its own, with the newest snapshot each time."""

    name: str  # as people know it: "the screen"
    see: Callable[[Snapshot], None]


class Watchers:
    """Shows each snapshot to all who follow one training.

    A slow one misses those that come while it is busy; one that raises, or is busy for good, is lost.
    """

    def __init__(self, watchers: Sequence[Watcher]) -> None:
        self._followers = [_Follower(watcher) for watcher in watchers]

    def __bool__(self) -> bool:
        return bool(self._followers)

    def show(self, now: Snapshot) -> None:
        """Let everyone see it; comes back at once."""
        for follower in self._followers:
            follower.show(now)

    def close(self) -> dict[Watcher, str]:
        """Let everyone take a last look; those that are lost, and what went wrong."""
        for follower in self._followers:
            follower.end()
        until_s = time.monotonic() + LAST_LOOK_S
        problems = {follower.watcher: follower.problem_at(until_s) for follower in self._followers}
        return {watcher: problem for watcher, problem in problems.items() if problem}


class _Follower:
    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self._news = threading.Condition()
        self._newest: Snapshot | None = None
        self._over = False
        self._problem = ""
        self._thread = threading.Thread(
            target=self._follow, name=f"energyprof-watcher-{watcher.name}", daemon=True
        )
        self._thread.start()

    def show(self, now: Snapshot) -> None:
        with self._news:
            self._newest = now
            self._news.notify()

    def end(self) -> None:
        with self._news:
            self._over = True
            self._news.notify()

    def problem_at(self, until_s: float) -> str:
        if ended(self._thread, until_s):
            return self._problem
        with self._news:
            self._newest = None  # it is over when it comes back
        return "it did not come back from what it was doing"

    def _follow(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._newest is not None or self._over)
                now, self._newest = self._newest, None
            if now is None:
                return
            try:
                self.watcher.see(now)
            except Exception as error:  # noqa: BLE001  # a bug of an exporter must not cost a training
                self._problem = f"{type(error).__name__}: {error}"
                return
