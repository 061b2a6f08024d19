"""How a meter answers steps of load: its level in each step, over how long it averages, how late it is.

The load is taken to be constant within a step. What the meter shows at t is then the mean of the levels over
the ``window_s`` before t − ``delay_s``, or one that falls off: linear in the levels, so that for each window
and delay least squares give the levels, and the pair with the smallest residuals is found by search.
"""

from __future__ import annotations

import itertools
import math
import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

from energyprof.report.meter_test.looks import Mean
from energyprof.storable.frozen import dataclass

# The first level was there before, the last one stays: so far beyond the test.
BEYOND_S = 1000.0
# A window or a delay is told if it makes the residuals' sum of squares smaller by this factor of its mean.
TELLS = 12.0
# Nor is one told that is shorter than so many looks, or than processors take to come to their full power.
LEAST_LOOKS = 2.0
SETTLES_S = 0.15
# Windows are looked for in these ranges, in steps, each by itself: one of more than a step may explain
# readings as well as a shorter one does, with other levels.
RANGES_STEPS = (0.0, 1.0, 2.0, 4.0)
# A window below this many steps leaves readings of each level alone: no other explains them.
ALONE_STEPS = 0.75
# Shifted by a whole step, the levels of all others would explain the readings as well.
LATEST_STEPS = 0.75
# Of the search: where it looks from the best so far, and when it has come close enough, as a share of that.
DIRECTIONS = ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, 0.5), (1, -0.5))
FINEST_REACH = 0.01
# Steps of less than so many times its scatter do not show how it comes from one level to the next.
CLEAR = 3.0
# Two readings closer together than this are not independent of each other: fans, clocks, temperature.
INDEPENDENT_S = 0.5
# So many means at least, for each level.
LEAST_A_LEVEL = 3


@dataclass(frozen=True)
class Response:
    """What a meter shows of steps; ``levels_w`` and their standard uncertainties are in the steps' order."""

    levels_w: tuple[float, ...]
    levels_u_w: tuple[float, ...]
    window_s: float | None  # 0.0: none longer than finest_s; None: its steps are too small to tell
    delay_s: float | None  # the same
    finest_s: float  # shorter windows and delays cannot be told here
    decay_s: float = 0.0  # its mean falls off with this time constant, rather than ends after window_s
    # Windows up to this explain the readings as well as window_s does, the shortest: the levels are then not
    # known. None: no longer one does.
    window_most_s: float | None = None


def respond(means: Sequence[Mean], edges_s: Sequence[float]) -> Response | None:
    """The response to steps from each of ``edges_s`` to the next; ``None``: too few means to tell."""
    steps = len(edges_s) - 1
    counts = [0] * steps
    for mean in means:
        counts[min(steps - 1, max(0, bisect_right(edges_s, mean.end_s) - 1))] += 1
    if not means or min(counts) < 1 or len(means) < LEAST_A_LEVEL * steps:
        return None
    starts_s = [edges_s[0] - BEYOND_S, *edges_s[1:-1]]
    ends_s = [*edges_s[1:-1], edges_s[-1] + BEYOND_S]
    step_s = statistics.median(b - a for a, b in itertools.pairwise(edges_s))
    gaps_s = [b.end_s - a.end_s for a, b in itertools.pairwise(means)]
    finest_s = max(SETTLES_S, LEAST_LOOKS * statistics.median(gaps_s))

    begun_s, ended_s, watts = ([getattr(m, name) for m in means] for name in ("start_s", "end_s", "watts"))

    def fit(window_s: float, delay_s: float) -> _Fit:
        plain: list[list[float]] = []
        mixed: list[Mean] = []
        reached = 0
        for start_s, end_s in zip(starts_s, ends_s, strict=True):
            first = max(reached, bisect_left(begun_s, start_s + window_s + delay_s))
            mixed += means[reached:first]
            reached = max(first, bisect_left(ended_s, end_s + delay_s))
            plain.append(watts[first:reached])
        mixed += means[reached:]
        return _fit(plain, [(m.watts, _weights(m, starts_s, ends_s, window_s, delay_s)) for m in mixed])

    def fit_decay(decay_s: float, delay_s: float) -> _Fit:
        mixed = [(mean.watts, _fading(mean.end_s - delay_s, starts_s, decay_s)) for mean in means]
        return _fit([()] * steps, mixed)

    plain = fit(0.0, 0.0)
    window_s, delay_s, best, most_s = _windows(fit, step_s, len(means) - steps - 2)
    spread_w = max(best.levels_w) - min(best.levels_w)
    scatter_w = math.sqrt(best.squares_w2 / max(1, len(means) - steps - 2))
    told_w, told_d, decay_s = None, None, 0.0
    if spread_w > CLEAR * scatter_w:
        told_w, told_d = window_s, delay_s
        # The simpler answer stands unless the other is clearly better.
        _, late_s, late = _search(fit, (0.0, 0.0), LATEST_STEPS * step_s)
        late_s = _middle(fit, late_s, late.squares_w2, statistics.median(gaps_s))
        if window_s < finest_s or late.squares_w2 <= best.squares_w2 + TELLS * scatter_w**2:
            told_w, told_d, best, most_s = 0.0, late_s, late, None
        if told_w == 0.0 and plain.squares_w2 <= best.squares_w2 + TELLS * scatter_w**2:
            told_d, best = 0.0, plain
        told_d = 0.0 if told_d < finest_s else told_d
        if told_w and means[0].start_s == means[0].end_s:
            fading_s, fading_d, fading = _search(fit_decay, (0.0, step_s / 2), LATEST_STEPS * step_s)
            if fading.squares_w2 < best.squares_w2 - TELLS * scatter_w**2:
                decay_s, told_w, best, most_s = fading_s, 2 * fading_s, fading, None
                told_d = 0.0 if fading_d < finest_s else fading_d
    else:
        best, most_s = plain, None
        scatter_w = math.sqrt(best.squares_w2 / max(1, len(means) - steps))
    apart_s = max(INDEPENDENT_S, window_s if told_w else 0.0)
    uncertain = [
        scatter_w / math.sqrt(max(1.0, min(count, (end_s - start_s) / apart_s)))
        for count, start_s, end_s in zip(counts, edges_s, edges_s[1:], strict=False)
    ]
    return Response(tuple(best.levels_w), tuple(uncertain), told_w, told_d, finest_s, decay_s, most_s)


