"""What reaching the target would cost on a machine that ran a little of the work; nothing is trained."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from energyprof.compare import emissions
from energyprof.compare.exclusions import broken, unmetered
from energyprof.compare.figures import run_name
from energyprof.compare.machines import machine_name
from energyprof.compare.samples_to_target import Samples, work_name
from energyprof.compare.statistics.mean import Mean, mean_of_amounts, together
from energyprof.compare.statistics.terms import Amount, of_phases, scaled
from energyprof.errors import NotComparable, UsageError
from energyprof.meter import Origin
from energyprof.report.phases import counts
from energyprof.report.record import Phase, Report, Run
from energyprof.report.uncertainty import BELOW, COMMON, GAIN, SCATTER
from energyprof.storable.frozen import dataclass
from energyprof.workload import Target

ONE_RUN = "one run: the intervals do not include how its energy and time vary from run to run"
NO_EVALUATION = "no evaluation was measured, so the figures leave it out and are too low by that much"


# An interval that reaches down to nothing has no logarithm there: this much is taken for it.
_MOST_BELOW = 0.999


@dataclass(frozen=True)
class Prediction:
    """One figure of trainings that have not taken place."""

    name: str
    unit: str
    mean: float
    # Relative, expanded (95 %): half the interval in logarithms, the wider one; None: not known.
    u_rel: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Forecast:
    """What trainings to the target would take on a report's machine."""

    workload: str
    size: str | None
    id: str
    target: Target | None
    machine: str
    boundary: str | None
    origin: Origin  # of the joules that it stands on
    repeats: int  # trainings whose geometric mean is predicted
    runs: int  # that it is based on
    samples_from: str
    figures: tuple[Prediction, ...]
    factors: tuple[Prediction, ...]  # whose product is the energy
    grid: emissions.Grid | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Spent:
    """What one run spent, in J or in s."""

    sample: Amount  # one of the train phases
    evaluation: Amount | None  # one, with what else recurs with it, such as checkpoints
    start: float  # the warm-up, beyond what its samples take later


@dataclass(frozen=True)
class _Means:
    """The same over several runs."""

    sample: Mean
    evaluation: Mean | None
    start: Mean


def estimate(
    report: Report, samples: Samples, label: str, repeats: int = 1, grid: emissions.Grid | None = None
) -> Forecast:
    """What ``repeats`` trainings to the target take, in their geometric mean, where ``report`` was measured.

    Raises:
        UsageError: no run of the report has energy and samples of a train phase, or ``repeats`` is below 1.
    """
    if repeats < 1:
        raise UsageError(f"--repeats {repeats}: use 1 or more")
    kept, notes = _kept(report)
    if not kept:
        raise UsageError(f"{label}: nothing to predict from: " + ("; ".join(notes) or "it has no runs"))
    notes = [*samples.notes, *notes]
    energy_j = _means([_spent(phases, _joules, run) for run, phases in kept])
    time_s = _means([_spent(phases, _seconds, None) for _, phases in kept])
    notes += [ONE_RUN] if len(kept) == 1 else []
    notes += [NO_EVALUATION] if energy_j.evaluation is None else []
    energy = _predicted("energy_to_target", "J", samples, energy_j, repeats)
    figures = [energy, _predicted("time_to_target", "s", samples, time_s, repeats)]
    if grid is not None:
        factor = emissions.grams(1.0, grid)
        low, high = (None if end is None else factor * end for end in (energy.low, energy.high))
        figures.append(Prediction("emissions", "g CO2e", factor * energy.mean, energy.u_rel, low, high))
    sample_j = energy_j.sample
    work = report.workload
    return Forecast(
        work.name,
        work.size,
        work.work,
        work.target,
        machine_name(report),
        report.boundary,
        report.origin,
        repeats,
        len(kept),
        samples.source,
        tuple(figures),
        (
            _of_mean("energy_per_sample", "J", sample_j),
            _figure("samples_to_target", "", samples.mean, together([_log_u(samples, repeats)]).expanded),
            _figure("on_top", "", energy.mean / (sample_j.value * samples.mean), None),
        ),
        grid,
        tuple(notes),
    )


def must_be(report: Report, label: str, name: str, size: str | None) -> None:
    """Check that the report is of the workload ``name``, and of ``size`` if that is given.

    Raises:
        NotComparable: it is not.
    """
    work = report.workload
    if work.name != name or size not in (None, work.size):
        asked, has = work_name(name, size), work_name(work.name, work.size)
        raise NotComparable(f"{label} is of {has}, not of {asked}: name a report of {asked} with --from")


def _kept(report: Report) -> tuple[list[tuple[Run, Sequence[Phase]]], list[str]]:
    """The runs that show what a sample takes, with their phases; and why the others do not."""
    kept, notes = [], []
    for i, run in enumerate(report.runs):
        phases = _whole(run)
        reason = str(unmetered(run) or _shared(run) or "")
        if not reason and sum(phase.energy_j or 0.0 for phase in _train(phases)) <= 0:
            reason = "no train phase with energy and samples"
        if not reason:
            kept.append((run, phases))
        else:
            notes.append(f"{run_name(report, i)} left out: {reason}")
    return kept, notes


def _shared(run: Run) -> str | None:
    """Why the run's joules are not its own: others computed on its devices."""
    return next((flag.reason for flag in run.flags if flag.kind == "foreign"), None)


