"""What settings change against a base: paired differences of logarithms, with simultaneous intervals.

Every setting is trained once in every block, from one seed: what drifts from block to block, and what a seed
brings, falls on all alike and cancels. Differences share one variance, the residual of the additive model of
settings and blocks (Cochran & Cox, Experimental Designs, 4.2), and all intervals of a figure hold together
at 95 % (Bonferroni).
"""

from __future__ import annotations

import functools
import itertools
import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from operator import and_, or_
from typing import Literal

from energyprof.compare.statistics.student import t_quantile
from energyprof.storable.frozen import dataclass

LEVEL = 0.05
# When the means of settings and blocks have settled, of logarithms; and at the latest.
_STILL, _ROUNDS = 1e-9, 100

# The figure of each block of one setting.
ByBlock = Mapping[int, float]
# Whether nothing else is surely better in all figures: surely so, surely not so, or the noise decides.
Standing = Literal["on", "off", "unclear"]


@dataclass(frozen=True)
class Objective:
    """One figure of all settings, and which end of it is the better one."""

    figures: Sequence[ByBlock]
    better: Literal["less", "more"] = "less"


@dataclass(frozen=True)
class Effect:
    """A setting's figure as a factor on the base's."""

    ratio: float
    low: float | None  # of the simultaneous 95 % interval; None: nothing tells the scatter
    high: float | None
    n: int  # blocks that hold both

    @property
    def sure(self) -> bool:
        """Whether the interval leaves out 1."""
        return self.low is not None and self.high is not None and not self.low <= 1 <= self.high


def effects(base: ByBlock, others: Sequence[ByBlock]) -> list[Effect | None]:
    """The effect of each of ``others``; ``None``: no block holds both, or a value is not positive."""
    found = residual([base, *others])
    return [_effect(base, other, found, len(others)) for other in others]


def residual(figures: Sequence[ByBlock]) -> tuple[float, int] | None:
    """Standard deviation of one logarithm and its degrees of freedom, whatever blocks lack a setting.

    Settings of a single block, as most of a search's are, tell no scatter and are left out. ``None``: no two
    settings share two blocks.
    """
    logs = [{b: math.log(x) for b, x in figure.items() if x > 0} for figure in figures]
    logs = [of_one for of_one in logs if len(of_one) > 1]
    blocks = set[int]().union(*logs)
    dof = sum(map(len, logs)) - len(logs) - len(blocks) + _parts(logs)
    if dof < 1:
        return None
    return math.sqrt(_left_over(logs, blocks) / dof), dof


def _left_over(logs: Sequence[ByBlock], blocks: set[int]) -> float:
    """The sum of squares that settings and blocks leave, their means taken away in turn until none is left.

    Where every block holds every setting that is after the first round.
    """
    rows = [dict(of_one) for of_one in logs]
    columns = {b: [row for row in rows if b in row] for b in blocks}
    for _ in range(_ROUNDS):
        for row in rows:
            mean = math.fsum(row.values()) / len(row)
            for b in row:
                row[b] -= mean
        moved = 0.0
        for b, column in columns.items():
            mean = math.fsum(row[b] for row in column) / len(column)
            moved = max(moved, abs(mean))
            for row in column:
                row[b] -= mean
        if moved < _STILL:
            break
    return math.fsum(x * x for row in rows for x in row.values())


def _parts(logs: Sequence[ByBlock]) -> int:
    """How many groups of blocks there are that no setting joins."""
    groups: list[set[int]] = []
    for of_one in logs:
        own = set(of_one).union(*(group for group in groups if group & of_one.keys()))
        groups = [group for group in groups if not group & own] + [own]
    return len(groups)


