"""One figure over several reports: its values, and how they differ from the first report's."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from energyprof.compare.change import Change, Values, collect
from energyprof.compare.contrast import Contrast, contrast
from energyprof.compare.figures import Figure
from energyprof.compare.sessions import UNKNOWN, Apart, Known, apart
from energyprof.report.record import Report
from energyprof.storable.frozen import dataclass


@dataclass(frozen=True)
class Column:
    """The figure in every report, in their order."""

    figure: Figure
    reports: tuple[Report, ...]
    cells: tuple[Values | None, ...]  # None: no run has it
    contrasts: tuple[Contrast | None, ...]  # with the first report, which has none; None: not known
    allow: Collection[str]
    known: Known  # how much sessions differ

    def change(self, i: int, level: float | None) -> Change | None:
        """The ratio of report ``i`` to the first, tested at ``level`` if there is one; None: not known."""
        found = self.contrasts[i]
        return None if found is None else found.change(level)

    def p_value(self, i: int) -> float:
        """The two-sided p-value of "the same as the first", over all planned looks; 1 if it is not known."""
        found = self.contrasts[i]
        return 1.0 if found is None else found.p_value()

    def between(self, i: int, j: int) -> Contrast | None:
        """Report ``i`` against report ``j``."""
        if j == 0:
            return self.contrasts[i]
        both = (self.cells[i], self.cells[j])
        new, old = self.reports[i], self.reports[j]
        return contrast(self.figure, new, old, self.allow, both, apart(new, old), self.known)


def column(
    figure: Figure,
    reports: Sequence[Report],
    allow: Collection[str] = (),
    far: Sequence[Apart] | None = None,
    known: Known = UNKNOWN,
    cells: Sequence[Values | None] | None = None,
) -> Column:
    """The figure in every report; two of one series are compared in pairs.

    ``far``: how far each one's sessions are from the first one's, ``cells`` its values in each; None: that
    is to be found.
    """
    if cells is None:
        cells = [collect(figure, report) for report in reports]
    far = [apart(report, reports[0]) for report in reports] if far is None else far
    found = [
        contrast(figure, reports[i], reports[0], allow, (cells[i], cells[0]), far[i], known)
        if i and cells[i] and cells[0]  # else it would be None, for most figures of each report
        else None
        for i in range(len(reports))
    ]
    return Column(figure, tuple(reports), tuple(cells), tuple(found), allow, known)
