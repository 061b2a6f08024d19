"""What each factor does where several change at once, and whether two do more together than each alone.

In a grid a value is paired with the base's in settings that are alike in all else; of a screening no two are,
so that effects are least squares of an additive model (Box, Hunter & Hunter, Statistics for Experimenters,
2nd ed., ch. 5 and 7). An interaction is the ratio of what two values do together to the product of what each
does alone, over whole squares of four settings. All is within blocks; the intervals of either sort hold
together at 95 % (Bonferroni).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import TypeVar

from energyprof.compare.effects import LEVEL, ByBlock, Effect, residual
from energyprof.compare.statistics.student import t_quantile

# Which value of each factor a setting has, by number; 0 is the base's.
Levels = tuple[int, ...]
# Which terms a training has, and the logarithm of its figure.
Row = tuple[list[int], float]
# Factor and value by number.
Term = tuple[int, int]
K = TypeVar("K")
# More terms than these are not solved for: a factor of hundreds of values is a curve, not a comparison.
MOST_TERMS = 200
_ROUNDED = 1e-9


def main_effects(levels: Sequence[Levels], figures: Sequence[ByBlock]) -> dict[Term, Effect]:
    """Of each factor's values but the base's, over all pairs of trainings that differ in nothing else."""
    logs = {of: _logs(figure) for of, figure in zip(levels, figures, strict=True)}
    seen: dict[Term, list[float]] = {}
    for of, own in logs.items():
        for f, level in enumerate(of):
            base = logs.get(_base(of, f), {}) if level else {}
            seen.setdefault((f, level), []).extend(own[b] - base[b] for b in own.keys() & base.keys())
    return _means(seen, 2, residual(figures))


def screened(levels: Sequence[Levels], figures: Sequence[ByBlock]) -> dict[Term, Effect]:
    """The same of a screening, where the settings tell the factors apart.

    Without a second block the scatter is what the main effects leave unexplained: interactions are in it.
    """
    pairs = list(zip(levels, figures, strict=True))
    rows = [(of, block, y) for of, figure in pairs for block, y in _logs(figure).items()]
    # A block without its own term would be taken for a factor's doing.
    terms: dict[tuple[str, int, int], int] = {}
    indexed: list[Row] = []
    for of, block, y in rows:
        named = [("block", block, 0), *(("factor", f, level) for f, level in enumerate(of) if level)]
        indexed.append(([terms.setdefault(name, len(terms)) for name in named], y))
    inverse = _inverse(indexed, len(terms)) if 0 < len(terms) <= MOST_TERMS else None
    if inverse is None:
        return {}
    sums = [0.0] * len(terms)
    for places, y in indexed:
        for place in places:
            sums[place] += y
    fitted = [math.fsum(a * b for a, b in zip(row, sums, strict=True)) for row in inverse]
    scatter = residual(figures) or _unexplained(indexed, fitted)
    wanted = {(f, level): place for (kind, f, level), place in terms.items() if kind == "factor"}
    counts = {term: sum(of[term[0]] == term[1] for of, _, _ in rows) for term in wanted}
    return {
        term: _effect(fitted[place], inverse[place][place], scatter, len(wanted), counts[term])
        for term, place in sorted(wanted.items())
    }


def interactions(levels: Sequence[Levels], figures: Sequence[ByBlock]) -> dict[tuple[Term, Term], Effect]:
    """Of each pair of values of two factors, neither the base's, whose squares the settings hold."""
    logs = {of: _logs(figure) for of, figure in zip(levels, figures, strict=True)}
    seen: dict[tuple[Term, Term], list[float]] = {}
    for of, both in logs.items():
        for one, other in combinations([f for f, level in enumerate(of) if level], 2):
            corners = [logs.get(_base(of, *at), {}) for at in ((one,), (other,), (one, other))]
            found = [
                both[b] - corners[0][b] - corners[1][b] + corners[2][b]
                for b in both.keys() & corners[0].keys() & corners[1].keys() & corners[2].keys()
            ]
            seen.setdefault(((one, of[one]), (other, of[other])), []).extend(found)
    return _means(seen, 4, residual(figures))


def _means(seen: dict[K, list[float]], each: int, scatter: tuple[float, int] | None) -> dict[K, Effect]:
    """``each``: how many trainings a value is made of."""
    known = {of: values for of, values in seen.items() if values}
    return {
        of: _effect(math.fsum(values) / len(values), each / len(values), scatter, len(known), len(values))
        for of, values in known.items()
    }


def _effect(log: float, variance: float, scatter: tuple[float, int] | None, tests: int, n: int) -> Effect:
    """``variance``: of the logarithm, in those of one training."""
    if scatter is None:
        return Effect(math.exp(log), None, None, n)
    sd, dof = scatter
    half = t_quantile(1 - LEVEL / 2 / tests, dof) * sd * math.sqrt(variance)
    # Of values that are all alike solving leaves some last digits.
    log, half = (0.0 if abs(x) < _ROUNDED else x for x in (log, half))
    return Effect(math.exp(log), math.exp(log - half), math.exp(log + half), n)


def _logs(figure: ByBlock) -> dict[int, float]:
    return {block: math.log(x) for block, x in figure.items() if x > 0}


def _base(of: Levels, *factors: int) -> Levels:
    return tuple(0 if f in factors else level for f, level in enumerate(of))


def _unexplained(rows: Sequence[Row], fitted: Sequence[float]) -> tuple[float, int] | None:
    dof = len(rows) - len(fitted)
    squares = math.fsum((y - math.fsum(fitted[place] for place in places)) ** 2 for places, y in rows)
    return (math.sqrt(squares / dof), dof) if dof > 0 else None


def _inverse(rows: Sequence[Row], size: int) -> list[list[float]] | None:
    """Of the normal equations' matrix, by Gauss and Jordan; ``None``: settings do not tell terms apart."""
    matrix = [[0.0] * size + [float(i == j) for j in range(size)] for i in range(size)]
    for places, _ in rows:
        for i in places:
            for j in places:
                matrix[i][j] += 1.0
    for column in range(size):
        pivot = max(range(column, size), key=lambda row: abs(matrix[row][column]))
        if abs(matrix[pivot][column]) < 1e-9 * len(rows):
            return None
        matrix[column], matrix[pivot] = matrix[pivot], matrix[column]
        own = matrix[column] = [x / matrix[column][column] for x in matrix[column]]
        for row in range(size):
            if row != column and (factor := matrix[row][column]):
                matrix[row] = [x - factor * y for x, y in zip(matrix[row], own, strict=True)]
    return [row[size:] for row in matrix]
