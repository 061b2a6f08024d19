"""The chosen meters, opened: each may now know itself better than the search did, such as its tick."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import cast

from energyprof.measure.selection import Selection
from energyprof.meter import ExternalLog, Meter, Probe


@contextlib.contextmanager
def opened(selection: Selection) -> Iterator[tuple[tuple[Meter | ExternalLog, ...], tuple[Probe, ...]]]:
    """The selection's meters and probes, opened side by side: some look for their tick, some start slowly."""
    openers: list[Callable[[], Meter | ExternalLog | Probe]] = [source.open for source in selection.sources]
    openers += selection.probes
    with contextlib.ExitStack() as stack:
        with ThreadPoolExecutor(max(1, len(openers))) as pool:
            opened = [pool.submit(opener) for opener in openers]
        for future in opened:
            if future.exception() is None:
                stack.callback(future.result().close)
        count = len(selection.sources)
        meters = tuple(future.result() for future in opened[:count])
        # A device that does not tell its clocks is metered all the same.
        probes = tuple(future.result() for future in opened[count:] if future.exception() is None)
        yield cast(tuple[Meter | ExternalLog, ...], meters), cast(tuple[Probe, ...], probes)
