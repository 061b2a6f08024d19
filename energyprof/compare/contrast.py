"""One figure of two reports compared: in pairs if their runs were interleaved."""

from __future__ import annotations

from functools import partial

from energyprof.compare.change import Contrast, collect
from energyprof.compare.figures import Figure, value
from energyprof.compare.statistics.intervals import Difference, welch
from energyprof.compare.statistics.sequential import cut_to, interleaved, pairs_of
from energyprof.report.record import Report


def difference(figure: Figure, new: Report, old: Report) -> Difference | None:
    """The mean log ratio of ``figure``; ``None``: a side lacks it, or has it at 0 or below."""
    contrast: Contrast = welch
    pairs = pairs_of(new, old, lambda run: value(figure, run) is not None)
    if pairs is not None:
        contrast = partial(interleaved, new_first=pairs.new_first)
        new, old = cut_to(new, pairs.new), cut_to(old, pairs.old)
    sides = [collect(figure, report) for report in (new, old)]
    logs = [side.logs for side in sides if side is not None and side.logs is not None]
    return contrast(*logs) if len(logs) == 2 else None
