"""A figure over the reports of a history: every report, the levels they form, and what was accepted."""

from __future__ import annotations

import math

from energyprof.compare.change import collect
from energyprof.compare.figures import BY_NAME
from energyprof.compare.gate.history import History
from energyprof.compare.gate.levels import Level, levels
from energyprof.errors import UsageError
from energyprof.report.record import Report
from energyprof.storable.frozen import dataclass


@dataclass(frozen=True)
class Station:
    """One report: when and of which commit it was made, and the figure's mean over its runs."""

    name: str
    created: str
    commit: str  # shortened; empty: not known
    value: float


@dataclass(frozen=True)
class Course:
    """A figure over all reports, oldest first."""

    figure: str
    stations: tuple[Station, ...]
    levels: tuple[Level, ...]  # indices into the stations; their means are logarithms
    left_out: tuple[str, ...]

    def change(self, i: int) -> float | None:
        """The change of level ``i`` against the one before it, 0.05 = 5 % more; ``None``: it is the first."""
        if i == 0:
            return None
        return math.expm1(self.levels[i].mean - self.levels[i - 1].mean)


def course(new: Report, name: str, before: History, figure: str) -> Course:
    """The figure over the reports before ``new``, and ``new``.

    Raises:
        UsageError: ``new`` does not have it.
    """
    values = collect(BY_NAME[figure], new)
    if values is None or values.logs is None:
        raise UsageError(f"{name} has no {figure}")
    stations = [
        Station(past.name, past.created, past.commit, math.exp(past.figures[figure].mean))
        for past in before.past
        if figure in past.figures
    ]
    commit = new.commit.revision[:12] if new.commit else ""
    stations.append(Station(name, new.created, commit, math.exp(values.logs.mean)))
    means = [math.log(station.value) for station in stations]
    found = levels(means, [station.created for station in stations], before.marks)
    return Course(figure, tuple(stations), found, before.left_out)
