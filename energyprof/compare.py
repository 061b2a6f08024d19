"""Reports side by side: every figure with its interval, and its ratio to the first report's."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from energyprof.errors import UsageError
from energyprof.figures import FIGURES, Figure, gain_u, left_out, value
from energyprof.intervals import (
    Difference,
    Logs,
    expanded,
    holm,
    interval,
    logs_of,
    p_different,
    two_sided,
    welch,
)
from energyprof.obstacles import Obstacle, machine_id, machine_name, obstacles, refuse
from energyprof.report import Report

Direction = Literal["lower", "higher", "unclear"]
Allowed = Literal["work", "boundary", "estimated", "meters"]
ALLOWED: tuple[Allowed, ...] = ("work", "boundary", "estimated", "meters")

# How the difference of two reports is taken: `welch`; `paired` where their runs were interleaved.
Contrast = Callable[[Logs, Logs], Difference]


@dataclass(frozen=True)
class Change:
    """The ratio of two reports' means, with its 95 % interval from the spread of the runs."""

    ratio: float
    low: float | None  # None: a single run on one side
    high: float | None
    # Relative, expanded (95 %): the spread and both meters' gains, for joules from different
    # machines or meters. None where the gain is common and drops out, and for what is not joules.
    u_rel: float | None
    # Against the first report, held to 5 % over all reports (Holm); None: figures only, no verdict.
    verdict: Direction | None


@dataclass(frozen=True)
class Estimate:
    """One figure of one report over the runs that may enter it."""

    figure: str
    n: int
    mean: float  # geometric; arithmetic where a value is not positive, and then without interval
    low: float | None  # 95 %, from the spread of the runs; None: a single run
    high: float | None
    # Relative, expanded (95 %): spread and meters' gain together; None for what is not joules.
    u_rel: float | None
    agree: bool  # several runs with the very same value: what interval there is, is the reading's
    change: Change | None  # None for the first report and where either side has no logarithm


@dataclass(frozen=True)
class Entry:
    """One report of a comparison."""

    label: str
    workload: str
    machine: str  # its name for people
    boundary: str | None
    estimated: bool
    runs: int
    reached: int | None  # None: there is no target
    left_out: tuple[str, ...]  # runs that enter no figure of energy, or none at all, and why
    estimates: tuple[Estimate, ...]


@dataclass(frozen=True)
class Comparison:
    """Reports side by side; changes are against the first."""

    entries: tuple[Entry, ...]
    allowed: tuple[Obstacle, ...]  # differences that the user said to overlook
    one_machine: bool  # across machines there are figures, never a verdict


@dataclass(frozen=True)
class Values:
    """One figure over the runs of one report that may enter it."""

    values: tuple[float, ...]
    logs: Logs | None  # None: a value is not positive
    u_rel: float | None  # of the mean, expanded, the gain included; None: no joules, or unknown


def compare(
    reports: Sequence[Report],
    labels: Sequence[str],
    allow: Collection[Allowed] = (),
    contrast: Contrast = welch,
) -> Comparison:
    """The figures of ``reports``, named by ``labels``, and their ratios to the first.

    Raises:
        NotComparable: work, boundary, measured or estimated, or meters differ, and ``allow`` does
            not say to overlook it.
        UsageError: there is no report.
    """
    if not reports:
        raise UsageError("nothing to compare: name at least one report")
    found = obstacles(reports, labels, ALLOWED)
    barring = [obstacle for obstacle in found if obstacle.kind not in allow]
    kinds = dict.fromkeys(obstacle.kind for obstacle in barring)
    remedy = "to see the figures all the same: " + " ".join(f"--allow {kind}" for kind in kinds)
    refuse(barring, "the reports measure different things", remedy)
    one_machine = not obstacles(reports, labels, ["machine"])
    judged = one_machine and not {obstacle.kind for obstacle in found} - {"work"}
    columns = [_column(figure, reports, contrast, judged) for figure in FIGURES]
    entries = [
        _entry(report, labels[i], [column[i] for column in columns]) for i, report in enumerate(reports)
    ]
    return Comparison(tuple(entries), tuple(found), one_machine)


def parse_allowed(words: Sequence[str]) -> tuple[Allowed, ...]:
    """The differences to overlook.

    Raises:
        UsageError: a word names none that can be.
    """
    for word in words:
        if word not in ALLOWED:
            raise UsageError(f"--allow {word}: choose from {', '.join(ALLOWED)}")
    return tuple(kind for kind in ALLOWED if kind in words)


