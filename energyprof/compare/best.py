"""Which report is best in a figure of a comparison."""

from __future__ import annotations

from energyprof.compare.compared import Comparison


def best(comparison: Comparison, figure: str) -> str | None:
    """The label of the report that takes less than every other; ``None``: the runs do not say so."""
    return comparison.best.get(figure)
