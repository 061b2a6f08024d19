"""The whole life of a trained model: training once, and any number of inferences.

Of two works one may cost more to train and less to use: from so many inferences on it costs less in all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Literal

from energyprof.compare import budget
from energyprof.compare.change import collect
from energyprof.compare.figures import BY_NAME
from energyprof.compare.inference import inferences, told
from energyprof.compare.statistics.mean import Mean
from energyprof.report.facts import number
from energyprof.report.phases import TEACHER
from energyprof.report.record import Phase, Report
from energyprof.storable.frozen import dataclass

# both: the second costs less from the first inference on, or more · from, until: from or until so many
# inferences the second costs less · unclear: their inferences, or their trainings, cannot be told apart.
Outcome = Literal["always", "never", "from", "until", "unclear"]


@dataclass(frozen=True)
class Cost:
    """An amount with the half of its 95 % interval, without the gain that both works have in common."""

    value: float
    u: float


@dataclass(frozen=True)
class Life:
    """Two works' lives at one batch size, in one unit."""

    first: str  # labels of the reports
    second: str
    batch: int
    kinds: tuple[str, str]  # of the model that each infers with: the one that takes least
    unit: Literal["J", "CPU-s"]  # CPU-s: no meter read both
    outcome: Outcome
    inferences: float | None  # where the two cost the same; None: nowhere
    low: float | None = None  # the ends of where that may be
    high: float | None = None  # None: no bound


def lives(reports: Sequence[Report], labels: Sequence[str]) -> tuple[Life, ...]:
    """Each report's life against the first's, at every batch size that both measured."""
    found = []
    for report, label in zip(reports[1:], labels[1:], strict=True):
        for batch in sorted(_batches(reports[0]) & _batches(report)):
            life = _life(reports[0], report, (labels[0], label), batch)
            found += [life] if life is not None else []
    return tuple(found)


def crossing(
    training: tuple[Cost, Cost], inference: tuple[Cost, Cost]
) -> tuple[Outcome, float | None, float | None, float | None]:
    """Whether and where the second's life begins or ceases to cost less than the first's, with the ends.

    The ends are those of the quotient of two intervals, the widest that they allow.
    """
    more = training[1].value - training[0].value
    saved = inference[0].value - inference[1].value
    u_more, u_saved = (math.hypot(a.u, b.u) for a, b in (training, inference))
    if abs(saved) <= u_saved:
        return "unclear", None, None, None
    if abs(more) <= u_more:
        # From somewhere between none and so many on, as far as the trainings can be told apart.
        bound = (abs(more) + u_more) / (abs(saved) - u_saved)
        return ("from" if saved > 0 else "until"), max(0.0, more / saved), 0.0, bound
    if (more > 0) != (saved > 0):
        return ("always" if saved > 0 else "never"), None, None, None
    low = (abs(more) - u_more) / (abs(saved) + u_saved)
    high = (abs(more) + u_more) / (abs(saved) - u_saved)
    return ("from" if saved > 0 else "until"), more / saved, low, high


def _batches(report: Report) -> set[int]:
    return {found.batch for found in inferences(report)}


def _life(first: Report, second: Report, labels: tuple[str, str], batch: int) -> Life | None:
    """In joules, or in processor time where a side's meters do not tell its joules."""
    for unit, of in _UNITS:
        a, b = of(first, batch), of(second, batch)
        if a is not None and b is not None:
            outcome, *where = crossing((a.training, b.training), (a.inference, b.inference))
            return Life(*labels, batch, (a.kind, b.kind), unit, outcome, *where)
    return None


@dataclass(frozen=True)
class _Side:
    kind: str  # of the model that takes least an inference
    training: Cost
    inference: Cost


def _joules(report: Report, batch: int) -> _Side | None:
    training = budget.energy(report)
    if training is None:
        return None
    taught_j = _teacher(report, lambda phase: phase.energy_j, "teacher_energy_j")
    cost = Cost(training.mean_j + taught_j, training.one_device.expanded)
    each = {found.kind: found.energy_j for found in inferences(report) if found.batch == batch}
    return _cheapest(cost, each)


def _cpu_s(report: Report, batch: int) -> _Side | None:
    training = collect(BY_NAME["cpu_time"], report)
    if training is None:
        return None
    taught_s = _teacher(report, lambda phase: phase.cpu_s, "teacher_cpu_s")
    cost = Cost(training.mean.value + taught_s, training.mean.one_device.expanded)
    each = {found.kind: found.cpu_s for found in inferences(report) if found.batch == batch}
    return _cheapest(cost, each)


def _teacher(report: Report, of: Callable[[Phase], float | None], fact: str) -> float:
    """What training the teacher took, mean over the runs: here, or before (a ``fact``); 0 without one."""
    runs = budget.counting(report)
    phases = [[phase for phase in run.phases if phase.name == TEACHER] for run in runs]
    before = [number(run.facts, fact) or 0.0 for run in runs]
    sums = [
        math.fsum([earlier, *(of(phase) or 0.0 for phase in own)])
        for own, earlier in zip(phases, before, strict=True)
    ]
    return fmean(sums) if sums else 0.0


def _cheapest(training: Cost, each: Mapping[str, Mean | None]) -> _Side | None:
    known = {kind: mean for kind, mean in each.items() if mean is not None and told(mean)}
    if not known:
        return None
    kind = min(known, key=lambda name: known[name].value)
    return _Side(kind, training, Cost(known[kind].value, known[kind].one_device.expanded))


_UNITS: tuple[tuple[Literal["J", "CPU-s"], Callable[[Report, int], _Side | None]], ...] = (
    ("J", _joules),
    ("CPU-s", _cpu_s),
)
