"""Which report is best in a figure, where the verdicts of a comparison allow saying so."""

from __future__ import annotations

from energyprof.compare.comparison import Comparison, Summary
from energyprof.compare.figures import BY_NAME


def best(comparison: Comparison, figure: str) -> str | None:
    """The label of the report that takes less than every other; ``None``: no verdict says so.

    Against the first report the comparison's own verdict decides. Two others have none: there one's
    interval must end below the start of the other's, which is stricter than a test of their difference
    (Schenker and Gentleman 2001, The American Statistician 55). A claim about all the others at once needs no
    further correction (an intersection-union test, Berger 1982, Technometrics 24).
    """
    rows = [
        (entry.label, i, estimate)
        for i, entry in enumerate(comparison.entries)
        for estimate in entry.estimates
        if estimate.figure == figure
    ]
    if len(rows) < 2 or BY_NAME[figure].better is None:
        return None
    label, place, least = min(rows, key=lambda row: row[2].mean)
    others = [(i, estimate) for _, i, estimate in rows if i != place]
    return label if all(_less(place, least, i, other) for i, other in others) else None


def _less(place: int, least: Summary, other_place: int, other: Summary) -> bool:
    if other_place == 0:
        return _verdict(least) == "lower"
    if place == 0:
        return _verdict(other) == "higher"
    judged = _verdict(least) is not None and _verdict(other) is not None
    return judged and least.high is not None and other.low is not None and least.high < other.low


def _verdict(estimate: Summary) -> str | None:
    return None if estimate.change is None else estimate.change.verdict
