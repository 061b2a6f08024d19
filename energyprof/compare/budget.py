"""Where the uncertainty of an energy comes from: each term, its share, and what they add up to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from energyprof.compare.figures import BY_NAME, value
from energyprof.compare.statistics import terms
from energyprof.compare.statistics.mean import Total, mean_of_amounts
from energyprof.compare.statistics.terms import Amount
from energyprof.meter import MeterInfo
from energyprof.report.record import MeterRecord, Report, Run
from energyprof.report.uncertainty import BELOW, GAIN, SCATTER, Term, above, below, combined, term_of
from energyprof.storable.frozen import dataclass
from energyprof.units import both_ways

OLD_REPORT = "the report holds only totals, not the terms; `energyprof recompute` makes them from its trace"


@dataclass(frozen=True)
class BudgetItem:
    """One line of a budget."""

    term: str
    evaluation: Literal["A", "B"]
    distribution: str
    meaning: str
    source: str  # empty if the report does not say
    u_j: float  # standard, of the mean over the runs
    share: float | None  # of the combined variance; None: not included, see Budget.notes


@dataclass(frozen=True)
class Budget:
    """The uncertainty of one energy of a report, taken apart."""

    figure: str  # energy_to_target, energy, energy_per_sample or net_energy
    mean_j: float  # geometric; arithmetic if one is not positive
    runs: int
    items: tuple[BudgetItem, ...]
    total: Total
    # Without the gain: it is common to everything measured with the same meters, and cancels there.
    one_device: Total
    by_meter_j: Mapping[str, Mapping[str, float]]  # standard, by term; empty unless there are several meters
    notes: tuple[str, ...]

    @property
    def ends_j(self) -> tuple[float, float]:
        """The ends of the 95 % interval: no energy is below nothing but one less what idling takes."""
        low_j = self.mean_j - self.total.below
        return low_j if self.figure == "net_energy" else max(0.0, low_j), self.mean_j + self.total.above


def counting(report: Report) -> list[Run]:
    """The runs that the report's energy is the mean of: those that compare would use, else all there are."""
    figure = BY_NAME["energy_to_target" if report.workload.target else "energy"]
    entering = [run for run in report.runs if value(figure, run) is not None]
    ended = [run for run in report.runs if run.status in ("reached", "done")]
    return entering or ended or list(report.runs)


def budgets(report: Report) -> tuple[Budget, ...]:
    """The budget of each energy in the report: of the run, per sample, net of idle."""
    found = (energy(report), energy_per_sample(report), net_energy(report))
    return tuple(budget for budget in found if budget is not None)


def energy(report: Report) -> Budget | None:
    """The budget of training and evaluation; None: not measured."""
    runs = [run for run in counting(report) if run.energy_j is not None]
    readings = [(run.energy_j, terms.of_energy(run)) for run in runs if run.energy_j is not None]
    reached = report.workload.target is not None and any(run.status == "reached" for run in runs)
    return _budget("energy_to_target" if reached else "energy", report, runs, readings)


def energy_per_sample(report: Report) -> Budget | None:
    """The budget of one trained sample, including runs that missed the target; None: there is none."""
    pairs = [(run, value(BY_NAME["energy_per_sample"], run)) for run in report.runs]
    known = [(run, joules) for run, joules in pairs if joules is not None]
    readings = [(joules, terms.of_sample(run, joules)) for run, joules in known]
    return _budget("energy_per_sample", report, [run for run, _ in known], readings)


def net_energy(report: Report) -> Budget | None:
    """The budget of the energy less what the idle machine would have used; None: idle not measured."""
    runs = [run for run in counting(report) if run.net_energy_j is not None]
    readings = [(run.net_energy_j, terms.of_net(run)) for run in runs if run.net_energy_j is not None]
    return _budget("net_energy", report, runs, readings)