@dataclass(frozen=True)
class _Fit:
    levels_w: list[float]
    squares_w2: float  # the residuals' weighted sum


Fit = Callable[[float, float], _Fit]


def _windows(fit: Fit, step_s: float, free: int) -> tuple[float, float, _Fit, float | None]:
    """The shortest window that explains the readings, its delay, and the longest if others do as well.

    ``free``: how many readings there are beyond what is fitted to them.
    """
    latest_s = LATEST_STEPS * step_s
    found = [_search(fit, (0.0, RANGES_STEPS[1] * step_s), latest_s)]
    if found[0][0] < ALONE_STEPS * step_s:
        return (*found[0], None)
    for low, high in itertools.pairwise(RANGES_STEPS[1:]):
        found.append(_search(fit, (low * step_s, high * step_s), latest_s))
    least_w2 = min(one.squares_w2 for _, _, one in found)
    bound_w2 = least_w2 * (1 + TELLS / max(1, free))
    alike = [one for one in found if one[2].squares_w2 <= bound_w2]
    return (*alike[0], alike[-1][0] if len(alike) > 1 else None)


def _search(fit: Fit, range_s: tuple[float, float], latest_s: float) -> tuple[float, float, _Fit]:
    """The window and the delay with the smallest residuals: a coarse grid, then finer around its best."""
    shortest_s, longest_s = range_s
    windows_s = {shortest_s, *(shortest_s + (longest_s - shortest_s) / 2**k for k in range(8))}
    delays_s = [0.0, *(latest_s / 2**k for k in range(7))]
    best = min(
        ((fit(w, d), w, d) for w in sorted(windows_s) for d in delays_s), key=lambda one: one[0].squares_w2
    )
    reach = 0.5
    while reach > FINEST_REACH:
        step_w, step_d = reach * max(best[1], longest_s / 64), reach * max(best[2], latest_s / 64)
        around = {
            (
                min(longest_s, max(shortest_s, best[1] + i * step_w)),
                min(latest_s, max(0.0, best[2] + j * step_d)),
            )
            for i, j in DIRECTIONS
        }
        found = min(((fit(w, d), w, d) for w, d in around), key=lambda one: one[0].squares_w2)
        if found[0].squares_w2 < best[0].squares_w2:
            best = found
        else:
            reach /= 2
    return best[1], best[2], best[0]


def _middle(fit: Fit, delay_s: float, squares_w2: float, gap_s: float) -> float:
    """The middle of the delays that explain the readings as well: between two of them nobody looked."""
    near_s = (max(0.0, delay_s + i * gap_s / 8) for i in range(-8, 9))
    alike_s = [d for d in near_s if fit(0.0, d).squares_w2 <= squares_w2 * (1 + 1e-9)]
    return (min(alike_s) + max(alike_s)) / 2 if alike_s else delay_s


