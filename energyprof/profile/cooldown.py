"""Waiting before a run until the machine is as cool as it was before the first."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from energyprof.errors import MeterError
from energyprof.measure.sampler import Sampler
from energyprof.meter import Meter, Probe
from energyprof.profile.inbox import Inbox, wait
from energyprof.report.energy import total
from energyprof.report.integrator import Integrator
from energyprof.storable.frozen import dataclass
from energyprof.trace.rows import Sample

# Sensors show whole degrees, and a room is not as cool all day: closer than this a device may never get.
WARMER_C = 3.0
# The idle power of a machine at rest varies from one second to the next: the most of a few looks counts.
MORE_POWER = 0.05
LOOK_S = 1.0
FIRST_LOOKS = 3
# Where nothing tells how warm the machine is.
PAUSE_S = 5.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Settled:
    """How a wait ended."""

    waited_s: float
    still_warm: str  # what was above its level when the time was up; empty: nothing was
    stopped_by: int | None  # a signal came


class Cooldown:
    """Remembers how warm the machine was before the first run, and waits until it has cooled to that."""

    def __init__(self, probes: Sequence[Probe], meters: Sequence[Meter], most_s: float) -> None:
        """``meters``: the live ones that count; ``most_s``: the longest wait, 0 for none."""
        self._probes, self._most_s = probes, most_s
        # A model's idle power tells what else runs, not how warm it is.
        self._meters = [meter for meter in meters if meter.info.origin == "measured"]
        self._first: Mapping[str, float] | None = None

    def settle(self, inbox: Inbox, say: Say) -> Settled:
        """Return when the machine is cool; the first call only measures it."""
        started_s = time.monotonic()

        def settled(still_warm: str, stopped_by: int | None) -> Settled:
            return Settled(time.monotonic() - started_s, still_warm, stopped_by)

        if self._most_s <= 0:
            return settled("", None)
        if self._first is None:
            self._first, stopped_by = self._look_first(inbox)
            return settled("", stopped_by)
        if not self._first:  # nothing tells how warm the machine is
            return settled("", wait(inbox, min(PAUSE_S, self._most_s)))
        told = False
        while True:
            look_s = time.monotonic()
            levels, stopped_by = self._look(inbox)
            warm, left_s = self._above(levels), started_s + self._most_s - time.monotonic()
            if not warm or left_s <= 0 or stopped_by is not None:
                return settled(warm, stopped_by)
            if not told:
                say(f"cooling down, for {self._most_s:g} s at most: {warm}")
                told = True
            stopped_by = wait(inbox, min(look_s + LOOK_S - time.monotonic(), left_s))
            if stopped_by is not None:
                return settled(warm, stopped_by)

    def _look_first(self, inbox: Inbox) -> tuple[Mapping[str, float], int | None]:
        """The levels to return to; for power the highest of ``FIRST_LOOKS``."""
        levels, stopped_by = self._look(inbox)
        highest = dict(levels)
        for _ in range(FIRST_LOOKS - 1):
            if _POWER not in levels or stopped_by is not None:
                break
            further, stopped_by = self._look(inbox)
            highest |= {name: max(highest[name], level) for name, level in further.items() if name in highest}
        return highest, stopped_by

    def _above(self, levels: Mapping[str, float]) -> str:
        """What is warmer than before the first run, or draws more, in words; empty: nothing."""
        lines = []
        for name, first in (self._first or {}).items():
            now = levels.get(name)
            if now is None:
                continue  # a sensor that does not answer holds nobody up
            if name == _POWER:
                if now > first * (1 + MORE_POWER):
                    lines.append(f"{now:.3g} W idle, {first:.3g} W before the first run")
            elif now > first + WARMER_C:
                lines.append(f"{name} at {now:g} °C, {first:g} °C before the first run")
        return "; ".join(lines)

    def _look(self, inbox: Inbox) -> tuple[Mapping[str, float], int | None]:
        """Temperatures in °C by probe; without any the idle power in W, of ``LOOK_S``."""
        found = {probe.name: c for probe in self._probes if (c := _temperature_c(probe)) is not None}
        if found or not self._meters:
            return found, None
        sampler, start_s = Sampler(self._meters, LOOK_S / 10), time.monotonic()
        stopped_by = wait(inbox, LOOK_S)
        end_s = time.monotonic()
        sampler.stop()
        integrators = [Integrator(m.info, LOOK_S / 10, [(start_s, end_s)]) for m in self._meters]
        for meter, first_s, last_s, value, _ in sampler.drain():
            integrators[meter].push(Sample(first_s, last_s, value))
        energy = total(integrator.finish()[0] for integrator in integrators)
        if energy.joules is None:
            return {}, stopped_by
        return {_POWER: energy.joules / (end_s - start_s)}, stopped_by


_POWER = "idle power"


def _temperature_c(probe: Probe) -> float | None:
    try:
        facts = probe.read()
    except MeterError:
        return None
    value = facts.get("temperature_c")
    return float(value) if isinstance(value, (int, float)) else None
