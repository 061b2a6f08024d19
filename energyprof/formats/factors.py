"""A report's figure against the first report's, as people read it: ``1.23 ± 0.04 × less``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from energyprof.compare.change import Change
from energyprof.compare.compared import Comparison, Entry, Summary
from energyprof.compare.emissions import described
from energyprof.compare.figures import BY_NAME, of_energy
from energyprof.formats.wording import about, number, of_meters, success, title

# From this share of the ratio on, an interval is no longer symmetric around it, and is written out.
WIDE = 0.2
MOST_DECIMALS = 5

ESTIMATED = "≈ "
BEST = "best"
RATIO_NOTE = (
    "×: relative to the first report, with its 95 % interval, two-sided: the spread of the runs, what "
    "sessions differ by, and what does not cancel of the meters' errors."
)
VERDICT_NOTE = (
    "lower, higher: beyond chance (5 %, of each figure by itself); unclear: it may be the same as the first."
)
BEST_NOTE = "best: less than every other report, beyond chance (5 %, over all figures and reports together)."
ESTIMATE_NOTE = "≈: an estimate, not a measurement."


def times(change: Change) -> str:
    """``1.23 ± 0.04 × less``; a wide interval as ``1.9 × more (1.1 … 3.2)``; none from single runs."""
    ratio, bounds, word = change.ratio, (change.low, change.high), "more"
    if ratio < 1:
        ratio, bounds, word = _inverse(ratio), (change.high, change.low), "less"
    low, high = (bound if bound is None or word == "more" else _inverse(bound) for bound in bounds)
    if low is None or high is None:
        return _with_word(_ratio(ratio, 2), "", ratio, 2, word)
    half = (high - low) / 2
    if not half <= WIDE * ratio < math.inf:
        shown = (_ratio(value, 2 if value < 10 else 0) for value in (ratio, low, high))
        return "{} × {word} ({} … {})".format(*shown, word=word)
    decimals = _decimals(half, 2 if ratio < 10 else 0)
    return _with_word(_ratio(ratio, decimals), f" ± {_ratio(half, decimals)}", ratio, decimals, word)


def _inverse(ratio: float) -> float:
    # Below the smallest float, all that is known is that it is small.
    return 1 / ratio if ratio > 0 else math.inf


def _with_word(shown: str, plus_minus: str, ratio: float, decimals: int, word: str) -> str:
    """A ratio that prints as 1 is neither more nor less."""
    return f"{shown}{plus_minus} ×" + ("" if round(ratio, decimals) == 1 else f" {word}")


def _decimals(half: float, least: int) -> int:
    """Enough decimals for the ± to have one digit, two if that is a 1, and at least ``least``."""
    if half <= 0:
        return 2
    exponent = math.floor(math.log10(half))
    return min(MOST_DECIMALS, max(least, -exponent + (half < 2 * 10.0**exponent)))


def _ratio(value: float, decimals: int) -> str:
    if not math.isfinite(value) or value >= 1e4:
        return "any" if not math.isfinite(value) or value > 1e100 else f"{value:.2g}"
    return f"{value:.{decimals}f}"


def against(estimate: Summary, winner: str | None, label: str) -> tuple[str, str]:
    """The ratio to the first report, and what can be said about it; both empty for the first."""
    change = estimate.change
    marks = []
    if change is not None:
        single = change.low is None and change.u_rel is not None
        marks.append(change.verdict or (f"meters {of_meters(change.u_rel or 0.0)}" if single else ""))
    if winner == label:
        marks.append(BEST)
    return "" if change is None else times(change), ", ".join(mark for mark in marks if mark)


def mean(entry: Entry, estimate: Summary) -> str:
    """The mean with its unit, marked if it comes from a model rather than a meter."""
    energetic = of_energy(BY_NAME[estimate.figure])
    mark = ESTIMATED if entry.origin != "measured" and energetic else ""
    return mark + number(estimate.figure, estimate.mean)


def winners(comparison: Comparison) -> Mapping[str, str]:
    """The best report of each figure that has one."""
    return comparison.best


def notes(comparison: Comparison) -> list[str]:
    """What the marks used in a comparison mean."""
    several = len(comparison.entries) > 1
    lines = [RATIO_NOTE] if several else []
    changes = [estimate.change for entry in comparison.entries for estimate in entry.estimates]
    lines += [VERDICT_NOTE] if any(change.verdict for change in changes if change) else []
    lines += [BEST_NOTE] if winners(comparison) else []
    lines += [ESTIMATE_NOTE] if any(entry.origin != "measured" for entry in comparison.entries) else []
    return lines + ([f"emissions: {described(comparison.grid)}"] if comparison.grid else [])


def sides(comparison: Comparison) -> list[tuple[str, list[str]]]:
    """What was compared, one line for all reports with the same description; below, the runs left out."""
    groups: dict[str, list[Entry]] = {}
    for entry in comparison.entries:
        said = about(replace(entry, label=""), machine=not comparison.one_machine)
        groups.setdefault(said, []).append(entry)
    lines = []
    for said, entries in groups.items():
        names = ", ".join(entry.label for entry in entries) + (", each" if len(entries) > 1 else "")
        which = len(entries) > 1
        left = [f"{entry.label}: {line}" if which else line for entry in entries for line in beside(entry)]
        lines.append((names + said, left))
    return lines


def beside(entry: Entry) -> list[str]:
    """What to know of a report's runs: those left out, and what the lucky ones do not tell."""
    lines = list(entry.left_out)
    return [*lines, success(entry.success)] if entry.success is not None else lines


def better(figure: str) -> str:
    """Which way is better, for a heading: ``energy per sample, less is better``."""
    return title(figure) + (", less is better" if BY_NAME[figure].better else "")
