"""One figure over several reports: its values, and how they differ from the first report's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from energyprof.compare.change import (
    Change,
    Direction,
    Values,
    as_change,
    collect,
    gain_in_common,
    u_of_ratio,
)
from energyprof.compare.contrast import difference
from energyprof.compare.figures import Figure
from energyprof.compare.statistics.intervals import Difference, p_different, welch
from energyprof.compare.statistics.sequential import one_series, p_of_all_looks
from energyprof.report.record import Report


@dataclass(frozen=True)
class Column:
    """The figure in every report, in their order."""

    reports: tuple[Report, ...]
    cells: tuple[Values | None, ...]  # None: no run has it
    differences: tuple[Difference | None, ...]  # from the first report, which has none; None: not known

    def change(self, i: int, verdict: Direction | None) -> Change | None:
        """The ratio of report ``i`` to the first; None: not known."""
        found = self.differences[i]
        if found is None:
            return None
        common = gain_in_common(self.reports[0], self.reports[i])
        return as_change(found, None if common else u_of_ratio(self.cells[0], self.cells[i]), verdict)

    def p_value(self, i: int) -> float:
        """The two-sided p-value of "the same as the first", over all planned looks; 1 if it is not known."""
        found = self.differences[i]
        return 1.0 if found is None else p_of_all_looks(p_different(found), self.reports[i], self.reports[0])


def column(figure: Figure, reports: Sequence[Report]) -> Column:
    """The figure in every report; two of one series are compared in pairs."""
    cells = tuple(collect(figure, report) for report in reports)
    found = [_difference(figure, reports, cells, i) if i else None for i in range(len(reports))]
    return Column(tuple(reports), cells, tuple(found))


def direction(found: Difference, p: float, level: float) -> Direction | None:
    """Which way it went, if its test at ``level`` says so; None: a single run has no spread."""
    if found.se is None:
        return None
    if p > level:
        return "unclear"
    return "lower" if found.log_ratio < 0 else "higher"


def _difference(
    figure: Figure, reports: Sequence[Report], cells: Sequence[Values | None], i: int
) -> Difference | None:
    if one_series(reports[i], reports[0]):
        return difference(figure, reports[i], reports[0])
    new, old = cells[i], cells[0]
    return welch(new.logs, old.logs) if new and old and new.logs and old.logs else None
