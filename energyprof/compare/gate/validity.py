"""Which runs may be judged at all, by a gate or by a comparison's words.

One that may not be spoils its whole report, since none is dropped: what is left would be a choice.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from energyprof.compare import bank
from energyprof.compare.change import collect
from energyprof.compare.figures import BY_NAME, Exclusion, broken, missed, run_name, unmetered
from energyprof.compare.gate.limits import LIMITED, choice
from energyprof.compare.mismatches import NAMED
from energyprof.errors import UsageError
from energyprof.report.flags import Flag
from energyprof.report.record import Report, Run, WorkloadRecord


def disturbed(names: Collection[str]) -> Exclusion:
    """Why figures of a run, among them those that ``names`` say, are not those of the work alone."""

    def exclusion(run: Run) -> str | None:
        spoilt = (flag.reason for flag in run.flags if any(map(flag.invalidates, names)))
        return "; ".join(dict.fromkeys(spoilt)) or None

    return exclusion


def suspect(work: WorkloadRecord) -> Exclusion:
    """Why a run is probably not of the ``work`` that it claims to be."""
    reference = bank.bank_of(work)

    def exclusion(run: Run) -> str | None:
        detail = bank.faster(reference, run)
        return detail and f"faster than the reference runs, so the work has probably changed ({detail})"

    return exclusion


def exclusions(names: Collection[str], work: WorkloadRecord) -> list[Exclusion]:
    """What no run of the ``work`` may have if it is judged by the figures ``names``."""
    kept_out = {exclusion for name in names for exclusion in BY_NAME[name].exclusions}
    needed: list[Exclusion] = [exclusion for exclusion in (unmetered, missed) if exclusion in kept_out]
    return [broken, suspect(work), *needed, disturbed(names)]


def invalid(
    new: tuple[Report, str], baseline: tuple[Report, str] | None, names: Collection[str]
) -> tuple[str, ...]:
    """A line for each run that cannot be judged by the figures ``names``, of reports and their labels.

    A new report that misses the target is never a pass, whatever its energy; a miss in the baseline only
    keeps that run out of the figures to target.

    Raises:
        UsageError: no run of a report has a figure.
    """
    lines = of_runs(*new, [missed, *exclusions(names, new[0].workload)])
    lines += of_runs(*baseline, exclusions(names, baseline[0].workload)) if baseline else []
    if not lines:
        for report, label in (new, baseline) if baseline else (new,):
            lines += _together(report, label)
            for name in names:
                lines += incomplete(report, label, name)
    return tuple(lines)


def of_runs(report: Report, label: str, exclusions: Sequence[Exclusion]) -> list[str]:
    """Why runs of ``report`` cannot be judged."""
    if not report.runs:
        return [f"{label} has no runs"]
    lines = []
    for i, run in enumerate(report.runs):
        reason = next((reason for exclusion in exclusions if (reason := exclusion(run))), None)
        if reason:
            lines.append(f"{label}, {run_name(report, i)}: {reason}")
    return lines


def unjudgeable(report: Report, name: str) -> tuple[str, ...]:
    """Why nothing may be said of the figure ``name`` of ``report``, though it may be shown: what makes a
    check that is limited by this figure invalid, a run missed by a figure of the target included.
    """
    lines = _grouped(report, exclusions([name], report.workload))
    if not lines and (faster := bank.faster_together(report)) is not None:
        lines = [f"faster than the reference runs together ({faster})"]
    return tuple(lines)


def _grouped(report: Report, exclusions: Sequence[Exclusion]) -> list[str]:
    """A line for each reason, with the runs that have it: ``runs 4, 5: target missed``."""
    numbers: dict[str, list[int]] = {}
    for i, run in enumerate(report.runs):
        if reason := next((why for exclusion in exclusions if (why := exclusion(run))), None):
            numbers.setdefault(reason, []).append(i)
    lines = []
    for reason, places in numbers.items():
        which = ", ".join(str(i + 1) for i in places[:NAMED])
        more = f" and {len(places) - NAMED} more" if len(places) > NAMED else ""
        named = run_name(report, places[0]) if len(places) == 1 else f"runs {which}{more}"
        lines.append(f"{'every run' if len(places) == len(report.runs) > 1 else named}: {reason}")
    return lines


def incomplete(report: Report, label: str, name: str) -> list[str]:
    """The sound runs that still lack the figure, or have it at 0.

    Raises:
        UsageError: none of them has it.
    """
    collected = collect(BY_NAME[name], report)
    if collected is None:
        has = [other for other in LIMITED if collect(BY_NAME[other], report)]
        raise UsageError(f"{label} has no {name}; {choice(has)}")
    if collected.logs is None:
        return [f"{label}: {name} is 0 in a run, so there is no ratio"]
    n, runs = len(collected.values), len(report.runs)
    return [f"{label}: only {n} of {runs} runs have {name}"] if n < runs else []


def doubts(report: Report, label: str) -> tuple[tuple[str, Flag], ...]:
    """Flags that do not make a run invalid but may explain its verdict, each with where it stands."""
    return tuple(
        (f"{label}, {run_name(report, i)}", flag)
        for i, run in enumerate(report.runs)
        for flag in run.flags
        if flag.effect == "doubt"
    )


def _together(report: Report, label: str) -> list[str]:
    """A line if no single run is too fast for the bank but all of them together are."""
    faster = bank.faster_together(report)
    return [] if faster is None else [f"{label}: faster than the reference runs together ({faster})"]
