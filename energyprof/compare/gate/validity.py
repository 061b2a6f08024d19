"""Which runs may be judged at all, by a gate or by a comparison's words.

One that may not be spoils its whole report, since none is dropped: what is left would be a choice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from energyprof.compare import bank
from energyprof.compare.change import collect
from energyprof.compare.exclusions import Exclusion, broken, missed, unmetered
from energyprof.compare.figures import BY_NAME, run_name
from energyprof.compare.gate.limits import LIMITED, choice
from energyprof.compare.gate.waivers import NONE, Waived, Waivers, split
from energyprof.compare.mismatches import NAMED
from energyprof.compare.reasons import Invalidity, Reason, at, of_flag, reason
from energyprof.errors import UsageError
from energyprof.report.flags import Flag
from energyprof.report.record import Report, Run, WorkloadRecord
from energyprof.storable.frozen import dataclass

# Every reason of one kind why a run cannot be judged; none: it can, as far as this goes.
Finder = Callable[[Run], Sequence[Reason]]


def excluded(exclusion: Exclusion) -> Finder:
    """The reason of a figure's exclusion."""
    return lambda run: [why] if (why := exclusion(run)) is not None else []


def disturbed(names: Collection[str]) -> Finder:
    """Why figures of a run, among them those that ``names`` say, are not those of the work alone."""
    return lambda run: [of_flag(flag) for flag in run.flags if any(map(flag.invalidates, names))]


def suspect(work: WorkloadRecord) -> Finder:
    """Why a run is probably not of the ``work`` that it claims to be."""
    reference = bank.bank_of(work)

    def finder(run: Run) -> list[Reason]:
        found = bank.faster(reference, run)
        if found is None:
            return []
        words = f"faster than the reference runs, so the work has probably changed ({found})"
        return [replace(found, words=words)]

    return finder


def exclusions(names: Collection[str], work: WorkloadRecord) -> list[Finder]:
    """What no run of the ``work`` may have if it is judged by the figures ``names``."""
    kept_out = {exclusion for name in names for exclusion in BY_NAME[name].exclusions}
    needed = [excluded(exclusion) for exclusion in (unmetered, missed) if exclusion in kept_out]
    return [excluded(broken), suspect(work), *needed, disturbed(names)]


@dataclass(frozen=True)
class Validity:
    """What cannot be judged in two reports, and what was overlooked of that."""

    invalid: tuple[Invalidity, ...]
    waived: tuple[Waived, ...] = ()


def validity(
    new: tuple[Report, str],
    baseline: tuple[Report, str] | None,
    names: Collection[str],
    waivers: Waivers = NONE,
) -> Validity:
    """Each reason why runs cannot be judged by the figures ``names``, of reports and their labels.

    A new report that misses the target is never a pass, whatever its energy; a miss in the baseline only
    keeps that run out of the figures to target.

    Raises:
        UsageError: no run of a report has a figure.
    """
    sides = [new, baseline] if baseline else [new]
    found: list[Invalidity] = []
    waived: list[Waived] = []
    for report, label in sides:
        finders = exclusions(names, report.workload)
        if report is new[0]:
            finders = [excluded(missed), *finders]
        kept, overlooked = of_runs(report, label, finders, waivers)
        found, waived = [*found, *kept], [*waived, *overlooked]
    if not found:
        for report, label in sides:
            lacking = [one for name in names for one in incomplete(report, label, name)]
            here = split((*_together(report, label), *lacking), report.workload.name, waivers)
            found, waived = [*found, *here[0]], [*waived, *here[1]]
    return Validity(tuple(found), tuple(waived))


def of_runs(
    report: Report, label: str, finders: Sequence[Finder], waivers: Waivers = NONE
) -> tuple[list[Invalidity], list[Waived]]:
    """Why runs of ``report`` cannot be judged: of each the reasons of the first kind that is not waived."""
    if not report.runs:
        return [at(reason("no_runs", "it has no runs"), label)], []
    found: list[Invalidity] = []
    waived: list[Waived] = []
    for i, run in enumerate(report.runs):
        for finder in finders:
            here = [at(why, label, run_name(report, i)) for why in finder(run)]
            kept, overlooked = split(here, report.workload.name, waivers)
            waived += overlooked
            if kept:
                found += kept
                break
    return found, waived


def every_reason(report: Report, label: str) -> list[Invalidity]:
    """All why runs of ``report`` could not be judged by some figure, of each run every kind."""
    if not report.runs:
        return [at(reason("no_runs", "it has no runs"), label)]
    finders = exclusions(LIMITED, report.workload)
    return [
        *(
            at(why, label, run_name(report, i))
            for i, run in enumerate(report.runs)
            for finder in finders
            for why in finder(run)
        ),
        *_together(report, label),
    ]


def unjudgeable(report: Report, name: str) -> tuple[str, ...]:
    """Why nothing may be said of the figure ``name`` of ``report``, though it may be shown: what makes a
    check that is limited by this figure invalid, a run missed by a figure of the target included.
    """
    lines = _grouped(report, exclusions([name], report.workload))
    if not lines and (faster := bank.faster_together(report)) is not None:
        lines = [f"faster than the reference runs together ({faster})"]
    return tuple(lines)


def _grouped(report: Report, finders: Sequence[Finder]) -> list[str]:
    """A line for each reason, with the runs that have it: ``runs 4, 5: target missed``."""
    numbers: dict[str, list[int]] = {}
    for i, run in enumerate(report.runs):
        if found := next((found for finder in finders if (found := finder(run))), ()):
            words = "; ".join(dict.fromkeys(one.words for one in found))
            numbers.setdefault(words, []).append(i)
    lines = []
    for words, places in numbers.items():
        which = ", ".join(str(i + 1) for i in places[:NAMED])
        more = f" and {len(places) - NAMED} more" if len(places) > NAMED else ""
        named = run_name(report, places[0]) if len(places) == 1 else f"runs {which}{more}"
        lines.append(f"{'every run' if len(places) == len(report.runs) > 1 else named}: {words}")
    return lines


def incomplete(report: Report, label: str, name: str) -> list[Invalidity]:
    """The sound runs that still lack the figure, or have it at 0.

    Raises:
        UsageError: none of them has it.
    """
    collected = collect(BY_NAME[name], report)
    if collected is None:
        has = [other for other in LIMITED if collect(BY_NAME[other], report)]
        raise UsageError(f"{label} has no {name}; {choice(has)}")
    if collected.logs is None:
        return [at(reason("figure_zero", f"{name} is 0 in a run, so there is no ratio", figure=name), label)]
    n, runs = len(collected.values), len(report.runs)
    words = f"only {n} of {runs} runs have {name}"
    return [at(reason("figure_incomplete", words, figure=name, n=n, runs=runs), label)] if n < runs else []


def doubts(report: Report, label: str) -> tuple[tuple[str, Flag], ...]:
    """Flags that do not make a run invalid but may explain its verdict, each with where it stands."""
    return tuple(
        (f"{label}, {run_name(report, i)}", flag)
        for i, run in enumerate(report.runs)
        for flag in run.flags
        if flag.effect == "doubt"
    )


def _together(report: Report, label: str) -> list[Invalidity]:
    """If no single run is too fast for the bank but all of them together are."""
    found = bank.faster_together(report)
    if found is None:
        return []
    return [at(replace(found, words=f"faster than the reference runs together ({found})"), label)]
