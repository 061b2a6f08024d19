"""A few seconds of every meter: what each reads now, and whether those that read the same joules agree."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import cast

from energyprof.errors import EnergyprofError
from energyprof.measure.opening import opened
from energyprof.measure.sampler import Sampler
from energyprof.measure.selection import Selection
from energyprof.meter import Meter, Source
from energyprof.report.agreement import disagreements
from energyprof.report.energy import MeterEnergy
from energyprof.report.flags import Flag, flag
from energyprof.report.integrator import LEAST_READINGS, Integrator
from energyprof.report.record import meter_record
from energyprof.storable.frozen import dataclass
from energyprof.trace.rows import Sample

# A meter that is read once a second covers that much of a few seconds; one that stands still covers nothing.
LEAST_COVERAGE = 0.5


@dataclass(frozen=True)
class SpotCheck:
    """What the meters read over ``span_s``."""

    span_s: float
    energies: Mapping[str, MeterEnergy]  # by meter; one that could not be opened is missing
    flags: tuple[Flag, ...]  # what is odd about them
    problem: str = ""  # why none could be opened

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is unusual, in words."""
        return (*filter(None, [self.problem]), *(flag.words for flag in self.flags))

    def power_w(self, name: str) -> float | None:
        """The mean power of a meter; ``None`` if its readings cannot tell."""
        energy = self.energies.get(name)
        if energy is None or energy.joules is None or energy.coverage < LEAST_COVERAGE:
            return None
        # A counter that did not move tells nothing, nor does one that may have moved long before.
        late = self.span_s < LEAST_READINGS * energy.meter.refresh_s
        if energy.meter.reads == "energy_j" and (late or energy.joules == 0):
            return None
        return energy.joules / self.span_s  # what was not seen of it is taken for what was


def spot_check(sources: Sequence[Source], span_s: float, interval_s: float) -> SpotCheck:
    """Every meter of ``sources`` for ``span_s``; external logs are left out."""
    live = tuple(source for source in sources if not source.info.external)
    try:
        with opened(Selection(live)) as (meters, _):
            return _read(cast(tuple[Meter, ...], meters), span_s, interval_s)
    except EnergyprofError as error:
        return SpotCheck(span_s, {}, (), str(error))


def _read(meters: Sequence[Meter], span_s: float, interval_s: float) -> SpotCheck:
    sampler = Sampler(meters, interval_s)
    start_s = time.monotonic()
    time.sleep(span_s)
    end_s = time.monotonic()
    sampler.stop()
    records = [meter_record(meter.info, interval_s, counted=True) for meter in meters]
    integrators = [Integrator(record.info, record.interval_s, [(start_s, end_s)]) for record in records]
    for reading in sampler.drain():
        integrators[reading.meter].push(Sample(reading.start_s, reading.end_s, reading.value))
    energies = {
        record.name: integrator.finish()[0] for record, integrator in zip(records, integrators, strict=True)
    }
    odd = [flag(kind, name) for name, energy in energies.items() for kind in energy.flags if kind != "short"]
    return SpotCheck(end_s - start_s, energies, (*odd, *disagreements(records, energies, end_s - start_s)))