def _whole(run: Run) -> Sequence[Phase]:
    """The phases that count, without one that was cut off: there energy went on after samples stopped."""
    phases = [phase for phase in run.phases if counts(phase.name)]
    return phases[:-1] if broken(run) and _train(phases[:-1]) else phases


def _train(phases: Sequence[Phase]) -> list[Phase]:
    return [p for p in phases if p.name == "train" and p.samples and p.energy_j is not None]


def _joules(phase: Phase) -> float:
    return phase.energy_j or 0.0


def _seconds(phase: Phase) -> float:
    return phase.end_s - phase.start_s


def _spent(phases: Sequence[Phase], amount: Callable[[Phase], float], run: Run | None) -> _Spent:
    """``run`` has the uncertainties of what is spent; None: it has none, as of time."""

    def per(some: Sequence[Phase], n: int) -> Amount:
        terms = {} if run is None else scaled(of_phases(run, some), 1 / n)
        return math.fsum(map(amount, some)) / n, terms

    train = _train(phases)
    sample = per(train, sum(phase.samples or 0 for phase in train))
    warmup = [phase for phase in phases if phase.name == "warmup" and phase.energy_j is not None]
    start = math.fsum(amount(phase) - (phase.samples or 0) * sample[0] for phase in warmup)
    recurring = [p for p in phases if p.name not in ("train", "warmup") and p.energy_j is not None]
    evaluations = sum(phase.name == "eval" for phase in recurring)
    return _Spent(sample, per(recurring, evaluations) if evaluations else None, start)


def _means(spent: Sequence[_Spent]) -> _Means:
    evaluations = [one.evaluation for one in spent if one.evaluation is not None]
    return _Means(
        mean_of_amounts([one.sample for one in spent]),
        mean_of_amounts(evaluations) if evaluations else None,
        mean_of_amounts([(one.start, {}) for one in spent]),
    )


def _predicted(name: str, unit: str, samples: Samples, means: _Means, repeats: int) -> Prediction:
    """Samples × (a sample + an evaluation / samples between two of them) + the start.

    The relative variances of a product's factors add (GUM 5.1.6), each with its sensitivity; what all
    readings of the same meters share is added before squaring (GUM 5.2.2, note 1); the degrees of freedom
    are Welch and Satterthwaite's (GUM G.4.1).
    """
    pieces = [(samples.mean, means.sample), (1.0, means.start)]
    if means.evaluation is not None:
        pieces.append((samples.mean / samples.every, means.evaluation))
    total = math.fsum(factor * mean.value for factor, mean in pieces)
    log_u, dof = _log_u(samples, repeats)
    parts: list[tuple[float, float | None]] = [((total - means.start.value) * log_u, dof)]
    shared = {term: math.fsum(f * mean.terms.get(term, 0.0) for f, mean in pieces) for term in COMMON}
    parts += [(u, None) for term, u in shared.items() if term not in (GAIN, BELOW)]
    parts += [(factor * u, dof) for factor, mean in pieces for u, dof in [_own(mean, repeats)]]
    if not any(BELOW in mean.terms for _, mean in pieces):
        return _figure(name, unit, total, together([*parts, (shared[GAIN], None)]).expanded / total)
    down = math.fsum(f * mean.terms.get(BELOW, mean.terms.get(GAIN, 0.0)) for f, mean in pieces)
    rest = together(parts).expanded / total
    return _two_sided(name, unit, total, rest, 2 * down / total, 2 * shared[GAIN] / total)


def _of_mean(name: str, unit: str, mean: Mean) -> Prediction:
    if mean.total.below == mean.total.above or mean.value <= 0:
        return _figure(name, unit, mean.value, mean.u_rel)
    below, above = (half / mean.value for half in (mean.total.below, mean.total.above))
    return _two_sided(name, unit, mean.value, 0.0, below, above)


def _two_sided(name: str, unit: str, mean: float, rest: float, below: float, above: float) -> Prediction:
    """A gain that may be ``below`` and ``above`` off, relative, beside a half-width ``rest`` of logs."""
    down = math.hypot(-math.log1p(-min(below, _MOST_BELOW)), rest)
    up = math.hypot(math.log1p(above), rest)
    low, high = _figure(name, unit, mean, down).low, _figure(name, unit, mean, up).high
    return Prediction(name, unit, mean, max(down, up), low, high)


def _log_u(samples: Samples, repeats: int) -> tuple[float, float | None]:
    return samples.log_u(repeats), samples.n - 1


def _own(mean: Mean, repeats: int) -> tuple[float, float | None]:
    """How much a mean over runs and that of ``repeats`` more differ, and its degrees of freedom."""
    if SCATTER in mean.terms and SCATTER not in mean.aside:
        return mean.terms[SCATTER] * math.sqrt(1 + mean.n / repeats), mean.n - 1
    own = [u for term, u in mean.terms.items() if term not in (*COMMON, SCATTER)]
    return math.hypot(*own), None


def _figure(name: str, unit: str, mean: float, u_rel: float | None) -> Prediction:
    if u_rel is None:
        return Prediction(name, unit, mean, None, None, None)
    # An interval in logarithms, in which a product scatters symmetrically.
    wide = min(u_rel, 700.0)
    return Prediction(name, unit, mean, u_rel, mean * math.exp(-wide), mean * math.exp(wide))