def collect(figure: Figure, report: Report) -> Values | None:
    """The figure's values in ``report``; None if no run has one."""
    entering = [(run, x) for run in report.runs if (x := value(figure, run)) is not None]
    if not entering:
        return None
    values = tuple(x for _, x in entering)
    mean_square = math.fsum(figure.u_rel(run) ** 2 for run, _ in entering) / len(values)
    logs = logs_of(values, math.sqrt(mean_square)) if min(values) > 0 else None
    gains = [gain_u(run) for run, _ in entering]
    known = [gain for gain in gains if gain is not None]
    if figure.unit not in ("J", "W") or len(known) < len(gains) or logs is None:
        return Values(values, logs, None)
    gain = math.fsum(known) / len(known)
    if logs.sd is None:
        return Values(values, logs, expanded(math.sqrt(mean_square), None, gain))
    se = logs.sd / math.sqrt(len(values))
    return Values(values, logs, expanded(se, len(values) - 1, gain))


def as_change(difference: Difference, u_rel: float | None = None, verdict: Direction | None = None) -> Change:
    """A difference of logarithms as a ratio with its 95 % interval."""
    low, high = two_sided(difference) or (None, None)
    return Change(
        exp(difference.log_ratio),
        None if low is None else exp(low),
        None if high is None else exp(high),
        u_rel,
        verdict,
    )


def exp(log_ratio: float) -> float:
    """The ratio; beyond what fits a float, the largest that does, which says as much."""
    return math.exp(min(log_ratio, 700.0))


def _column(
    figure: Figure, reports: Sequence[Report], contrast: Contrast, judged: bool
) -> list[Estimate | None]:
    """The figure in every report; one Holm correction over all its comparisons with the first."""
    cells = [collect(figure, report) for report in reports]
    first = cells[0]
    differences = [
        contrast(cell.logs, first.logs) if first and first.logs and cell and cell.logs else None
        for cell in cells[1:]
    ]
    p_values = [1.0 if d is None else p_different(d) for d in differences]
    levels = holm(p_values)
    changes: list[Change | None] = [None]
    for i, difference in enumerate(differences):
        if difference is None:
            changes.append(None)
            continue
        verdict: Direction | None = None
        if judged and difference.se is not None:
            verdict = "lower" if difference.log_ratio < 0 else "higher"
            verdict = verdict if p_values[i] <= levels[i] else "unclear"
        # Machines without an id, such as imported ones, are not known to be one machine.
        common = bool(machine_id(reports[0])) and _meters(reports[0]) == _meters(reports[i + 1])
        u_rel = _u_of_ratio(first, cells[i + 1], common)
        changes.append(as_change(difference, u_rel, verdict))
    return [
        None if cell is None else _estimate(figure, cell, change)
        for cell, change in zip(cells, changes, strict=True)
    ]


def _u_of_ratio(first: Values | None, other: Values | None, common_gain: bool) -> float | None:
    if common_gain or not first or not other or first.u_rel is None or other.u_rel is None:
        return None
    return math.hypot(first.u_rel, other.u_rel)


def _meters(report: Report) -> tuple[object, ...]:
    """What must be equal for a gain error to be common: the very devices, not their make."""
    counted = sorted((m for m in report.meters if m.counted), key=lambda m: m.name)
    return (machine_id(report), *((m.name, m.info.device, m.info.calibration) for m in counted))


def _estimate(figure: Figure, cell: Values, change: Change | None) -> Estimate:
    n, agree = len(cell.values), len(cell.values) > 1 and min(cell.values) == max(cell.values)
    if cell.logs is None:
        mean = math.fsum(cell.values) / n
        return Estimate(figure.name, n, mean, None, None, cell.u_rel, agree, None)
    low, high = interval(cell.logs) or (None, None)
    return Estimate(
        figure.name,
        n,
        cell.values[0] if agree else exp(cell.logs.mean),
        None if low is None else exp(low),
        None if high is None else exp(high),
        cell.u_rel,
        agree,
        change,
    )


def _entry(report: Report, label: str, estimates: Sequence[Estimate | None]) -> Entry:
    target = report.workload.target
    return Entry(
        label,
        " ".join(filter(None, (report.workload.name, report.workload.size))),
        machine_name(report),
        report.boundary,
        report.estimated,
        len(report.runs),
        None if target is None else sum(run.status == "reached" for run in report.runs),
        left_out(report),
        tuple(estimate for estimate in estimates if estimate is not None),
    )
