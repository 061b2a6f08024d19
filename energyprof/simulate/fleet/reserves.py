"""What clients have left: batteries under the sun, budgets; and whether they are awake and free."""

from __future__ import annotations

from typing import Any

from energyprof.simulate.fleet.clients import Clients
from energyprof.simulate.fleet.sun import DAY_S, Sky
from energyprof.simulate.numerics import load

# Clients looked at in one go: what lies between stays in a processor's cache, however large the fleet is, and
# under 128 KiB, beyond which the C library asks the system for fresh pages each time.
CHUNK = 1 << 13


class Reserves:
    """Each client's joules as time goes on; arrays ``(n,)``, kept only of what the fleet has."""

    def __init__(self, clients: Clients, need_j: Any, start_s: float, rng: Any) -> None:
        numpy = load("numpy")
        self._clients, self._need_j = clients, need_j
        devices, spans, count = clients.devices, clients.spans, clients.count
        self.spent_j = numpy.zeros(count)
        self.harvested_j = 0.0
        self._busy_s: Any = None  # until when; None: nobody works on after a round
        self._budget_j: Any = None
        self._battery_j: Any = None
        self._phase: Any = None
        if any(device.budget_j for device in devices):
            self._budget_j = numpy.full(count, numpy.inf)
        if any(device.battery_wh for device in devices):
            self._battery_j = numpy.full(count, numpy.inf)
        if any(device.awake < 1 for device in devices):
            self._phase = rng.random(count)
        self._floor_j = [0.0 if d.battery_wh is None else d.reserve * d.battery_wh * 3600 for d in devices]
        self._skies: list[Sky | None] = []
        for device, span in zip(devices, spans, strict=True):
            clouds = numpy.random.default_rng(int(rng.integers(2**63)))
            if device.budget_j is not None:
                self._budget_j[span] = device.budget_j
            if device.battery_wh is not None:
                charged = device.reserve + (1 - device.reserve) * rng.random(span.stop - span.start)
                self._battery_j[span] = 3600 * device.battery_wh * charged
            self._skies.append(
                Sky(device.latitude or 0.0, device.longitude, device.clear, start_s, clouds)
                if device.panel_w
                else None
            )

    def free(self, time_s: float) -> Any:
        """Indices of the clients that may be asked at ``time_s`` since the start; None: all of them.

        They are awake, at no other work, and have the joules of an ordinary turn.
        """
        limits = (self._budget_j, self._battery_j, self._phase, self._busy_s)
        if all(limit is None for limit in limits):
            return None
        numpy = load("numpy")
        found = []
        for kind, span in enumerate(self._clients.spans):
            for begin in range(span.start, span.stop, CHUNK):
                part = slice(begin, min(begin + CHUNK, span.stop))
                found.append(begin + numpy.flatnonzero(self._may(numpy, kind, part, time_s)))
        return numpy.concatenate(found)

    def _may(self, numpy: Any, kind: int, part: slice, time_s: float) -> Any:
        device = self._clients.devices[kind]
        busy = self._busy_s
        may = numpy.ones(part.stop - part.start, bool) if busy is None else busy[part] <= time_s
        if self._phase is not None and device.awake < 1:
            hour = time_s / DAY_S + self._phase[part]
            may &= hour - numpy.floor(hour) < device.awake
        if self._budget_j is not None and device.budget_j is not None:
            may &= self._budget_j[part] >= self._need_j[part]
        if self._battery_j is not None and device.battery_wh is not None:
            may &= self._battery_j[part] - self._floor_j[kind] >= self._need_j[part]
        return may

    def solvent(self) -> bool:
        """Whether any client's budget is enough for an ordinary turn, ever."""
        return self._budget_j is None or bool((self._budget_j >= self._need_j).any())

    def left_j(self, part: Any) -> Any:
        """Joules that clients may spend now; None: no limit."""
        numpy = load("numpy")
        left = None if self._budget_j is None else self._budget_j[part]
        if self._battery_j is not None:
            floor_j = numpy.array(self._floor_j)[self._clients.kind[part]]
            charge = self._battery_j[part] - floor_j
            left = charge if left is None else numpy.minimum(left, charge)
        return left

    def take(self, part: Any, joules: Any) -> None:
        """Joules that each of these clients spends; each is named once."""
        numpy = load("numpy")
        if len(part) == len(self.spent_j):
            part = slice(None)  # all of them, in order: no index is followed
        self.spent_j[part] += joules
        if self._budget_j is not None:
            self._budget_j[part] -= joules
        if self._battery_j is not None:
            self._battery_j[part] = numpy.maximum(self._battery_j[part] - joules, 0.0)

    def busy(self, part: Any, until_s: Any) -> None:
        """These clients may not be asked before."""
        numpy = load("numpy")
        if self._busy_s is None:
            self._busy_s = numpy.zeros(self._clients.count)
        self._busy_s[part] = until_s

    def go_on(self, from_s: float, until_s: float) -> list[float]:
        """Let time pass: the sun charges, standby drains; the joules of standby, of each kind."""
        numpy = load("numpy")
        found = []
        for device, span, sky in zip(self._clients.devices, self._clients.spans, self._skies, strict=True):
            drain_j = device.standby_w * (until_s - from_s)
            if device.battery_wh is None or self._battery_j is None:
                found.append(drain_j * (span.stop - span.start))
                continue
            standby_j = 0.0
            gain_j = 0.0 if sky is None else device.panel_w * sky.sunshine(from_s, until_s)
            if not gain_j and not drain_j:
                found.append(0.0)
                continue
            full_j = 3600 * device.battery_wh
            for begin in range(span.start, span.stop, CHUNK):
                part = slice(begin, min(begin + CHUNK, span.stop))
                before = self._battery_j[part]
                used = numpy.minimum(before + gain_j, drain_j)
                after = numpy.minimum(before + gain_j - used, full_j)
                standby_j += float(used.sum())
                self.harvested_j += float((after - before + used).sum())
                self._battery_j[part] = after
            found.append(standby_j)
        return found
