"""What was tried and is not kept: pairs whose variance is shrunk towards the machine's own (moderated t).

Smyth (2004), Statistical Applications in Genetics and Molecular Biology 3: (d s₀² + (n - 1) s²) / (d + n - 1)
with d + n - 1 degrees of freedom; s₀ from an earlier ``aa`` of five pairs, d = 4. Where the noise is what it
was, more of it passes. Where it has grown since, unchanged work fails in two to three times 5 %; a
guard that takes the pairs' own variance wherever it is above the median that s₀ predicts holds the 5 %, and
most of the gain is gone: four runs of a moment ago tell this machine's noise no better than that.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from energyprof.compare.statistics.student import t_quantile
from gating.claim import Claim

PRIOR = 4
PAIRS = 3
# Median of the F distribution with 2 and 4 degrees of freedom: 2 (√2 - 1).
MEDIAN = 2 * (math.sqrt(2) - 1)


def claims(n: int) -> Iterator[Claim]:
    """How often unchanged work fails, and passes a limit of three standard deviations of a pair."""
    for grown in (1.0, 1.5, 2.0, 3.0):
        for how in ("plain", "moderated", "guarded"):
            rng, failed, passed = random.Random(8), 0, 0
            for _ in range(n):
                mean, half = _one(rng, grown, how)
                failed += mean > half
                passed += mean + half < 3.0
            where = f"noise × {grown:g} since aa"
            yield Claim(where, f"not kept: unchanged fails by three pairs, {how} t", failed / n, n)
            if grown == 1:
                yield Claim(where, f"not kept: it passes 3 sd by three pairs, {how} t", passed / n, n)


def _one(rng: random.Random, grown: float, how: str) -> tuple[float, float]:
    """The mean of the pairs and the half of its one-sided interval."""
    before = sum(rng.gauss(0, 1) ** 2 for _ in range(PRIOR)) / PRIOR
    gaps = [rng.gauss(0, grown) for _ in range(PAIRS)]
    mean = math.fsum(gaps) / PAIRS
    variance, dof = math.fsum((x - mean) ** 2 for x in gaps) / (PAIRS - 1), PAIRS - 1
    if how == "moderated" or (how == "guarded" and variance <= MEDIAN * before):
        variance, dof = (PRIOR * before + dof * variance) / (PRIOR + dof), PRIOR + dof
    return mean, t_quantile(0.95, dof) * math.sqrt(variance / PAIRS)
