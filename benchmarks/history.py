"""Claims about histories, by simulation on reports that hang together by ρ = 0, 0.3 and 0.5:

* unchanged work is called higher, and a history trending, in at most 5 % each, one or the other in 5 %;
* 100 reports without a step have one in at most 2 %, a slope of 0.3 standard deviations in at most 5 %;
* a step of eight standard deviations after 20 reports is found, at its place, by the third report that
  follows in at least 95 %.

Beside it stands E-divisive means (Matteson & James 2014, Journal of the American Statistical Association
109; what Apache Otava does), on the same series.

    python benchmarks/history.py [--series N]

E-divisive means is made here from the paper: the energy statistic's largest value over all splits that leave
three values a side, held against 199 permutations at 1 %. It takes exchangeable values for granted: values
that hang together have steps for it. A few minutes for 500 series, after which 5 % is known to 2 % (k = 2).
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from energyprof.compare.gate.limits import Limit
from energyprof.compare.gate.prediction import correlated, prediction, trend
from energyprof.compare.gate.verdict import Trial, judge
from energyprof.compare.statistics.intervals import ALPHA, logs_of, lower_end
from energyprof.compare.statistics.steps import LEAST, steps

RHOS = (0.0, 0.3, 0.5)
NONE = Limit("energy_per_sample", 1e-9)  # the statistics alone hold the errors back
PERMUTATIONS = 199


def main() -> int:
    """Print every share; 1 if a claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, default=500, metavar="N")
    n = parser.parse_args().series
    broken = 0
    for rho in RHOS:
        for claim, share, most, least in claims(rho, n):
            slack = 2 * math.sqrt(max(most, 1 - least, 0.01) * 0.95 / n)
            holds = share <= most + slack and share >= least - slack
            broken += not holds
            said = "" if holds else "  BROKEN"
            print(f"rho {rho:<4} {claim:62} {100 * share:6.2f} %{said}", flush=True)
        for name, found in (("steps", steps), ("E-divisive", divisive)):
            rng = random.Random(9)
            false = sum(bool(found(hanging_together(rng, 30, rho))) for _ in range(n // 5)) / (n // 5)
            late = [delay(rng, rho, found) for _ in range(n // 5)]
            missed = sum(one is None for one in late) / len(late)
            seen = [one for one in late if one is not None]
            mean = sum(seen) / len(seen) if seen else math.nan
            print(
                f"rho {rho:<4} {name}: false in {100 * false:.1f} % of 30 reports; a step of 8 sd after "
                f"{mean:.1f} reports, not by the tenth in {100 * missed:.0f} %",
                flush=True,
            )
    return 1 if broken else 0


def claims(rho: float, n: int):
    """Each claim, the share that is found, and the most and the least it may be."""
    rng = random.Random(1)
    for reports in (6, 10, 30):
        higher = trending = either = 0
        for _ in range(n):
            means = hanging_together(rng, reports + 1, rho)
            logs = [logs_of([math.exp(mean / 100)]) for mean in means]
            level, rise = correlated(prediction(logs[-1], logs[:-1])), trend([one.mean for one in logs])
            higher += lower(level) > 0
            trending += lower(rise) > 0
            trials = [Trial(NONE, level, (1, reports), "history"), Trial(NONE, rise, (1, reports), "trend")]
            either += any(verdict.outcome == "FAIL" for verdict in judge(trials))
        yield f"a report is higher than the {reports} before it", higher / n, ALPHA, 0.0
        yield f"{reports + 1} reports trend", trending / n, ALPHA, 0.0
        yield f"level or trend of {reports + 1} reports fails", either / n, ALPHA, 0.0
    share = sum(bool(steps(hanging_together(rng, 100, rho))) for _ in range(n)) / n
    yield "100 reports without a step have one", share, 0.02, 0.0
    sloping = ([0.3 * i + x for i, x in enumerate(hanging_together(rng, 40, rho))] for _ in range(n))
    yield "a slope of 40 reports has a step", sum(bool(steps(one)) for one in sloping) / n, 0.05, 0.0
    found = sum(steps(stepping(rng, rho, 20, 3)) == (20,) for _ in range(n)) / n
    yield "a step of 8 sd is found at its place after 3 reports", found, 1.0, 0.95


def delay(rng: random.Random, rho: float, find: Callable[[Sequence[float]], Sequence[int]]) -> int | None:
    """After how many reports its step is found, within two of its place; ``None``: not within ten."""
    values = stepping(rng, rho, 20, 10)
    for count in range(LEAST, 11):
        if any(abs(at - 20) <= 2 for at in find(values[: 20 + count])):
            return count
    return None


def hanging_together(rng: random.Random, n: int, rho: float) -> list[float]:
    """An AR(1) process of variance 1."""
    values = [rng.gauss(0, 1)]
    while len(values) < n:
        values.append(rho * values[-1] + math.sqrt(1 - rho**2) * rng.gauss(0, 1))
    return values


def stepping(rng: random.Random, rho: float, before: int, after: int) -> list[float]:
    """The same with a step of 8 standard deviations."""
    values = hanging_together(rng, before + after, rho)
    return [x + 8 * (i >= before) for i, x in enumerate(values)]


def divisive(values: Sequence[float]) -> tuple[int, ...]:
    """The first change point of E-divisive means, with α = 1; empty: none at 1 %."""
    rng = random.Random(0)
    best, place = _energy(values)
    shuffled, beaten = list(values), 0
    for _ in range(PERMUTATIONS):
        rng.shuffle(shuffled)
        beaten += _energy(shuffled)[0] >= best
        if beaten > 1:  # (1 + 1) / (199 + 1) is 1 %
            return ()
    return (place,)


def _energy(values: Sequence[float]) -> tuple[float, int]:
    n = len(values)
    rows = [[abs(a - b) for b in values] for a in values]
    within_left, between = 0.0, 0.0
    total = sum(map(sum, rows)) / 2
    best, place = -math.inf, 0
    for at in range(1, n):
        new = at - 1  # moves from the right to the left
        to_left, all_of_it = sum(rows[new][:new]), sum(rows[new])
        within_left += to_left
        between += all_of_it - 2 * to_left
        within_right = total - within_left - between
        m, k = at, n - at
        if m < LEAST or k < LEAST:
            continue
        spread = 2 * between / (m * k) - 2 * within_left / (m * (m - 1)) - 2 * within_right / (k * (k - 1))
        statistic = m * k / n * spread
        if statistic > best:
            best, place = statistic, at
    return best, place


def lower(difference) -> float:
    """The one-sided lower end; without any spread there is none below it."""
    low = lower_end(difference, ALPHA)
    return -math.inf if low is None else low


if __name__ == "__main__":
    sys.exit(main())
