"""The standard uncertainties of one run's energies, term by term, and of the mean over several runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from energyprof.report.energy import RECTANGLE
from energyprof.report.record import Phase, Run
from energyprof.report.uncertainty import BELOW, COMMON, GAIN, SCALE, ZERO, combined, wider
from energyprof.storable.once import once

# An amount and its standard uncertainties by term.
Amount = tuple[float, Mapping[str, float]]

# What cancels in a difference of powers, or may: a report that does not split its uncertainty cannot say.
_GONE = (*ZERO, "meters")


def of_energy(run: Run) -> Mapping[str, float]:
    """The terms of the run's energy; as far as known if the report is an older one."""
    if run.budget_j or not run.energy_u_j:
        return run.budget_j
    if run.gain_u_j is None:
        return {"meters": run.energy_u_j / 2}
    # As a product: squares of what a report may hold may be beyond all numbers.
    rest_j = math.sqrt(max(0.0, run.energy_u_j - run.gain_u_j)) * math.sqrt(run.energy_u_j + run.gain_u_j)
    return _known({"gain": run.gain_u_j / 2, "reading": rest_j / 2})


def of_sample(run: Run, joules: float) -> Mapping[str, float]:
    """The terms of ``joules`` proportional to the train phases: of one sample, or many."""
    found, spent_j = _of_training(run)
    return scaled(found, joules / spent_j) if spent_j > 0 else {}


@once
def _of_training(run: Run) -> tuple[Mapping[str, float], float]:
    """The terms of all its train phases, and their joules; 0 where there are no terms."""
    phases = train_phases(run)
    found = of_phases(run, phases)
    return found, math.fsum(phase.energy_j or 0.0 for phase in phases) if found else 0.0


@once
def train_phases(run: Run) -> Sequence[Phase]:
    """Those in which it trains: no start-up, warm-up or evaluation."""
    return [phase for phase in run.phases if phase.name == "train"]


def of_phases(run: Run, phases: Sequence[Phase]) -> Mapping[str, float]:
    """The terms of a sum of the run's phases: their own, or else a proportion of the run's."""
    if phases and all(phase.budget_j for phase in phases):
        return of_sum([phase.budget_j for phase in phases])
    if not run.energy_j or not (whole := of_energy(run)):
        return {}
    return scaled(whole, math.fsum(phase.energy_j or 0.0 for phase in phases) / run.energy_j)


def of_net(run: Run) -> Mapping[str, float]:
    """The terms of the net energy: the zero error and the gain's share of the idle energy cancel.

    How far the idle power drifted is the same in every run of a machine that warms up: it does not average
    out.
    """
    if run.net_energy_u_j is None or run.net_energy_j is None or not run.energy_j:
        return {}
    terms_j = {term: u_j for term, u_j in of_energy(run).items() if term not in _GONE}
    for scale in terms_j.keys() & SCALE:
        terms_j[scale] *= abs(run.net_energy_j / run.energy_j)
    rest_j2 = (run.net_energy_u_j / 2) ** 2 - combined(wider(terms_j)) ** 2
    drift_j = 0.0
    if run.idle_before_w is not None and run.idle_after_w is not None and run.time_s:
        drift_j = RECTANGLE * abs(run.idle_after_w - run.idle_before_w) / 2 * run.time_s
        rest_j2 -= drift_j**2
    # The difference of two equal squares leaves only their rounding.
    idle_j = math.sqrt(rest_j2) if rest_j2 > 1e-12 * run.net_energy_u_j**2 else 0.0
    return _known({**terms_j, "idle": idle_j, "drift": drift_j})


def of_last_interval(run: Run) -> Mapping[str, float]:
    """The terms of samples to target: counted in evaluation intervals, a rectangle that wide (GUM 4.3.7)."""
    if len(run.history) < 2:
        return {}
    before, last = run.history[-2:]
    return _known({"evaluation": (last.samples - before.samples) / math.sqrt(12)})


def scaled(terms_of_one: Mapping[str, float], factor: float) -> dict[str, float]:
    """The uncertainties of something ``factor`` times as large."""
    return {term: u * factor for term, u in terms_of_one.items()}


def of_mean(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The terms of the mean of several runs: what they share stays, what is each one's own averages out."""
    return {term: u / len(runs) for term, u in of_sum(runs).items()}


def of_sum(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The terms of a sum: what its parts share adds up, what each has alone adds in quadrature."""
    if any(BELOW in part for part in parts):
        parts = [{**part, BELOW: part.get(BELOW, part.get(GAIN, 0.0))} for part in parts]
    found: dict[str, list[float]] = {}
    for part in parts:
        for term, u in part.items():
            found.setdefault(term, []).append(u)
    return {term: math.fsum(u) if term in COMMON else math.hypot(*u) for term, u in found.items()}


def _known(terms_j: Mapping[str, float]) -> dict[str, float]:
    return {term: u_j for term, u_j in terms_j.items() if u_j > 0 or term == BELOW}
