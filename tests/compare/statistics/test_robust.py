"""The trimmed mean, and which values are called outliers."""

from __future__ import annotations

import math
import random

import pytest

from energyprof.compare.statistics.intervals import logs_of
from energyprof.compare.statistics.robust import named, outliers, trimmed
from energyprof.compare.statistics.sequential import interleaved

TEN = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]


def test_the_ends_count_as_their_neighbours():
    mean, se, dof = trimmed(TEN)
    # 1 to 8, and winsorised 1 1 2 … 8 8: squares around 4.5 are 2 · (3.5² · 2 + 2.5² + 1.5² + 0.5²) = 66.5.
    assert (mean, dof) == (4.5, 7)
    assert se == pytest.approx(math.sqrt(66.5 / (8 * 7)))
    assert trimmed([*TEN[:-1], 900.0]) == trimmed(TEN)
    assert trimmed(TEN[:9]) is None and trimmed([1.0] * 11 + [2.0]) is None


def test_ten_pairs_of_which_one_is_wild_still_tell():
    rng = random.Random(4)
    old = [math.exp(rng.gauss(0, 0.01)) for _ in range(10)]
    new = [math.exp(rng.gauss(0, 0.01)) for _ in range(10)]
    first = [i % 2 == 1 for i in range(10)]
    calm = interleaved(logs_of(new), logs_of(old), first)
    wild = interleaved(logs_of([new[0] * 1.5, *new[1:]]), logs_of(old), first)
    # A plain mean would be off by 4 %, with a standard error of 4 %.
    assert wild.se < 2 * calm.se < 0.01 and abs(wild.log_ratio - calm.log_ratio) < 0.005


@pytest.mark.slow
def test_an_outlier_is_named_and_one_in_a_hundred_is_none():
    assert outliers([1.0, 1.1, 0.9, 1.05, 0.95, 1.02, 0.98, 5.0]) == (7,)
    assert outliers([1.0, 1.1, 0.9, 9.0]) == () and outliers([1.0] * 8 + [2.0]) == ()
    rng, found = random.Random(0), 0
    for _ in range(4000):
        found += bool(outliers([rng.gauss(0, 1) for _ in range(rng.choice((5, 6, 7, 8, 10, 20)))]))
    assert 0.002 < found / 4000 < 0.02
    logs = logs_of([1.0, 1.01, 0.99, 1.02, 0.98, 1.0, 1.005, 2.0])
    (line,) = named(logs, "energy of new")
    assert line.startswith("energy of new, run 8: an outlier, 100 % above the median")
