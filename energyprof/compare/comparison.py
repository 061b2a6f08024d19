"""Reports side by side: every figure with its interval, and its ratio to the first report's."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from energyprof.compare import emissions, levers
from energyprof.compare.change import Change, Values, collect_all, exp
from energyprof.compare.column import Column, column
from energyprof.compare.compared import Comparison, Entry, Summary, Withheld
from energyprof.compare.exclusions import missed
from energyprof.compare.figures import EMISSIONS, PER_SAMPLE, SHOWN, Figure, left_out
from energyprof.compare.gate.noise import Noise, known_of
from energyprof.compare.gate.validity import every_reason, unjudgeable
from energyprof.compare.life import lives
from energyprof.compare.machines import machine_name, weakly_known
from energyprof.compare.mismatches import Mismatch, differing_samples, mismatches, refuse
from energyprof.compare.product import Product, products
from energyprof.compare.sessions import apart, sessions_said
from energyprof.compare.statistics.intervals import holm
from energyprof.compare.statistics.robust import named
from energyprof.compare.statistics.sequential import one_series
from energyprof.compare.success import success
from energyprof.compare.winner import winners
from energyprof.errors import NotComparable, UsageError
from energyprof.report.record import Report

Allowed = Literal["task", "boundary", "origin", "meters", "machine"]
ALLOWED: tuple[Allowed, ...] = ("task", "boundary", "origin", "meters", "machine")


def compare(
    reports: Sequence[Report],
    labels: Sequence[str],
    allow: Collection[Allowed] = (),
    grid: emissions.Grid | None = None,
    noise: Noise | None = None,
) -> Comparison:
    """The figures of ``reports``, named by ``labels``, and their ratios to the first.

    They may be different works of one task. Figures per sample are left out where a sample of one is not a
    sample of the other. With a ``grid``, their emissions too. Reports of one series (``ab``) are compared in
    pairs; what else is of different sessions is, with what the ``noise`` of the first says of those.

    Raises:
        NotComparable: task, boundary, origin or meters differ, and ``allow`` does
            not say to overlook it.
        UsageError: there are no reports.
    """
    if not reports:
        raise UsageError("nothing to compare: name at least one report")
    # The two sides of a series are made to be compared: the user knows what was changed.
    sides = len(reports) == 2 and one_series(*reports)
    # Across machines there are figures: only a verdict needs one machine.
    needed = [kind for kind in ALLOWED if kind != "machine" and not (sides and kind == "task")]
    found = mismatches(reports, labels, needed)
    _refuse([mismatch for mismatch in found if mismatch.kind not in allow])
    machines = mismatches(reports, labels, ["machine"])
    one_machine = not machines or "machine" in allow
    judged = one_machine and not {mismatch.kind for mismatch in found} - {"task"}
    of_one_task = not any(mismatch.kind == "task" for mismatch in found)
    unlike = differing_samples(reports, labels) if of_one_task else None
    figures = [emissions.figure(grid) if grid and f is EMISSIONS else f for f in SHOWN]
    if unlike:
        figures = [figure for figure in figures if figure.name not in PER_SAMPLE]
    far = [apart(report, reports[0]) for report in reports]
    known, of_noise = known_of(noise, reports[0], labels[0])
    columns = [
        column(figure, reports, allow, far, known, cells)
        for figure, cells in zip(figures, collect_all(figures, reports), strict=True)
    ]
    reasons = [every_reason(report, label) for report, label in zip(reports, labels, strict=True)]
    barred: dict[str, Barred] = {}
    if judged and len(reports) > 1:
        # Where nothing was found and nothing noted, no figure has a reason: most reports are such.
        doubted = [i for i, r in enumerate(reports) if reasons[i] or any(run.flags for run in r.runs)]
        barred = {c.figure.name: _barred(c, doubted) for c in columns}
    cells = {c.figure.name: _estimates(c, barred.get(c.figure.name, {}), judged) for c in columns}
    parts: Sequence[Product | None] = [None] * len(reports)
    if not unlike:
        parts = products(columns, allow, barred.get("energy_to_target", {}), far, known, judged=judged)
    notes = _of_works(reports, labels) if of_one_task else []
    notes += _of_levers(reports, labels)
    if unlike:
        notes.append(f"no figures per sample, since a sample is not the same: {unlike}")
    notes += _of_outliers(columns, labels)
    if judged:
        notes += weakly_known(reports, labels)
        notes += sessions_said(labels, far, known)
        notes += of_noise
    entries = [
        _entry(report, labels[i], [estimates[i] for estimates in cells.values()], parts[i])
        for i, report in enumerate(reports)
    ]
    if "machine" in allow:
        found += machines
    won = winners(columns, barred) if judged else {}
    return Comparison(
        tuple(entries),
        tuple(found),
        one_machine,
        grid,
        tuple(notes),
        {name: labels[i] for name, i in won.items()},
        _withheld(labels, cells, barred),
        tuple(one for found_in in reasons for one in found_in),
        lives(reports, labels) if judged else (),
    )


def _of_works(reports: Sequence[Report], labels: Sequence[str]) -> list[str]:
    """In what the works of one task differ."""
    return [f"the work differs: {found.message}" for found in mismatches(reports, labels, ["work"])]


def _of_levers(reports: Sequence[Report], labels: Sequence[str]) -> list[str]:
    """Levers that differ, and those that bound nothing."""
    of_all = [f"levers: {line}" for line in levers.differing(reports, labels)]
    each = zip(reports, labels, strict=True)
    return of_all + [f"{label}: {line}" for report, label in each for line in levers.unbound(report)]


def _of_outliers(columns: Sequence[Column], labels: Sequence[str]) -> list[str]:
    """The runs that lie far from the others of their report."""
    return [
        line
        for found in columns
        if found.figure.name in ("energy_per_sample", "energy")
        for cell, label in zip(found.cells, labels, strict=True)
        if cell is not None and cell.logs is not None
        for line in named(cell.logs, f"{found.figure.name.replace('_', ' ')} of {label}")
    ]


# The reports of which nothing may be said in one figure, by their place, with the reasons.
Barred = Mapping[int, tuple[str, ...]]


def _barred(found: Column, doubted: Sequence[int]) -> Barred:
    """Of those that have the figure, at the places ``doubted``."""
    reasons = {
        i: unjudgeable(found.reports[i], found.figure.name) for i in doubted if found.cells[i] is not None
    }
    return {i: lines for i, lines in reasons.items() if lines}


def _withheld(
    labels: Sequence[str], cells: Mapping[str, Sequence[Summary | None]], barred: Mapping[str, Barred]
) -> tuple[Withheld, ...]:
    """What may not be said and why, figures with the same reasons together."""
    together: dict[tuple[int, tuple[str, ...]], list[str]] = {}
    for figure, estimates in cells.items():
        for i, summary in enumerate(estimates):
            reasons = barred.get(figure, {}).get(i, ())
            if not reasons and summary is not None and summary.change is not None:
                reasons = summary.change.withheld
            if reasons:
                together.setdefault((i, reasons), []).append(figure)
    return tuple(Withheld(labels[i], tuple(names), reasons) for (i, reasons), names in together.items())


def _refuse(barring: Sequence[Mismatch]) -> None:
    """Different tasks are refused in one line: what else differs matters little then."""
    remedy = "to see the figures anyway: " + " ".join(
        f"--allow {kind}" for kind in dict.fromkeys(mismatch.kind for mismatch in barring)
    )
    for mismatch in barring:
        if mismatch.kind == "task":
            raise NotComparable(f"the reports are of different tasks: {mismatch.message}; {remedy}")
    refuse(barring, "the reports measure different things", remedy)


def parse_allowed(words: Sequence[str]) -> tuple[Allowed, ...]:
    """The differences to allow.

    Raises:
        UsageError: a word names none that can be allowed.
    """
    for word in words:
        if word not in ALLOWED:
            raise UsageError(f"--allow {word}: choose from {', '.join(ALLOWED)}")
    return tuple(kind for kind in ALLOWED if kind in words)


def _estimates(found: Column, barred: Barred, judged: bool) -> list[Summary | None]:
    """The figure in every report; one Holm correction over all its comparisons with the first."""
    levels = holm([found.p_value(i) for i in range(1, len(found.reports))])
    estimates: list[Summary | None] = []
    for i, cell in enumerate(found.cells):
        tested = judged and i > 0 and not (0 in barred or i in barred)
        summary = (
            None
            if cell is None
            else _estimate(found.figure, cell, found.change(i, levels[i - 1] if tested else None))
        )
        if summary is not None and missed in found.figure.exclusions:
            lost = sum(run.status == "missed" for run in found.reports[i].runs)
            summary = replace(summary, missed=lost) if lost else summary
        estimates.append(summary)
    return estimates


def _estimate(figure: Figure, cell: Values, change: Change | None) -> Summary:
    mean, agree = cell.mean, cell.mean.n > 1 and min(cell.values) == max(cell.values)
    below = above = None
    if cell.u_rel is not None:
        below, above = mean.total.below / mean.value, mean.total.above / mean.value
        # Even halves are shown as the factor that they are in logarithms; uneven ones end at nothing.
        below = below if below == above else min(1.0, below)
    low = high = None
    if cell.logs is None:
        change = None
    elif mean.n > 1:
        # Half the width in logarithms, in which the runs scatter symmetrically.
        half = mean.one_device.expanded / mean.value
        low, high = exp(math.log(mean.value) - half), exp(math.log(mean.value) + half)
    return Summary(figure.name, mean.n, mean.value, low, high, cell.u_rel, agree, change, below, above)


def _entry(report: Report, label: str, estimates: Sequence[Summary | None], product: Product | None) -> Entry:
    target = report.workload.target
    return Entry(
        label,
        " ".join(filter(None, (report.workload.name, report.workload.size))),
        machine_name(report),
        report.boundary,
        report.origin,
        len(report.runs),
        None if target is None else sum(run.status == "reached" for run in report.runs),
        left_out(report),
        tuple(estimate for estimate in estimates if estimate is not None),
        product,
        success(report),
    )
