"""Why a run does not count for a figure."""

from __future__ import annotations

import math
from collections.abc import Callable

from energyprof.compare.reasons import Reason, reason
from energyprof.report.energy import MIN_COVERAGE
from energyprof.report.record import Run
from energyprof.units import ending

# A reason why a run does not count for a figure, or None.
Exclusion = Callable[[Run], Reason | None]

# These say why a run has no joules; others that it may have do not.
_NO_JOULES = (
    "not_measured",
    "not_added",
    "no_reading",
    "lost",
    "negative_total",
    "zero_total",
    "implausible_total",
)


def broken(run: Run) -> Reason | None:
    """Why the training itself says nothing."""
    if run.status == "failed" and run.exit_code is None:
        return reason("failed", "failed")
    if run.status == "failed" and run.exit_code is not None:
        return reason("failed", f"failed with {ending(run.exit_code)}", exit_code=run.exit_code)
    return reason(run.status, run.status) if run.status in ("interrupted", "diverged") else None


def unmetered(run: Run) -> Reason | None:
    """Why the run's joules cannot be used."""
    if run.energy_j is None:
        told = [flag.words for flag in run.flags if flag.kind in _NO_JOULES]
        why = f" ({'; '.join(told or [flag.words for flag in run.flags])})" if run.flags else ""
        return reason("energy_not_measured", f"energy not measured{why}")
    if run.energy_j <= 0:
        return _zero(run.energy_j)
    if run.coverage is None:
        return reason("coverage_unknown", "it is not known how much of the run the meters cover")
    return _uncovered(run.coverage, "it") if run.coverage < MIN_COVERAGE else None


def _zero(energy_j: float) -> Reason:
    return reason("energy_zero", "0 J: shorter than its meters can resolve", energy_j=energy_j)


def _uncovered(coverage: float, of: str) -> Reason:
    # Truncated, not rounded: 98.97 % must not read as the 99 % that it misses.
    words = f"the meters cover {math.floor(coverage * 1000) / 10} % of {of}, 99 % is needed"
    return reason("coverage_low", words, coverage=coverage, needed=MIN_COVERAGE)


def missed(run: Run) -> Reason | None:
    """Why the run has no figure at the target."""
    if run.status != "missed":
        return None
    numbers = {"score": run.score, "samples": run.samples}
    return reason("target_missed", "target missed", **{k: x for k, x in numbers.items() if x is not None})


def no_target(run: Run) -> Reason | None:
    """Why the run has reached none."""
    return None if run.status == "reached" else reason("no_target", "no target")


def has_target(run: Run) -> Reason | None:
    """Why the run has no figure of trainings that just end."""
    return None if run.status == "done" else reason("has_target", "it has a target")


# So late a reading may come on a busy machine, such as at a program's start.
DELAY_S = 0.5


def unseen(run: Run) -> Reason | None:
    """Why the joules of the whole program, start-up and end included, cannot be used."""
    if run.total_energy_j is None:
        return reason("energy_not_measured", "energy not measured")
    if run.total_energy_j <= 0:
        return _zero(run.total_energy_j)
    phases = [phase for phase in run.phases if not phase.actor]
    seen = [(phase.coverage, phase.end_s - phase.start_s) for phase in phases]
    whole_s = math.fsum(span_s for _, span_s in seen)
    covered_s = math.fsum((coverage or 0.0) * span_s for coverage, span_s in seen)
    if covered_s < MIN_COVERAGE * whole_s - DELAY_S:
        return _uncovered(covered_s / whole_s, "the whole program")
    return None
