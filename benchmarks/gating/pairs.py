"""Claims about runs that take turns (``ab``), judged at the planned looks."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence

from energyprof.compare.gate.limits import Limit
from energyprof.compare.gate.verdict import Trial, judge
from energyprof.compare.statistics.intervals import logs_of
from energyprof.compare.statistics.sequential import LOOK_ALPHA, LOOKS, interleaved
from gating.claim import Claim, errs
from gating.noise import FIGURE, Noise

MARGIN = Limit(FIGURE, 0.03)
NONE = Limit(FIGURE, 1e-9)  # the statistics alone hold the errors back


def claims(noise: Noise, n: int) -> Iterator[Claim]:
    """Of pairs with this noise."""
    small, where = noise.scaled(0.01), noise.label
    fails = "unchanged work fails"
    yield errs(where, f"{fails}, over all looks", outcomes(noise, NONE, 0.0, 0.0, n)["FAIL"], n)
    share = outcomes(small, MARGIN, math.log1p(MARGIN.margin), 0.0, n)["PASS"]
    yield errs(where, "+3 % passes a 3 % limit, over all looks, at 1 %", share, n)
    for drift in (0.0, 0.01):
        share = outcomes(small, MARGIN, math.log(1.05), drift, n // 2, LOOKS[:2])["FAIL"]
        text = f"+5 % fails by 5 pairs, at 1 %, drift {drift:.0%} a run"
        # Of noise whose tails are heavy five pairs cannot know that they have seen none of them.
        yield Claim(where, text, share, n // 2, 0.95 if noise.label == "normal" else None)
    share = outcomes(small, MARGIN, 0.0, 0.0, n // 2, (10,))["PASS"]
    yield Claim(where, "unchanged passes 3 % by one look at ten pairs, at 1 %", share, n // 2)


def drift(n: int) -> Iterator[Claim]:
    """What a drift of 1 % a run feigns."""
    worst = max(abs(bias(look, n)) for look in LOOKS)
    yield Claim("normal", "a drift of 1 % a run biases a change by", worst, n, None, 0.003)


def two_limits(noise: Noise, n: int) -> Iterator[Claim]:
    """Holm's correction holds over looks, too."""
    rng, failed = random.Random(3), 0
    for _ in range(n):
        sides = [series(rng, noise, 0.0, 0.0, LOOKS[-1]) for _ in range(2)]
        failed += any(
            verdict.outcome == "FAIL"
            for look in LOOKS
            for verdict in judge([_trial(side, look, NONE) for side in sides])
        )
    yield errs(noise.label, "one of two limits fails at some look", failed / n, n)


Sides = tuple[list[float], list[float], list[bool]]


def outcomes(
    noise: Noise, limit: Limit, change: float, drift: float, n: int, looks: Sequence[int] = LOOKS
) -> dict[str, float]:
    """How often a series that stops at its first verdict ends with each."""
    rng, counts = random.Random(1), {"PASS": 0, "FAIL": 0, "INCONCLUSIVE": 0}
    level = LOOK_ALPHA if len(looks) > 1 else 0.05
    for _ in range(n):
        sides = series(rng, noise, change, drift, looks[-1])
        outcome = "INCONCLUSIVE"
        for look in looks:
            outcome = judge([_trial(sides, look, limit, level, noise.u_rel)])[0].outcome
            if outcome != "INCONCLUSIVE":
                break
        counts[outcome] += 1
    return {outcome: count / n for outcome, count in counts.items()}


def series(rng: random.Random, noise: Noise, change: float, drift: float, pairs: int) -> Sides:
    """New and old runs in the order A B B A …, each a share further on by the drift than the one before."""
    values = noise.draw(rng, 2 * pairs)
    new, old, first = [], [], []
    for pair in range(pairs):
        b_first = pair % 2 == 1
        a_at, b_at = (2 * pair, 2 * pair + 1)[:: -1 if b_first else 1]
        old.append(math.exp(drift * a_at + values[a_at]))
        new.append(math.exp(change + drift * b_at + values[b_at]))
        first.append(b_first)
    return new, old, first


def _trial(sides: Sides, look: int, limit: Limit, level: float = LOOK_ALPHA, u_rel: float = 0.0) -> Trial:
    new, old, first = sides
    found = interleaved(logs_of(new[:look], u_rel), logs_of(old[:look], u_rel), first[:look])
    return Trial(limit, found, (look, look), "pairs", level)


def bias(pairs: int, n: int) -> float:
    """The mean change that a drift of 1 % a run feigns; the noise's own mean is not the drift's."""
    from gating.noise import NORMAL

    rng, total = random.Random(9), 0.0
    for _ in range(n // 10):
        state, found = rng.getstate(), []
        for step in (math.log(1.01), 0.0):
            rng.setstate(state)
            new, old, first = series(rng, NORMAL, 0.0, step, pairs)
            found.append(interleaved(logs_of(new), logs_of(old), first).log_ratio)
        total += found[0] - found[1]
    return total / (n // 10)