def _budget(figure: str, report: Report, runs: Sequence[Run], readings: Sequence[Amount]) -> Budget | None:
    if not readings:
        return None
    found = mean_of_amounts(readings)
    total = found.total
    items = []
    entering = {term: u_j for term, u_j in found.terms.items() if term not in found.aside}
    # Of the end that a term enters: the gain may be another one towards less than towards more.
    whole_u = {GAIN: combined(above(entering)), BELOW: combined(below(entering))}
    for term, u_j in found.terms.items():
        of_u = whole_u.get(term, total.u)
        share = (u_j / of_u) ** 2 if of_u > 0 else 0.0
        items.append(_item(term, u_j, None if term in found.aside else share, report.meters, found.n))
    items.sort(key=lambda item: -1.0 if item.share is None else item.share, reverse=True)
    return Budget(
        figure,
        found.value,
        found.n,
        tuple(items),
        total,
        found.one_device,
        _by_meter(figure, runs, found.value),
        _notes(runs, items, [] if SCATTER in found.aside else found.aside),
    )


def _item(term: str, u_j: float, share: float | None, meters: Sequence[MeterRecord], n: int) -> BudgetItem:
    known = term_of(term)
    distribution, source = known.distribution, known.source
    if term == SCATTER:
        distribution = f"Student, {n - 1} dof"
    if known.error in ("scale", "zero"):
        distribution, source = _of_meters(known, meters)
    return BudgetItem(term, "A" if term == SCATTER else "B", distribution, known.meaning, source, u_j, share)


def _of_meters(term: Term, meters: Sequence[MeterRecord]) -> tuple[str, str]:
    """Distribution and source according to the counted meters' makers or their calibrations."""
    infos = [meter.info for meter in meters if meter.counted]
    sources = []
    for info in infos:
        calibration = info.calibration
        if calibration is not None:
            u = (
                f"{100 * calibration.gain_u:.2g} %"
                if term.error == "scale"
                else f"{calibration.offset_u_w:.2g} W"
            )
            sources.append(f"{info.name}: u = {u}, calibrated by {calibration.source}")
        elif term.error == "scale":
            sources.append(f"{info.kind}: {gain_limits(info)}, {info.gain_source}")
        elif info.offset_a_w > 0:
            sources.append(f"{info.kind}: ±{info.offset_a_w:.2g} W")
    known = {_distribution(info, term) for info in infos}
    distribution = known.pop() if len(known) == 1 else "both" if known else "rectangular"
    return distribution, "; ".join(dict.fromkeys(sources))


def _distribution(info: MeterInfo, term: Term) -> str:
    """That of one meter's gain or zero: of a maker's bound a rectangle, else normal."""
    found = term.error == "scale" and info.gain_above is not None
    return "normal" if found or info.calibration is not None else "rectangular"


def gain_limits(info: MeterInfo) -> str:
    """How far the truth may lie from what it reads: ``±5 %`` at most, ``-15 % +21 %``, ``× ÷ 3.1`` (95 %)."""
    if info.gain_below is None or info.gain_above is None:
        return f"±{100 * info.gain_a:.3g} %"
    factor = 1 + info.gain_above
    if info.gain_above > 0.5 and math.isclose(factor * (1 - info.gain_below), 1, rel_tol=1e-3):
        return f"× ÷ {factor:.2g}"
    return both_ways(info.gain_below, info.gain_above)


def _by_meter(figure: str, runs: Sequence[Run], mean_j: float) -> Mapping[str, Mapping[str, float]]:
    """The terms of each meter, mean over ``runs``; only for the runs' own energy and several meters."""
    names = dict.fromkeys(name for run in runs for name in run.budget_by_meter_j)
    if figure not in ("energy_to_target", "energy") or len(names) < 2:
        return {}
    found = {}
    for name in names:
        each = [(run.budget_by_meter_j.get(name, {}), run.energy_j or 0.0) for run in runs]
        # Relative to each run's energy, as `mean_of` takes them.
        found[name] = terms.of_mean([terms.scaled(t, mean_j / j if j > 0 else 1.0) for t, j in each])
    return found


def _notes(runs: Sequence[Run], items: Sequence[BudgetItem], in_scatter: Sequence[str]) -> tuple[str, ...]:
    notes = []
    if any(run.energy_u_j and not run.budget_j for run in runs):
        notes.append(OLD_REPORT)
    if in_scatter:
        notes.append(f"{', '.join(in_scatter)}: within the scatter, so not added again (GUM 4.3.10)")
    elif any(item.term == SCATTER and item.share is None for item in items):
        notes.append("scatter: less than the readings alone explain, so they take its place (GUM 4.3.10)")
    return tuple(notes)
