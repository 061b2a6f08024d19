"""Two reports and their limits: whether they can be judged, and what was measured for each limit."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import field
from typing import Literal

from energyprof.compare.change import Change, collect
from energyprof.compare.contrast import contrast
from energyprof.compare.figures import BY_NAME
from energyprof.compare.gate.control import Controls
from energyprof.compare.gate.fit_for import fit_for
from energyprof.compare.gate.limits import (
    DEFAULT_MARGIN,
    SHOWN,
    WHOLE,
    Claims,
    Limit,
    beside_claims,
    default_limits,
    reject_duplicates,
)
from energyprof.compare.gate.noise import Noise, unfit
from energyprof.compare.gate.noise import known as noise_known
from energyprof.compare.gate.validity import doubts, unjudgeable, validity
from energyprof.compare.gate.verdict import Design, Trial
from energyprof.compare.gate.waivers import NONE, Waived, Waivers
from energyprof.compare.machines import weakly_known
from energyprof.compare.mismatches import Aspect, mismatches, refuse, same_script
from energyprof.compare.reasons import Invalidity, at, reason
from energyprof.compare.sessions import SAME_EVERY_DAY, TOGETHER, UNKNOWN, Known, apart, sessions_said
from energyprof.compare.statistics import sequential
from energyprof.compare.statistics.intervals import ALPHA
from energyprof.compare.statistics.robust import named
from energyprof.report.flags import Flag
from energyprof.report.record import Report
from energyprof.storable.frozen import dataclass

MUST_AGREE: tuple[Aspect, ...] = ("work", "boundary", "origin", "meters", "machine")


_ALLOW_MACHINE = "if it is one machine: --allow machine; name it with --machine when you measure"


@dataclass(frozen=True)
class Case:
    """A report to judge, and what to judge it against."""

    new: Report
    baseline: Report
    labels: tuple[str, str]
    noise: Noise | None = None  # what lies beside the baseline
    work: str = ""  # its name if there are several
    claims: Claims = "believed"  # what the programs say of themselves
    # How much sessions differ, by what else is known than the noise.
    known: Known = field(default_factory=lambda: UNKNOWN)
    waivers: Waivers = NONE
    controls: Controls | None = None  # of the machine; None: it is not asked whether that was fit


@dataclass(frozen=True)
class Evidence:
    """What one case contributes; with ``invalid`` reasons there are no ``trials``."""

    trials: tuple[Trial, ...] = ()
    invalid: tuple[Invalidity, ...] = ()
    information: tuple[tuple[str, Change], ...] = ()  # figures without a limit
    notes: tuple[str, ...] = ()
    doubts: tuple[tuple[str, Flag], ...] = ()  # where, and the flag
    next_look: int | None = None  # in pairs; None: no further look
    waived: tuple[Waived, ...] = ()


def examine(case: Case, limits: Sequence[Limit], allow: Collection[str] = ()) -> Evidence:
    """What was measured for ``limits`` (none: `default_limits`).

    With ``machine`` in ``allow`` it need not be known to be one machine; of two, both meters' errors count.

    Raises:
        NotComparable: work, boundary, origin, meters or machine differ.
        UsageError: a figure is limited twice, or the reports do not have it.
    """
    new, baseline, labels = case.new, case.baseline, case.labels
    series = sequential.one_series(new, baseline)
    # A change is what is judged: of the code of a script, or of all that the two sides of a series name.
    changed = series or same_script(new.workload, baseline.workload)
    kinds = [kind for kind in MUST_AGREE if not (changed and kind == "work")]
    found = mismatches((new, baseline), labels, kinds)
    barring = [mismatch for mismatch in found if mismatch.kind not in allow]
    refuse(
        barring,
        f"{labels[0]} cannot be judged against {labels[1]}: they measure different things",
        _ALLOW_MACHINE if {mismatch.kind for mismatch in barring} == {"machine"} else "",
    )
    noise, notes = _fitting(case)
    notes += [f"allowed to differ, {o.kind}: {o.message}" for o in found if o.kind in allow]
    notes += weakly_known((new, baseline), labels)
    judged_by = reject_duplicates(limits) or default_limits(new, baseline, noise)
    if not limits and noise is not None:
        notes += [
            f"the limit on {limit.figure} is twice this machine's own variation"
            for limit in judged_by
            if limit.margin > DEFAULT_MARGIN
        ]
    if case.claims == "doubted":
        judged_by = beside_claims(judged_by, new, baseline)
        notes += _claimed([limit.figure for limit in judged_by])
    notes += [f"the work differs: {o.message}" for o in mismatches((new, baseline), labels, ["work"])]
    names = [limit.figure for limit in judged_by]
    sides = ((new, labels[0]), (baseline, labels[1]))
    found_invalid = validity(*sides, names, case.waivers)
    machine = fit_for(sides, case.controls, case.waivers)
    notes += [*case.waivers.notes, *machine.notes]
    waived = (*machine.waived, *found_invalid.waived)
    if lines := (*machine.invalid, *found_invalid.invalid):
        return Evidence(invalid=lines, notes=tuple(notes), waived=waived)
    plan = _plan(new, baseline)
    if not min(plan.counts):
        why = at(reason("no_pairs", "no complete pair of runs"), f"{labels[0]} and {labels[1]}")
        return Evidence(invalid=(why,), notes=tuple(notes), waived=waived)
    wanted = dict.fromkeys((*SHOWN, *names))
    far = apart(new, baseline)
    known = case.known if noise is None else {**noise_known(noise), **case.known}
    changes = {name: contrast(BY_NAME[name], new, baseline, allow, far=far, known=known) for name in wanted}
    return Evidence(
        tuple(
            Trial(
                limit,
                found_in.whole,
                plan.counts,
                plan.design,
                plan.alpha,
                plan.looked,
                case.work,
                found_in.alone,
                found_in.left.reasons,
            )
            for limit in judged_by
            if (found_in := changes[limit.figure])
        ),
        # Of what no limit could be judged by, such as a figure of the runs that happened to reach the target,
        # a change says nothing either.
        information=tuple(
            (name, found_in.change(None))
            for name, found_in in changes.items()
            if found_in and name not in names and not any(unjudgeable(side, name) for side in (new, baseline))
        ),
        notes=(
            *notes,
            *plan.notes,
            *_outliers(case, names),
            *sessions_said((labels[1], labels[0]), (TOGETHER, far), _of(known, names)),
        ),
        doubts=tuple(
            doubt for r, label in zip((new, baseline), labels, strict=True) for doubt in doubts(r, label)
        ),
        next_look=plan.next_look,
        waived=waived,
    )


@dataclass(frozen=True)
class _Plan:
    """The planned looks at the two sides."""

    design: Design
    counts: tuple[int, int]
    alpha: float
    looked: Literal["now", "not yet"]
    next_look: int | None
    notes: tuple[str, ...]


def _plan(new: Report, baseline: Report) -> _Plan:
    counts, pairs = (len(new.runs), len(baseline.runs)), sequential.pairs_of(new, baseline)
    if pairs is None or new.series is None:
        taken = sequential.looks_taken(new, baseline)
        paid = (_paid(taken),) if taken > 1 else ()
        return _Plan("apart", counts, ALPHA / taken, "now", None, paid)  # Bonferroni: no look was planned
    n, looks = len(pairs.new), new.series.looks
    notes = []
    if left := sum(counts) - 2 * n:
        notes.append(f"{left} run{'s' if left > 1 else ''} without a partner left out")
    due = not looks or n in looks or n > max(looks)
    if not due:
        notes.append(f"{n} pairs: no verdict between the planned looks ({_listed(looks)} pairs)")
    elif len(looks) > 1:
        notes.append(
            f"looks were planned at {_listed(looks)} pairs: each may err in "
            f"{100 * sequential.alpha(looks):.2g} %, all together in 5 %"
        )
    coming = sequential.next_look(n, looks)
    return _Plan("pairs", (n, n), sequential.alpha(looks), "now" if due else "not yet", coming, tuple(notes))


def _outliers(case: Case, names: Sequence[str]) -> list[str]:
    """A line for each run that is far from its report's others in a figure that is limited."""
    lines: list[str] = []
    for report, label in zip((case.new, case.baseline), case.labels, strict=True):
        for name in names:
            values = collect(BY_NAME[name], report)
            if values is not None and values.logs is not None:
                lines += named(values.logs, f"{name.replace('_', ' ')} of {label}")
    return lines


