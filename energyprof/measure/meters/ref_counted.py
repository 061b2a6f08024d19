"""A library that several meters use at once: started with the first of them, stopped with the last."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class RefCounted:
    """What ``start`` returns, for as long as it has holders."""

    def __init__(self, start: Callable[[], Any], stop: Callable[[Any], None]) -> None:
        """It has no holders yet, so it is not started."""
        self._start, self._stop = start, stop
        self._lock = threading.Lock()
        self._holders = 0
        self._held: Any = None
        self.starts = 0  # what was had from an earlier start is worth nothing after the next

    def acquire(self) -> Any:
        """One holder more; raises what ``start`` raises."""
        with self._lock:
            if self._holders == 0:
                self._held = self._start()
                self.starts += 1
            self._holders += 1
            return self._held

    def renew(self, starts: int) -> Any:
        """Stop and start it for all holders, unless one of them did since there were so many ``starts``.

        Raises what ``start`` raises; it can be tried again then.
        """
        with self._lock:
            if self.starts == starts:
                self._stop(self._held)
                self._held = self._start()
                self.starts += 1
            return self._held

    def release(self) -> None:
        """One holder less."""
        with self._lock:
            self._holders -= 1
            if self._holders == 0:
                held, self._held = self._held, None
                self._stop(held)
