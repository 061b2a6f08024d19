"""What every meter of the machine shows now, second by second, with its doubt; nothing is recorded."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence

from energyprof.clock import utc_now
from energyprof.measure.sampler import Sampler
from energyprof.profile.open_meters import OpenMeters
from energyprof.report.energy import MeterEnergy, total
from energyprof.report.integrator import Integrator
from energyprof.report.record import MeterRecord
from energyprof.storable.frozen import dataclass
from energyprof.trace.rows import Sample

# A mean over less says more of a meter's steps than of the machine.
EVERY_S = 1.0
# Edges that are kept: meters over a network renew themselves every minute at worst.
KEPT = 100


@dataclass(frozen=True)
class Power:
    """A mean power over the time between two looks, and the ends of its 95 % interval; None: not known."""

    power_w: float | None
    low_w: float | None = None
    high_w: float | None = None


@dataclass(frozen=True)
class Look:
    """One moment: of each meter, and of those that are counted together."""

    utc: str
    meters: tuple[tuple[MeterRecord, Power], ...]
    total: Power


def looks(on: OpenMeters, for_s: float) -> Iterator[Look]:
    """A look every second, until ``for_s`` have passed; each is of the second before."""
    live = [meter for meter in on.records if not meter.info.external]
    sampler = Sampler(on.meters, on.interval_s)
    watch = _Watch(live)
    try:
        sampler.wait_for_first(EVERY_S)
        until_s = time.monotonic() + for_s
        watch.edge(time.monotonic())
        while (left_s := until_s - time.monotonic()) > 0:
            time.sleep(min(EVERY_S, left_s))
            for meter, start_s, end_s, value, _ in sampler.drain():
                watch.sample(meter, Sample(start_s, end_s, value))
            watch.edge(time.monotonic())
            sampler.read_now()
            yield watch.look()
    finally:
        sampler.stop()


class _Watch:
    """Sums up each meter's readings between edges; times on the monotonic clock."""

    def __init__(self, meters: Sequence[MeterRecord]) -> None:
        self._meters = meters
        self._integrators = [Integrator(meter.info, meter.interval_s, ()) for meter in meters]
        self._edges: deque[float] = deque()
        self._known: list[MeterEnergy | None] = [None for _ in meters]
        self._span_s = [EVERY_S for _ in meters]

    def sample(self, meter: int, sample: Sample) -> None:
        self._integrators[meter].push(sample)

    def edge(self, time_s: float) -> None:
        self._edges.append(time_s)
        for integrator in self._integrators:
            integrator.add_edge(time_s)

    def look(self) -> Look:
        """The newest second of each meter that its readings have passed."""
        for index, integrator in enumerate(self._integrators):
            for start_s, end_s in zip(self._edges, list(self._edges)[1:], strict=False):
                if (energy := integrator.between(start_s, end_s)) is not None:
                    self._known[index], self._span_s[index] = energy, end_s - start_s
        self._forget()
        powers = [_power([energy], span_s) for energy, span_s in zip(self._known, self._span_s, strict=True)]
        counted = [i for i, meter in enumerate(self._meters) if meter.counted]
        span_s = min((self._span_s[i] for i in counted), default=0.0)
        together = _power([self._known[i] for i in counted], span_s)
        return Look(utc_now(), tuple(zip(self._meters, powers, strict=True)), together)

    def _forget(self) -> None:
        """Of what a slow meter does not know by now, it will tell nothing."""
        while len(self._edges) > KEPT:
            edge = self._edges.popleft()
            for integrator in self._integrators:
                integrator.forget(edge)


def _power(energies: Sequence[MeterEnergy | None], span_s: float) -> Power:
    known = [energy for energy in energies if energy is not None]
    if len(known) < len(energies) or not known or span_s <= 0:
        return Power(None)
    energy = total(known)
    low_j, high_j = energy.interval_j
    if energy.joules is None or low_j is None or high_j is None:
        return Power(None)
    return Power(energy.joules / span_s, max(0.0, low_j) / span_s, high_j / span_s)
