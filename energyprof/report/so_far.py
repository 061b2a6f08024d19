"""The energy of a run that still goes on: since its start, and of the windows that its program opens."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Literal

from energyprof.report.energy import Energy, total
from energyprof.report.integrator import Integrator
from energyprof.report.record import MeterRecord
from energyprof.storable.frozen import dataclass
from energyprof.trace.rows import Sample

# So many windows are kept after they closed; of older ones the report tells.
KEPT = 1000
# The meters' energies are added up at moments so far apart, each at the same: of one that is late no more is
# known than of the latest.
MOMENT_S = 0.02
# So many moments are waited for until the latest meter has passed them.
MOMENTS = 1000

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
        # A log is joined when the run is over: without it there is no sum.
        self._logged = any(meter.info.external for meter in counted)
        self._integrators = {m.name: Integrator(m.info, m.interval_s, ()) for m in counted}
        self._windows: dict[Key, _Window] = {}
        self._closed: dict[Key, None] = {}
        self._edges: dict[float, int] = {}  # how many windows have it
        self._moments: deque[float] = deque()  # that not all meters have passed yet
        self._passed_s = start_s  # the last that all have
        self._edge(start_s)
        self._edge(start_s)

    def sample(self, meter: str, sample: Sample) -> None:
        """Take one reading."""
        if (integrator := self._integrators.get(meter)) is not None:
            if sample.end_s >= (self._moments[-1] if self._moments else self._passed_s):
                self._moments.append(sample.end_s + MOMENT_S)  # which none can have passed
                self._edge(self._moments[-1])
            integrator.push(sample)
            self._pass()

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
        if window.late or self._logged:
            return total([]), 0.0 if window.end_s is None else window.end_s - window.start_s
        if window.end_s is None:
            return self._open_until_now(window.start_s)
        found = [i.between(window.start_s, window.end_s) for i in self._integrators.values()]
        known = [energy for energy in found if energy is not None]
        return (total(known), window.end_s - window.start_s) if len(known) == len(found) else None

    def _open_until_now(self, start_s: float) -> tuple[Energy, float]:
        found = [integrator.between(start_s, self._passed_s) for integrator in self._integrators.values()]
        known = [energy for energy in found if energy is not None]
        if self._logged or self._passed_s <= start_s or len(known) < len(found):
            return total([]), 0.0
        return total(known), self._passed_s - start_s

    def _pass(self) -> None:
        """Go on to the last moment that all meters have passed; of one that is lost some are waited for."""
        integrators = self._integrators.values()
        while self._moments and all(i.passed(self._moments[0]) for i in integrators):
            self._release(self._passed_s)
            self._passed_s = self._moments.popleft()
        if len(self._moments) > MOMENTS:
            self._release(self._moments.popleft())

    def _edge(self, time_s: float) -> bool:
        self._edges[time_s] = self._edges.get(time_s, 0) + 1
        in_time = [integrator.add_edge(time_s) for integrator in self._integrators.values()]
        return all(in_time)

    def _forget(self, key: Key) -> None:
        window = self._windows.pop(key)
        del self._closed[key]
        for edge in (window.start_s, window.end_s):
            if edge is not None:
                self._release(edge)

    def _release(self, edge: float) -> None:
        """One who asked for the edge less."""
        self._edges[edge] -= 1
        if self._edges[edge] == 0:
            del self._edges[edge]
            for integrator in self._integrators.values():
                integrator.forget(edge)
