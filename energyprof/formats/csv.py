"""CSV: a row for each figure of each report, in SI units and fractions, the same in every country."""

from __future__ import annotations

import csv
from typing import TextIO

from energyprof.compare.compared import Comparison
from energyprof.compare.emissions import described
from energyprof.compare.figures import BY_NAME, EMISSIONS
from energyprof.formats.factors import winners
from energyprof.formats.printable import printable

COLUMNS = (
    "report",
    "workload",
    "machine",
    "boundary",
    "origin",
    "figure",
    "unit",
    "n",
    "mean",
    "low",  # 95 %, without the meters' gain
    "high",
    "u_rel",  # relative, expanded (95 %), the meters' gain included; the wider of its two halves
    "u_rel_below",
    "u_rel_above",
    "ratio",  # to the first report, with its 95 % interval, what is left of the meters' errors included
    "ratio_low",
    "ratio_high",
    "ratio_u_rel",
    "verdict",
    "best",
    "grid",  # what the emissions are based on
    "missed",  # runs that missed the target, of which the figure says nothing
)
# A spreadsheet takes a cell that begins like this for a formula, and names come from other people's reports
# (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@")


def write_comparison(comparison: Comparison, out: TextIO) -> None:
    """A header, then the rows; what is not known is an empty cell."""
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    best = winners(comparison)
    for entry in comparison.entries:
        for estimate in entry.estimates:
            change, figure = estimate.change, estimate.figure
            ratio = (change.ratio, change.low, change.high, change.u_rel) if change else (None,) * 4
            grid = described(comparison.grid) if comparison.grid and figure == EMISSIONS.name else ""
            table.writerow(
                (
                    word(entry.label),
                    word(entry.workload),
                    word(entry.machine),
                    word(entry.boundary or ""),
                    entry.origin,
                    figure,
                    BY_NAME[figure].unit,
                    estimate.n,
                    *map(exact, (estimate.mean, estimate.low, estimate.high, estimate.u_rel)),
                    *map(exact, (estimate.u_rel_below, estimate.u_rel_above)),
                    *map(exact, ratio),
                    (change and change.verdict) or "",
                    _yes(best.get(figure) == entry.label),
                    word(grid),
                    estimate.missed,
                )
            )


def exact(value: float | None) -> str:
    """All its digits, so that reading it gives the very same number."""
    return "" if value is None else repr(value)


def _yes(fact: bool) -> str:
    return "true" if fact else "false"


def word(text: str) -> str:
    """Text that neither a terminal nor a spreadsheet takes for more than that."""
    shown = printable(text)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown
