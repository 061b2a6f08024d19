"""What every meter of the machine shows now, second by second, with its doubt; nothing is recorded."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace

from energyprof.clock import utc_now
from energyprof.measure.sampler import Sampler
from energyprof.profile.open_meters import OpenMeters
from energyprof.report.energy import MeterEnergy, total
from energyprof.report.integrator import Integrator
from energyprof.report.record import MeterRecord
from energyprof.report.segments.segment import now_for_s
from energyprof.report.segments.standstill import Standstill
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
    watch = Watch(live)
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


class Watch:
    """Sums up each meter's readings between edges; times on the monotonic clock."""

    def __init__(self, meters: Sequence[MeterRecord]) -> None:
        self._meters = meters
        # A power that stands still is shown until it is too long: nobody waits for what follows.
        shown = [replace(meter.info, may_stand_still=True) for meter in meters]
        self._integrators = [
            Integrator(info, meter.interval_s, ()) for info, meter in zip(shown, meters, strict=True)
        ]
        self._standstills = [Standstill(meter.info) for meter in meters]
        self._stalled: set[int] = set()
        self._edges: deque[float] = deque()

    def sample(self, meter: int, sample: Sample) -> None:
        """Take the next attempt to read a meter."""
        self._integrators[meter].push(sample)
        info, value = self._meters[meter].info, sample.value
        if info.reads == "power_w" and value is not None and info.is_reading(value):
            does = self._standstills[meter].look(sample.end_s, value)
            (self._stalled.add if does == "stalled" else self._stalled.discard)(meter)

    def edge(self, time_s: float) -> None:
        """One second is over and the next begins."""
        self._edges.append(time_s)
        for integrator in self._integrators:
            integrator.add_edge(time_s)

    def look(self) -> Look:
        """The newest second of each meter that its readings have passed, and of those that count together."""
        powers = [self._newest([index]) for index in range(len(self._meters))]
        together = self._newest([i for i, meter in enumerate(self._meters) if meter.counted])
        self._forget()
        return Look(utc_now(), tuple(zip(self._meters, powers, strict=True)), together)

    def _newest(self, of: Sequence[int]) -> Power:
        """The power of these over the newest second that all of them know, while that is of now."""
        if not self._stalled.isdisjoint(of):
            return Power(None)
        meters = [self._meters[index] for index in of]
        lasts_s = EVERY_S + max((now_for_s(m.info, m.interval_s) for m in meters), default=0.0)
        for end_s, start_s in itertools.pairwise(reversed(self._edges)):
            if end_s < self._edges[-1] - lasts_s:
                break
            energies = [self._integrators[index].between(start_s, end_s) for index in of]
            known = [energy for energy in energies if energy is not None]
            if known and len(known) == len(of):
                return _power(known, end_s - start_s)
        return Power(None)

    def _forget(self) -> None:
        """Of what a slow meter does not know by now, it will tell nothing."""
        while len(self._edges) > KEPT:
            edge = self._edges.popleft()
            for integrator in self._integrators:
                integrator.forget(edge)


def _power(energies: Sequence[MeterEnergy], span_s: float) -> Power:
    energy = total(energies)
    low_j, high_j = energy.interval_j
    if energy.joules is None or low_j is None or high_j is None or span_s <= 0:
        return Power(None)
    return Power(energy.joules / span_s, max(0.0, low_j) / span_s, high_j / span_s)
