"""Claims about two reports of one session that did not take turns, and about the intervals of changes."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator

from energyprof.compare.gate.verdict import Trial, judge
from energyprof.compare.statistics.intervals import Difference, logs_of, two_sided, welch
from energyprof.compare.statistics.power import detectable, runs_needed
from gating.claim import Claim, errs
from gating.noise import NORMAL, Noise, alone
from gating.pairs import MARGIN, NONE

SIDES = ((3, 3), (5, 5), (12, 12), (3, 5), (3, 12), (5, 12), (1, 5))


def claims(noise: Noise, n: int) -> Iterator[Claim]:
    """Of two reports with this noise."""
    rng, small, where = random.Random(2), noise.scaled(0.01), noise.label
    # Runs that hang together follow each other within a report: the two reports then differ by more than
    # their runs do. That is shown, and is why `ab` takes turns.
    kept = errs if "AR" not in noise.label else Claim
    for runs, others in SIDES if noise.label == "normal" else ((3, 3), (5, 5), (3, 12)):
        share = failing(n, lambda a=runs, b=others: [_trial(NONE, two(rng, noise, a, b))])
        yield kept(where, f"unchanged work fails, {runs} against {others} runs apart", share, n)
    margin = math.log1p(MARGIN.margin)
    passed = (judge([_trial(MARGIN, two(rng, small, 5, 5, margin))])[0] for _ in range(n))
    share = sum(verdict.outcome == "PASS" for verdict in passed) / n
    yield kept(where, "+3 % passes a 3 % limit, 5 against 5 runs apart, at 1 %", share, n)
    share = failing(n // 2, lambda: [_trial(NONE, two(rng, noise, 5, 5)) for _ in range(3)])
    yield kept(where, "one of three limits or works fails, 5 against 5 runs apart", share, n // 2)


def intervals(n: int) -> Iterator[Claim]:
    """How often a change's 95 % interval holds it."""
    for runs, others in ((2, 2), (2, 5), (2, 12), *SIDES[:-1]):
        for ratio in (1.0, 2.0, 0.5) if runs != others else (1.0, 2.0):
            rng, held = random.Random(7), 0
            wide = Noise("", alone(lambda rng, ratio=ratio: rng.gauss(0, 0.01 * ratio)), 0.01 * ratio)
            for _ in range(n):
                low, high = two_sided(two(rng, NORMAL, runs, others, 0.0, wide)) or (0.0, 0.0)
                held += low <= 0 <= high
            spread = "equal spreads" if ratio == 1 else f"the second's spread × {ratio:g}"
            bounds = (0.94, 0.96) if min(runs, others) > 2 else (0.94, None)
            if runs != others and ratio != 1:
                bounds = (None, None)  # no number of runs tells which side varies more: shown
            text = f"a change's 95 % interval holds it, {runs} against {others}, {spread}"
            yield Claim("normal", text, held / n, n, *bounds)


def said(n: int) -> Iterator[Claim]:
    """What verdicts say of themselves: the increase that fails, the number of runs that passes."""
    rng, margin = random.Random(5), MARGIN.margin
    for sd, runs in ((0.01, 3), (0.02, 5), (0.04, 10)):
        true = Difference(0.0, sd * math.sqrt(2 / runs), 2 * runs - 2, sd * math.sqrt(2), 2.0)
        more, needed = detectable(true, margin=margin), runs_needed(true, margin)
        assert more is not None and needed is not None
        noise = NORMAL.scaled(sd)
        for text, change, count, outcome, low, high in (
            (f"+{100 * more:.1f} % fails as said", math.log1p(more), runs, "FAIL", 0.70, 0.85),
            ("unchanged passes as said", 0.0, needed, "PASS", 0.80, None),
        ):
            found = (judge([_trial(MARGIN, two(rng, noise, count, count, change))])[0] for _ in range(n))
            share = sum(verdict.outcome == outcome for verdict in found) / n
            yield Claim("normal", f"{text}, {count} runs apart, sd {100 * sd:g} %", share, n, low, high)


def failing(n: int, trials: Callable[[], list[Trial]]) -> float:
    """The share of ``n`` verdicts of which some trial fails."""
    return sum(any(v.outcome == "FAIL" for v in judge(trials())) for _ in range(n)) / n


def two(
    rng: random.Random,
    noise: Noise,
    runs: int,
    others: int,
    change: float = 0.0,
    other_noise: Noise | None = None,
) -> Difference:
    """What two reports say of a change, a logarithm."""
    new = [math.exp(change + x) for x in noise.draw(rng, runs)]
    old = [math.exp(x) for x in (other_noise or noise).draw(rng, others)]
    return welch(logs_of(new, noise.u_rel), logs_of(old, noise.u_rel))


def _trial(limit, difference: Difference) -> Trial:
    return Trial(limit, difference, (5, 5))