def _effect(base: ByBlock, other: ByBlock, found: tuple[float, int] | None, tests: int) -> Effect | None:
    both = sorted(base.keys() & other.keys())
    if not both or not all(base[b] > 0 and other[b] > 0 for b in both):
        return None
    mean = math.fsum(math.log(other[b] / base[b]) for b in both) / len(both)
    if found is None:
        return Effect(math.exp(mean), None, None, len(both))
    sd, dof = found
    half = t_quantile(1 - LEVEL / 2 / tests, dof) * sd * math.sqrt(2 / len(both))
    return Effect(math.exp(mean), math.exp(mean - half), math.exp(mean + half), len(both))


def front(objectives: Sequence[Objective]) -> list[bool]:
    """Which settings may lie on the Pareto front: a setting is off it if another is surely better in all."""
    return [standing != "off" for standing in standings(objectives)]


def standings(objectives: Sequence[Objective]) -> list[Standing]:
    """How each setting stands to the front.

    It is surely on it if every other one is surely worse than it in some figure.
    """
    ahead = [_ahead(objective) for objective in objectives]
    size = len(objectives[0].figures)
    beaten = functools.reduce(or_, (functools.reduce(and_, rows) for rows in zip(*ahead, strict=True)), 0)
    found: list[Standing] = []
    for s, rows in enumerate(zip(*ahead, strict=True)):
        others = ((1 << size) - 1) & ~(1 << s)
        on = functools.reduce(or_, rows) & others == others
        found.append("off" if beaten >> s & 1 else "on" if on else "unclear")
    return found


def _ahead(objective: Objective) -> list[int]:
    """Of each setting the bits of those that it is surely better than: a study may have thousands."""
    found, size = residual(objective.figures), len(objective.figures)
    rows = [0] * size
    if found is None:
        return rows
    sd, dof = found
    half = t_quantile(1 - LEVEL / 2 / max(1, size * (size - 1) // 2), dof) * sd * math.sqrt(2)
    sign = 1.0 if objective.better == "more" else -1.0
    alike: dict[frozenset[int], dict[int, ByBlock]] = {}  # the settings of the same blocks, as logarithms
    for s, figure in enumerate(objective.figures):
        logs = {b: sign * math.log(x) for b, x in figure.items() if x > 0}
        alike.setdefault(frozenset(logs), {})[s] = logs
    for (mine, some), (theirs, others) in itertools.product(alike.items(), repeat=2):
        if both := mine & theirs:
            order = sorted((_mean(logs, both), s) for s, logs in others.items())
            worst_first = list(itertools.accumulate((1 << s for _, s in order), or_, initial=0))
            means = [mean for mean, _ in order]
            for s, own in some.items():
                rows[s] |= worst_first[bisect_left(means, _mean(own, both) - half / math.sqrt(len(both)))]
    return [row & ~(1 << s) for s, row in enumerate(rows)]


def _mean(logs: ByBlock, blocks: frozenset[int]) -> float:
    return math.fsum(logs[b] for b in blocks) / len(blocks)


def exponent(levels: Sequence[float], figures: Sequence[ByBlock]) -> tuple[float, float, float] | None:
    """k of figure ∝ levelᵏ with its 95 % interval, by least squares on logarithms within blocks.

    ``None``: fewer than two levels above 0, or too few values for an interval.
    """
    points = [
        (block, math.log(level), math.log(x))
        for level, figure in zip(levels, figures, strict=True)
        if level > 0
        for block, x in figure.items()
        if x > 0
    ]
    blocks = {block for block, _, _ in points}
    centred: list[tuple[float, float]] = []
    for block in blocks:
        own = [(x, y) for b, x, y in points if b == block]
        mean_x, mean_y = (math.fsum(values) / len(own) for values in zip(*own, strict=True))
        centred += [(x - mean_x, y - mean_y) for x, y in own]
    spread = math.fsum(x * x for x, _ in centred)
    dof = len(points) - len(blocks) - 1
    if spread <= 0 or dof < 1:
        return None
    slope = math.fsum(x * y for x, y in centred) / spread
    squares = math.fsum((y - slope * x) ** 2 for x, y in centred)
    half = t_quantile(1 - LEVEL / 2, dof) * math.sqrt(squares / dof / spread)
    return slope, slope - half, slope + half
