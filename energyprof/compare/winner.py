"""Which report is best in which figure: a claim over all reports and all figures at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from energyprof.compare.column import Column
from energyprof.compare.statistics.intervals import ALPHA, holm, p_higher


def winners(columns: Sequence[Column], barred: Mapping[str, Collection[int]]) -> dict[str, int]:
    """The place of the report that takes less than every other, by figure, where the runs say so.

    It does not depend on the order of the reports: the one with the least mean is tested against each of the
    others, and less than all of them it is only if it is less than each (an intersection-union test, Berger
    1982, Technometrics 24). Any report might have come out least, so the p-value counts once for each of them
    (Bonferroni); over the figures it is held to 5 % in all (Holm). ``barred`` are the places of the reports
    of which nothing may be said, by figure: then nobody is best.
    """
    found: dict[str, tuple[int, float, int]] = {}
    for column in columns:
        if column.figure.better is None or barred.get(column.figure.name):
            continue
        known = [(cell.mean.value, i) for i, cell in enumerate(column.cells) if cell is not None]
        if len(known) < 2:
            continue
        place = min(known)[1]
        worst = 0.0
        for _, i in sorted(known)[1:]:  # the nearest first: it decides, mostly
            other = column.between(i, place)
            worst = max(worst, 1.0 if other is None else other.looks(p_higher(other.whole)))
            if len(known) * worst > ALPHA:
                break  # not less than this one, whatever the others are
        if worst < 1:  # else there is no spread to test by, or nothing to say
            found[column.figure.name] = place, _digits(worst), len(known)
    # One p-value for each test: a figure that is a multiple of another has the other's.
    tests = dict.fromkeys((p, reports) for _, p, reports in found.values())
    p_values = [min(1.0, reports * p) for p, reports in tests]
    told = {test: p <= level for test, p, level in zip(tests, p_values, holm(p_values), strict=True)}
    return {name: place for name, (place, p, reports) in found.items() if told[p, reports]}


def _digits(p: float) -> float:
    """``p`` without the rounding in which multiples of one figure differ."""
    return float(f"{p:.9g}")
