"""``customSmallerIsBetter`` JSON for github-action-benchmark: every figure where less is better."""

from __future__ import annotations

from typing import TextIO

from energyprof.compare.compared import Comparison, Summary
from energyprof.compare.figures import BY_NAME
from energyprof.formats import wording
from energyprof.formats.bmf import names
from energyprof.formats.json import write_object


def write_comparison(comparison: Comparison, out: TextIO) -> None:
    """A list with an entry for each figure of each report; power and score have none."""
    found = [
        {
            "name": f"{name}: {wording.title(estimate.figure)}",
            "unit": BY_NAME[estimate.figure].unit or "samples",
            "value": estimate.mean,
            **_range(estimate),
            "extra": wording.about(entry, machine=True),
        }
        for entry, name in zip(comparison.entries, names(comparison), strict=True)
        for estimate in entry.estimates
        if BY_NAME[estimate.figure].better
    ]
    write_object(found, out)


def _range(estimate: Summary) -> dict[str, str]:
    """Half the width of the interval, in the figure's unit; a single run has none."""
    if estimate.low is None or estimate.high is None:
        return {}
    return {"range": f"± {(estimate.high - estimate.low) / 2:.3g}"}
