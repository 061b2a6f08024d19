"""Should a build fail on it? One report against a baseline, within limits."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from energyprof.compare import Change, Contrast, as_change, collect
from energyprof.errors import UsageError
from energyprof.figures import BY_NAME, FIGURES, Bar, broken, missed, run_name, unmetered
from energyprof.intervals import (
    Difference,
    detectable,
    holm,
    lower_end,
    p_higher,
    runs_needed,
    upper_end,
    welch,
)
from energyprof.obstacles import Kind, obstacles, refuse
from energyprof.report import Report

DEFAULT_MARGIN = 0.03
LIMITED = tuple(figure.name for figure in FIGURES if figure.better)
MUST_AGREE: tuple[Kind, ...] = ("work", "boundary", "estimated", "meters", "machine")

Outcome = Literal["PASS", "FAIL", "INCONCLUSIVE", "INVALID", "NO_BASELINE"]
# An inconclusive check fails a build only where it is asked to (`exit_code`).
_EXIT_CODES: dict[Outcome, int] = {
    "PASS": 0,
    "FAIL": 1,
    "INCONCLUSIVE": 0,
    "INVALID": 4,
    "NO_BASELINE": 0,
}
STRICT_INCONCLUSIVE = 5


@dataclass(frozen=True)
class Limit:
    """How much more of a figure is too much; ``margin`` is a fraction > 0."""

    figure: str
    margin: float


@dataclass(frozen=True)
class Verdict:
    """What the runs say about one limit; changes are relative to the baseline, 0.05 = 5 % more."""

    limit: Limit
    outcome: Literal["PASS", "FAIL", "INCONCLUSIVE"]
    change: float
    # One-sided bounds: `low` at the level that Holm's correction leaves, `high` at 5 %.
    low: float | None  # None: a single run on one side
    high: float | None
    improved: bool  # less than the baseline beyond chance
    detectable: float | None  # smallest increase shown with 80 % power; None: none at all
    runs_needed: int | None  # a side, for the limit's margin to be detectable; None: not known
    runs: int
    baseline_runs: int


@dataclass(frozen=True)
class Check:
    """A build's verdict; without a baseline or valid runs there are no ``verdicts``."""

    outcome: Outcome
    label: str
    baseline: str
    verdicts: tuple[Verdict, ...] = ()
    invalid: tuple[str, ...] = ()  # a line for each run that cannot be judged
    information: tuple[tuple[str, Change], ...] = ()  # figures without a limit; they never fail
    estimated: bool = False


def parse_limit(text: str) -> Limit:
    """``energy_per_sample:3%``.

    Raises:
        UsageError: it does not read so, the figure has no limit, or the margin is not above 0.
    """
    match = re.fullmatch(r"\s*(\w+)\s*:\s*([0-9]+(?:\.[0-9]+)?)\s*%\s*", text, re.ASCII)
    if match is None:
        raise UsageError(f"limit {text!r}: write FIGURE:PERCENT%, such as energy_per_sample:3%")
    figure, margin = match[1], float(match[2]) / 100
    if figure not in LIMITED:
        raise UsageError(f"limit {text!r}: no figure {figure!r} to limit; {_choice(LIMITED)}")
    if not 0 < margin < math.inf:
        raise UsageError(f"limit {text!r}: the margin must be above 0, such as {figure}:3%")
    return Limit(figure, margin)


def default_limits(new: Report, baseline: Report) -> tuple[Limit, ...]:
    """Energy per sample, which varies least; of a program that counts no samples, its energy."""
    runs = (*new.runs, *baseline.runs)
    counts = all(any(p.name == "train" and p.samples for p in run.phases) for run in runs)
    programs = not new.workload.target and not baseline.workload.target
    return (Limit("energy" if programs and not counts else "energy_per_sample", DEFAULT_MARGIN),)


def check(
    new: Report,
    baseline: Report,
    limits: Sequence[Limit] = (),
    labels: tuple[str, str] = ("new", "baseline"),
    contrast: Contrast = welch,
) -> Check:
    """Whether ``new`` keeps the ``limits`` (none: `default_limits`) against ``baseline``.

    Raises:
        NotComparable: work, boundary, measured or estimated, meters or machine differ.
        UsageError: a figure is limited twice, or the reports do not have it.
    """
    limits = tuple(limits) or default_limits(new, baseline)
    names = [limit.figure for limit in limits]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{name} has more than one limit; keep one")
    refuse(
        obstacles((new, baseline), labels, MUST_AGREE),
        f"{labels[0]} cannot be judged by {labels[1]}: they measure different things",
    )
    # A new report that misses the target is no pass whatever its energy; a baseline's miss only
    # keeps its run out of what is counted to the target.
    needed = [bar for bar in (unmetered, missed) if any(bar in BY_NAME[n].bars for n in names)]
    invalid = _invalid(new, labels[0], [broken, missed, *needed])
    invalid += _invalid(baseline, labels[1], [broken, *needed])
    if not invalid:
        for name in names:
            invalid += _incomplete(new, labels[0], name) + _incomplete(baseline, labels[1], name)
    if invalid:
        return Check("INVALID", *labels, invalid=tuple(invalid), estimated=new.estimated)
    found = {figure: _difference(figure, new, baseline, contrast) for figure in LIMITED}
    judged = [difference for name in names if (difference := found[name])]
    # Holm on the failures: the chance of failing unchanged work stays 5 % over all limits. A pass
    # needs no correction, since all limits must pass (an intersection-union test, Berger 1982).
    levels = holm([p_higher(difference) for difference in judged])
    verdicts = tuple(
        _verdict(limit, difference, level, (len(new.runs), len(baseline.runs)))
        for limit, difference, level in zip(limits, judged, levels, strict=True)
    )
    return Check(
        _overall(verdicts),
        *labels,
        verdicts=verdicts,
        information=tuple(
            (name, as_change(difference))
            for name, difference in found.items()
            if difference and name not in names
        ),
        estimated=new.estimated,
    )


def without_baseline(label: str, baseline: str) -> Check:
    """Nothing to judge by, and the user said that this is fine."""
    return Check("NO_BASELINE", label, baseline)


def exit_code(result: Check, *, strict: bool) -> int:
    """0, 1 (FAIL), 4 (INVALID), or with ``strict`` 5 for INCONCLUSIVE."""
    if strict and result.outcome == "INCONCLUSIVE":
        return STRICT_INCONCLUSIVE
    return _EXIT_CODES[result.outcome]


def _verdict(limit: Limit, difference: Difference, level: float, runs: tuple[int, int]) -> Verdict:
    low, high = lower_end(difference, level), upper_end(difference)
    change = math.expm1(min(difference.log_ratio, 700.0))
    outcome: Literal["PASS", "FAIL", "INCONCLUSIVE"] = "INCONCLUSIVE"
    if low is not None and low > 0 and change > limit.margin:
        outcome = "FAIL"
    elif high is not None and high < math.log1p(limit.margin):
        outcome = "PASS"
    return Verdict(
        limit,
        outcome,
        change,
        None if low is None else math.expm1(min(low, 700.0)),
        None if high is None else math.expm1(min(high, 700.0)),
        high is not None and high < 0,
        detectable(difference, level),
        runs_needed(difference, limit.margin, level),
        *runs,
    )


def _overall(verdicts: Sequence[Verdict]) -> Outcome:
    outcomes = {verdict.outcome for verdict in verdicts}
    if "FAIL" in outcomes:
        return "FAIL"
    return "INCONCLUSIVE" if "INCONCLUSIVE" in outcomes else "PASS"


def _invalid(report: Report, label: str, bars: Sequence[Bar]) -> list[str]:
    """Why runs of ``report`` cannot be judged; one bad run is enough, since none is trimmed."""
    if not report.runs:
        return [f"{label} has no runs"]
    lines = []
    for i, run in enumerate(report.runs):
        reason = next((reason for bar in bars if (reason := bar(run))), None)
        if reason:
            lines.append(f"{label}, {run_name(report, i)}: {reason}")
    return lines


def _incomplete(report: Report, label: str, name: str) -> list[str]:
    """The sound runs that still lack the figure, or have 0 of it."""
    collected = collect(BY_NAME[name], report)
    if collected is None:
        has = [other for other in LIMITED if collect(BY_NAME[other], report)]
        raise UsageError(f"{label} has no {name}; {_choice(has)}")
    if collected.logs is None:
        return [f"{label}: {name} is 0 in a run, so there is no ratio"]
    n, runs = len(collected.values), len(report.runs)
    return [f"{label}: only {n} of {runs} runs have {name}"] if n < runs else []


def _difference(name: str, new: Report, baseline: Report, contrast: Contrast) -> Difference | None:
    sides = [collect(BY_NAME[name], report) for report in (new, baseline)]
    logs = [side.logs for side in sides if side is not None and side.logs is not None]
    return contrast(*logs) if len(logs) == 2 else None


def _choice(names: Sequence[str]) -> str:
    return f"choose from {', '.join(names)}" if names else "it has no figure that can be limited"
