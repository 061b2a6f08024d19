"""The chosen meters, opened: each may now know itself better than the search did, such as its tick."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import cast

from energyprof.measure.selection import Selection
from energyprof.meter import ExternalLog, Meter, Probe


@contextlib.contextmanager
def opened(selection: Selection) -> Iterator[tuple[tuple[Meter | ExternalLog, ...], tuple[Probe, ...]]]:
    """The selection's meters and probes, opened side by side: some look for their tick, some start slowly."""
    openers: list[Callable[[], Meter | ExternalLog | Probe]] = [source.open for source in selection.sources]
    openers += selection.probes
    with contextlib.ExitStack() as stack:
        threads = [_Opening(opener) for opener in openers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for thread in threads:
            if thread.problem is None:
                stack.callback(thread.found.close)
        count = len(selection.sources)
        for thread in threads[:count]:
            if thread.problem is not None:
                raise thread.problem
        meters = tuple(thread.found for thread in threads[:count])
        # A device that does not tell its clocks is metered all the same.
        probes = tuple(thread.found for thread in threads[count:] if thread.problem is None)
        yield cast(tuple[Meter | ExternalLog, ...], meters), cast(tuple[Probe, ...], probes)


class _Opening(threading.Thread):
    """One being opened. The standard library's pool of threads would load its logging, for a few of them."""

    found: Meter | ExternalLog | Probe
    problem: BaseException | None = None

    def __init__(self, opener: Callable[[], Meter | ExternalLog | Probe]) -> None:
        super().__init__(name="energyprof-opening")
        self._opener = opener

    def run(self) -> None:
        """Open it."""
        try:
            self.found = self._opener()
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self.problem = error