def _fit(
    plain: Sequence[Sequence[float]], mixed: Sequence[tuple[float, Sequence[tuple[int, float]]]]
) -> _Fit:
    """``plain``: for each step the readings that show it alone; ``mixed``: others, with their weights."""
    size = len(plain)
    normal = [[0.0] * size for _ in range(size)]
    right = [math.fsum(watts) for watts in plain]
    for i, watts in enumerate(plain):
        normal[i][i] = float(len(watts))
    for shown_w, weights in mixed:
        for i, a in weights:
            right[i] += a * shown_w
            for j, b in weights:
                normal[i][j] += a * b
    levels_w = _solved(normal, right)
    squares_w2 = math.fsum((w - sum(a * levels_w[i] for i, a in weights)) ** 2 for w, weights in mixed)
    for watts, level_w in zip(plain, levels_w, strict=True):
        squares_w2 += math.dist(watts, [level_w] * len(watts)) ** 2
    return _Fit(levels_w, squares_w2)


def _weights(
    mean: Mean, starts_s: Sequence[float], ends_s: Sequence[float], window_s: float, delay_s: float
) -> list[tuple[int, float]]:
    """(step, share) of the steps of which what the meter shows is the mean; the shares add up to 1."""
    a_s, b_s = mean.start_s - delay_s, mean.end_s - delay_s
    first = max(0, bisect_right(starts_s, a_s - window_s) - 1)
    found = []
    for i in range(first, len(starts_s)):
        start_s, end_s = starts_s[i], ends_s[i]
        if start_s > b_s:
            break
        if b_s > a_s and window_s > 0:
            within = _ramp(b_s, start_s, end_s) - _ramp(a_s, start_s, end_s)
            within -= _ramp(b_s - window_s, start_s, end_s) - _ramp(a_s - window_s, start_s, end_s)
            weight = within / ((b_s - a_s) * window_s)
        elif b_s > a_s:
            weight = (_inside(b_s, start_s, end_s) - _inside(a_s, start_s, end_s)) / (b_s - a_s)
        elif window_s > 0:
            weight = (_inside(b_s, start_s, end_s) - _inside(b_s - window_s, start_s, end_s)) / window_s
        else:
            weight = 1.0 if start_s <= b_s < end_s else 0.0
        if weight > 0:
            found.append((i, weight))
    return found


def _fading(at_s: float, starts_s: Sequence[float], decay_s: float) -> list[tuple[int, float]]:
    """The same of a mean in which what was x ago counts by exp(-x / ``decay_s``)."""
    last = max(0, bisect_right(starts_s, at_s) - 1)
    if decay_s <= 0:
        return [(last, 1.0)]
    found, after = [], 1.0
    for i in range(last, -1, -1):
        before = math.exp((starts_s[i] - at_s) / decay_s) if starts_s[i] < at_s else 1.0
        found.append((i, after - before))
        after = before
        if after < 1e-9:
            break
    return found


def _inside(time_s: float, start_s: float, end_s: float) -> float:
    """How long the step has lasted at a time."""
    return 0.0 if time_s <= start_s else (end_s if time_s > end_s else time_s) - start_s


def _ramp(time_s: float, start_s: float, end_s: float) -> float:
    """The integral of ``_inside`` up to a time, in s²."""
    inside_s = _inside(time_s, start_s, end_s)
    return inside_s**2 / 2 + (end_s - start_s) * max(0.0, time_s - end_s)


def _solved(normal: list[list[float]], right: list[float]) -> list[float]:
    """The solution of the normal equations (Cholesky); a level of which nothing was seen is near 0."""
    size = len(right)
    ridge = 1e-12 * max(normal[i][i] for i in range(size)) + 1e-300
    lower = [[0.0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            rest = normal[i][j] - sum(lower[i][k] * lower[j][k] for k in range(j))
            lower[i][j] = math.sqrt(max(rest, ridge)) if i == j else rest / lower[j][j]
    forward = [0.0] * size
    for i in range(size):
        forward[i] = (right[i] - sum(lower[i][k] * forward[k] for k in range(i))) / lower[i][i]
    solution = [0.0] * size
    for i in reversed(range(size)):
        solution[i] = (forward[i] - sum(lower[k][i] * solution[k] for k in range(i + 1, size))) / lower[i][i]
    return solution
