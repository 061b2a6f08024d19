"""The numbers of a run, each with its unit in its name and the ends of its 95 % interval."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from energyprof.compare.emissions import Grid, grams
from energyprof.compare.exclusions import broken, unmetered
from energyprof.compare.figures import BY_NAME
from energyprof.compare.statistics.terms import of_net
from energyprof.report.record import Run
from energyprof.report.uncertainty import above, below, combined
from energyprof.units import moment

K = 2.0  # coverage factor of one run's intervals


class Number(NamedTuple):
    """One value; both ends ``None``: it was counted, or nobody knows how far it is off."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None

    @property
    def u(self) -> float | None:
        """The half of the interval on the side where that is wider."""
        if self.low is None or self.high is None:
            return None
        return max(self.value - self.low, self.high - self.value)


# What a run may have, in the order in which formats write it; the second column: whether it has an interval.
NAMES: Mapping[str, bool] = {
    "energy_j": True,
    "net_energy_j": True,
    "total_energy_j": True,
    "node_energy_j": True,
    "energy_per_sample_j": True,
    "mean_power_w": True,
    "emissions_g": True,
    "time_s": False,
    "total_time_s": False,
    "cpu_s": False,
    "samples": False,
    "score": False,
}


def numbers(run: Run, grid: Grid | None) -> dict[str, Number]:
    """What is known of the run, by name."""
    found = [*_energies(run, grid), *_counted(run)]
    return {number.name: number for number in found if math.isfinite(number.value)}


def energy(run: Run) -> Number | None:
    """The energy of training and evaluation."""
    if run.energy_j is None:
        return None
    if run.energy_low_j is not None and run.energy_high_j is not None:
        return Number("energy_j", run.energy_j, max(0.0, run.energy_low_j), run.energy_high_j)
    return _evenly("energy_j", run.energy_j, run.energy_u_j)


def began_s(run: Run) -> float | None:
    """When the run began, in s since 1970; ``None``: the report does not say."""
    found_s = moment(run.clock.utc)
    return found_s if math.isfinite(found_s) else None


def _energies(run: Run, grid: Grid | None) -> Iterable[Number]:
    joules = energy(run)
    if joules is not None:
        yield joules
    if run.net_energy_j is not None:
        terms = of_net(run)
        yield (
            _by_terms("net_energy_j", run.net_energy_j, terms)
            if terms
            else _evenly("net_energy_j", run.net_energy_j, run.net_energy_u_j, least=-math.inf)
        )
    if run.total_energy_j is not None:
        yield _total(run)
    node = run.node
    if node is not None and node.energy_j is not None:
        yield Number("node_energy_j", node.energy_j, node.energy_low_j, node.energy_high_j)
    usable = not broken(run) and not unmetered(run)
    sample = BY_NAME["energy_per_sample"]
    sample_j = sample.of(run) if usable else None
    if sample_j is not None:
        yield _by_terms("energy_per_sample_j", sample_j, sample.terms(run, sample_j))
    if joules is not None and run.time_s:
        yield _scaled("mean_power_w", joules, 1 / run.time_s)
    if joules is not None and grid is not None:
        yield _scaled("emissions_g", joules, grams(1.0, grid))


def _counted(run: Run) -> Iterable[Number]:
    for name in ("time_s", "total_time_s", "cpu_s", "samples", "score"):
        value = getattr(run, name)
        if value is not None:
            yield Number(name, value)


def _total(run: Run) -> Number:
    """Start-up and end included: as uneven as the energy of the training is."""
    total_j, u_j, of = run.total_energy_j or 0.0, run.total_energy_u_j, energy(run)
    if u_j is None or of is None or of.low is None or of.high is None or not of.u:
        return _evenly("total_energy_j", total_j, u_j)
    low_j, high_j = (u_j * part / of.u for part in (of.value - of.low, of.high - of.value))
    # An interval that ends at 0 J was cut there.
    return Number(
        "total_energy_j", total_j, max(0.0, total_j - (u_j if of.low == 0 else low_j)), total_j + high_j
    )


def _evenly(name: str, value: float, u: float | None, least: float = 0.0) -> Number:
    return Number(name, value) if u is None else Number(name, value, max(least, value - u), value + u)


def _by_terms(name: str, value: float, terms: Mapping[str, float]) -> Number:
    if not terms:
        return Number(name, value)
    low, high = value - K * combined(below(terms)), value + K * combined(above(terms))
    return Number(name, value, low if name == "net_energy_j" else max(0.0, low), high)


def _scaled(name: str, number: Number, factor: float) -> Number:
    ends = (None if end is None else end * factor for end in (number.low, number.high))
    return Number(name, number.value * factor, *ends)
