"""The figures that are compared: what each is, and which runs may enter it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from energyprof.report import Report, Run

# Runs whose meters cover less of the time are invalid, not trimmed.
MIN_COVERAGE = 0.99

# A reason for which a run may not enter a figure, or None.
Bar = Callable[[Run], str | None]


@dataclass(frozen=True)
class Figure:
    """One number a run, and what must hold for the run to have it."""

    name: str
    unit: str  # "" where it has none
    of: Callable[[Run], float | None]
    better: Literal["lower"] | None  # None: neither way is worse, so it has no limit
    bars: tuple[Bar, ...]
    u_rel: Callable[[Run], float]  # relative standard uncertainty of one value without the gain


def broken(run: Run) -> str | None:
    """Why the training itself tells nothing."""
    if run.status == "failed":
        return "failed" if run.exit_code is None else f"failed with exit code {run.exit_code}"
    return run.status if run.status in ("interrupted", "diverged") else None


def unmetered(run: Run) -> str | None:
    """Why the run's joules cannot be used."""
    if run.energy_j is None:
        return "energy not measured" + (f" ({', '.join(run.flags)})" if run.flags else "")
    if run.energy_j <= 0:
        return "0 J: shorter than its meters can resolve"
    if run.coverage is None:
        return "how much of the run the meters cover is not known"
    if run.coverage < MIN_COVERAGE:
        # Cut, not rounded: 98.97 % must not read as the 99 % that it misses.
        return f"the meters cover {math.floor(run.coverage * 1000) / 10} % of it, 99 % is needed"
    return None


def missed(run: Run) -> str | None:
    """Why the run has no figure at the target."""
    return "target missed" if run.status == "missed" else None


def _no_target(run: Run) -> str | None:
    return None if run.status == "reached" else "no target"


def _has_target(run: Run) -> str | None:
    return None if run.status == "done" else "it has a target"


def _energy_per_sample(run: Run) -> float | None:
    """J a trained sample over the phases named ``train``: no start-up, warm-up or evaluation."""
    phases = [phase for phase in run.phases if phase.name == "train"]
    samples = sum(phase.samples or 0 for phase in phases)
    joules = [phase.energy_j for phase in phases if phase.energy_j is not None]
    if not samples or len(joules) < len(phases):
        return None
    return math.fsum(joules) / samples


def _energy(run: Run) -> float | None:
    return run.energy_j


def _power(run: Run) -> float | None:
    return run.energy_j / run.time_s if run.energy_j is not None and run.time_s else None


def reading_u(run: Run) -> float:
    """Relative standard uncertainty of the run's joules without their gain; 0: it is not known."""
    if not run.energy_j or run.energy_u_j is None or run.gain_u_j is None:
        return 0.0
    return math.sqrt(max(0.0, run.energy_u_j**2 - run.gain_u_j**2)) / 2 / run.energy_j


def train_u(run: Run) -> float:
    """The same of the joules of its train phases, whose errors are independent; the run's without budgets."""
    phases = [phase for phase in run.phases if phase.name == "train" and phase.energy_j is not None]
    joules = math.fsum(phase.energy_j or 0.0 for phase in phases)
    if joules <= 0 or not all(phase.budget_j for phase in phases):
        return reading_u(run)
    terms_j = [u_j for phase in phases for term, u_j in phase.budget_j.items() if term != "gain"]
    return math.hypot(*terms_j) / joules


def gain_u(run: Run) -> float | None:
    """Relative standard uncertainty of the run's joules that all runs on its meters share.

    All of it where the report does not split it; None where there is none.
    """
    expanded_j = run.energy_u_j if run.gain_u_j is None else run.gain_u_j
    return expanded_j / 2 / run.energy_j if expanded_j is not None and run.energy_j else None


def _evaluation_u(run: Run) -> float:
    """Samples are counted in steps of an evaluation: a rectangle of that width (GUM 4.3.7)."""
    if len(run.history) < 2:
        return 0.0
    before, last = run.history[-2:]
    return (last.samples - before.samples) / math.sqrt(12) / last.samples if last.samples else 0.0


def _exact(run: Run) -> float:
    return 0.0


_REACHED = (broken, missed, _no_target)
_DONE = (broken, _has_target)
_METERED = (broken, unmetered)

FIGURES = (
    Figure("energy_per_sample", "J", _energy_per_sample, "lower", _METERED, train_u),
    Figure("samples_to_target", "", lambda r: r.samples, "lower", _REACHED, _evaluation_u),
    Figure("energy_to_target", "J", _energy, "lower", (*_REACHED, unmetered), reading_u),
    Figure("time_to_target", "s", lambda r: r.time_s, "lower", _REACHED, _exact),
    Figure("energy", "J", _energy, "lower", (*_DONE, unmetered), reading_u),
    Figure("time", "s", lambda r: r.time_s, "lower", _DONE, _exact),
    Figure("power", "W", _power, None, _METERED, reading_u),
    Figure("score", "", lambda r: r.score, None, (broken,), _exact),
)
BY_NAME = {figure.name: figure for figure in FIGURES}


def value(figure: Figure, run: Run) -> float | None:
    """The run's value; None where it may not enter the figure or does not have one."""
    if any(bar(run) for bar in figure.bars):
        return None
    return figure.of(run)


def left_out(report: Report) -> tuple[str, ...]:
    """The runs that enter no figure, or none of energy, and why; a line each."""
    if not report.runs:
        return ("it has no runs",)
    lines = []
    for i, run in enumerate(report.runs):
        if reason := broken(run):
            lines.append(f"{run_name(report, i)} left out: {reason}")
        elif reason := unmetered(run):
            lines.append(f"{run_name(report, i)} left out of energy and power: {reason}")
    return tuple(lines)


def run_name(report: Report, i: int) -> str:
    """Such as ``run 2 (seed 7)``."""
    seed = report.runs[i].seed
    return f"run {i + 1}" + ("" if seed is None else f" (seed {seed})")
