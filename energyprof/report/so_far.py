"""The energy of a run that still goes on: since its start, and of the windows that its program opens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from energyprof.report.energy import Energy, MeterEnergy, total
from energyprof.report.integrator import Integrator
from energyprof.report.record import MeterRecord
from energyprof.storable.frozen import dataclass
from energyprof.trace.rows import Sample

# So many windows are kept after they closed; of older ones the report tells.
KEPT = 1000

Until = Literal["now", "over"]
Key = tuple[int, int]  # the process, and its number for the window


@dataclass
class _Window:
    start_s: float
    end_s: float | None = None  # None: still open
    late: bool = False  # its edges came when what lay behind them was summed up already


class SoFar:
    """Takes readings and windows as they come.

    What a whole run teaches of its meters, how often they renew themselves, is not known yet: the report's
    energies may differ from these within their uncertainty.
    """

    def __init__(self, meters: Sequence[MeterRecord], start_s: float) -> None:
        """``start_s``: when the program began, in s from the run's zero."""
        self._start_s = start_s
        counted = [meter for meter in meters if meter.counted]
        self._integrators = {m.name: Integrator(m.info, m.interval_s, ()) for m in counted}
        self._windows: dict[Key, _Window] = {}
        self._closed: dict[Key, None] = {}
        self._edges: dict[float, int] = {}  # how many windows have it
        self._edge(start_s)

    def sample(self, meter: str, sample: Sample) -> None:
        """Take one reading."""
        if (integrator := self._integrators.get(meter)) is not None:
            integrator.push(sample)

    def open(self, key: Key, time_s: float) -> None:
        """A window opens."""
        self._windows[key] = _Window(time_s, late=not self._edge(time_s))

    def close(self, key: Key, time_s: float) -> None:
        """A window closes; one that never opened is none."""
        window = self._windows.get(key)
        if window is None or window.end_s is not None:
            return
        window.late |= not self._edge(time_s)
        window.end_s = time_s
        self._closed[key] = None
        if len(self._closed) > KEPT:
            self._forget(next(iter(self._closed)))

    def until_now(self) -> tuple[Energy, float]:
        """The energy since the start, and the time in s that it is of."""
        return self._open_until_now(self._start_s)

    def of_window(self, key: Key, until: Until) -> tuple[Energy, float] | None:
        """A window's energy and its time in s.

        ``None``: its opening, its close or readings are to come, or it closed long ago.
        """
        window = self._windows.get(key)
        if window is None or (until == "over" and window.end_s is None):
            return None
        if window.late:
            return total([]), 0.0 if window.end_s is None else window.end_s - window.start_s
        if window.end_s is None:
            return self._open_until_now(window.start_s)
        found = [i.between(window.start_s, window.end_s) for i in self._integrators.values()]
        known = [energy for energy in found if energy is not None]
        return (total(known), window.end_s - window.start_s) if len(known) == len(found) else None

    def _open_until_now(self, start_s: float) -> tuple[Energy, float]:
        found = [integrator.so_far(start_s) for integrator in self._integrators.values()]
        known: list[MeterEnergy] = [part[1] for part in found if part is not None]
        if not known or len(known) < len(found):
            return total([]), 0.0
        return total(known), min(part[0] for part in found if part is not None) - start_s

    def _edge(self, time_s: float) -> bool:
        self._edges[time_s] = self._edges.get(time_s, 0) + 1
        in_time = [integrator.add_edge(time_s) for integrator in self._integrators.values()]
        return all(in_time)

    def _forget(self, key: Key) -> None:
        window = self._windows.pop(key)
        del self._closed[key]
        for edge in (window.start_s, window.end_s):
            if edge is None:
                continue
            self._edges[edge] -= 1
            if self._edges[edge] == 0:
                del self._edges[edge]
                for integrator in self._integrators.values():
                    integrator.forget(edge)