def _paid(looks: int) -> str:
    times = "once" if looks == 2 else f"{looks - 1} times"
    return (
        f"runs were added {times}, maybe after a look: each of {looks} looks may err in "
        f"{100 * ALPHA / looks:.2g} %, all together in 5 %"
    )


def _of(known: Known, names: Sequence[str]) -> Known:
    """As far as it is of all the figures ``names``."""
    return known if all(name in known or name in SAME_EVERY_DAY for name in names) else UNKNOWN


def _fitting(case: Case) -> tuple[Noise | None, list[str]]:
    """The noise beside the baseline if it applies, else why not."""
    if case.noise is None:
        return None, []
    why = unfit(case.noise, case.baseline)
    if why is None:
        return case.noise, []
    return None, [f"the noise file beside {case.labels[1]} was not used: {why}"]


def _claimed(figures: Sequence[str]) -> list[str]:
    """What of a verdict rests on the program's own word."""
    said = [name.replace("_", " ") for name in figures if name not in WHOLE]
    seen = [name.replace("_", " ") for name in figures if name in WHOLE]
    if not said:
        return []
    return [
        f"{' and '.join(said)}: by phases, samples and scores as the program claims them; "
        f"{' and '.join(seen)}: by the profiler alone, from the program's start to its end"
    ]


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
