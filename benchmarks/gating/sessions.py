"""Claims about reports of different sessions, each with an effect of its own that all its runs share."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from statistics import fmean

from energyprof.compare.gate.limits import DEFAULT_MARGIN, NOISE_FACTOR, Limit
from energyprof.compare.gate.prediction import correlated, prediction, trend
from energyprof.compare.gate.verdict import Trial, judge
from energyprof.compare.sessions import ASSUMED, UNKNOWN, Apart, Known, between, scatter_of
from energyprof.compare.statistics.intervals import Difference, Logs, logs_of, welch, with_systematic
from gating.claim import Claim, errs
from gating.noise import FIGURE, SD
from gating.pairs import MARGIN, NONE

EFFECTS = (0.003, 0.01, 0.02, 0.03)
SESSIONS, RUNS = 5, 5  # of `aa --sessions 5`, a side
PULL_REQUESTS = 200
ONE, SEVERAL = Apart(math.sqrt(2)), Apart(math.sqrt(1 + 1 / SESSIONS), (1, SESSIONS))


def claims(effect: float, n: int) -> Iterator[Claim]:
    """With sessions that differ by so much (1 sd), and runs that vary by 1 %."""
    rng, where = random.Random(4), f"sessions ± {100 * effect:g} %"
    share = sum(fails(rng, effect, NONE) for _ in range(n)) / n
    yield errs(where, "unchanged fails, stored baseline, sessions assumed to differ by 3 %", share, n)
    share = sum(fails(rng, effect, NONE, works=3) for _ in range(n // 2)) / (n // 2)
    yield errs(where, "unchanged fails, one of three works of a folder, 3 % assumed", share, n // 2)
    share = sum(passes(rng, effect, MARGIN) for _ in range(n)) / n
    yield errs(where, "+3 % passes a 3 % limit, stored baseline, 3 % assumed", share, n)
    for far, what in ((SEVERAL, "baseline of 5 sessions"), (ONE, "baseline of 1, 5 known")):
        share = sum(fails(rng, effect, NONE, far) for _ in range(n)) / n
        yield errs(where, f"unchanged fails, {what} by aa --sessions", share, n)
        share = sum(fails(rng, effect, None, far) for _ in range(n)) / n
        yield errs(where, f"unchanged fails the default limit, {what}", share, n)
        share = sum(passes(rng, effect, MARGIN, far) for _ in range(n)) / n
        yield errs(where, f"+3 % passes a 3 % limit, {what}", share, n)
        share = sum(passes(rng, effect, None, far) for _ in range(n)) / n
        yield errs(where, f"a change as large as the default limit passes it, {what}", share, n)
    yield from pull_requests(rng, effect, where, max(20, n // 20))
    failed = 0
    for _ in range(n // 2):
        means = [mean_of(rng, effect, RUNS) for _ in range(11)]
        ahead = correlated(prediction(means[-1], means[:-1]))
        trials = [
            Trial(NONE, ahead, (1, 10), "history"),
            Trial(NONE, trend([m.mean for m in means]), (1, 10), "trend"),
        ]
        failed += any(verdict.outcome == "FAIL" for verdict in judge(trials))
    yield errs(where, "unchanged fails, history of ten reports", failed / (n // 2), n // 2)


def pull_requests(rng: random.Random, effect: float, where: str, baselines: int) -> Iterator[Claim]:
    """Many reports judged by one baseline share its luck."""
    for far, known, what in ((ONE, False, "3 % assumed"), (SEVERAL, True, "baseline of 5 sessions")):
        shares = []
        for _ in range(baselines):
            old, scatter, margin = stored(rng, effect, far, known=known)
            failed = 0
            for _ in range(PULL_REQUESTS):
                new = mean_of(rng, effect, RUNS)
                found = apart(new, old, far, scatter)
                limit = Limit(FIGURE, margin)
                failed += judge([Trial(limit, found, (RUNS, RUNS))])[0].outcome == "FAIL"
            shares.append(failed / PULL_REQUESTS)
        n = baselines * 10  # the 200 of one baseline are not independent
        yield errs(where, f"unchanged fails, 200 pull requests by one baseline, {what}", fmean(shares), n)
        lucky = sum(share > 0.2 for share in shares) / baselines
        text = f"baselines by which more than a fifth of 200 fail, {what}"
        yield Claim(where, text, lucky, baselines)


def fails(
    rng: random.Random, effect: float, limit: Limit | None, far: Apart | None = None, works: int = 1
) -> bool:
    """Whether unchanged work fails; ``limit`` None: the default one; ``far`` None: nothing is known."""
    return _outcome(rng, effect, limit, far, 0.0, works) == "FAIL"


def passes(rng: random.Random, effect: float, limit: Limit | None, far: Apart | None = None) -> bool:
    """Whether an increase as large as the limit passes it."""
    return _outcome(rng, effect, limit, far, 1.0, 1) == "PASS"


def _outcome(
    rng: random.Random, effect: float, limit: Limit | None, far: Apart | None, share: float, works: int
) -> str:
    """One new session against one baseline; its works share it, and the change is a share of the limit."""
    trials = []
    shared = [rng.gauss(0, effect) for _ in range(2)]
    for _ in range(works):
        old, known, margin = stored(rng, effect, far or ONE, known=far is not None, shared=shared[0])
        held = limit or Limit(FIGURE, margin)
        new = mean_of(rng, effect, RUNS, share * math.log1p(held.margin), shared[1])
        trials.append(Trial(held, apart(new, old, far or ONE, known), (RUNS, RUNS)))
    outcomes = {verdict.outcome for verdict in judge(trials)}
    return "FAIL" if "FAIL" in outcomes else "PASS" if outcomes == {"PASS"} else "INCONCLUSIVE"


def stored(
    rng: random.Random, effect: float, far: Apart, *, known: bool, shared: float | None = None
) -> tuple[Logs, Known, float]:
    """A baseline, what is known of sessions, and the default margin.

    ``aa --sessions`` measures each with as many runs on either side; the first side is the baseline, either
    of all sessions or, by one of them, of that alone.
    """
    if not known:
        own = rng.gauss(0, effect) if shared is None else shared
        return _logs(rng, own, RUNS), UNKNOWN, DEFAULT_MARGIN
    levels = [rng.gauss(0, effect) for _ in range(SESSIONS)]
    sides = [[_logs(rng, level, RUNS).logs for level in levels] for _ in range(2)]
    means = [fmean((*a, *b)) for a, b in zip(*sides, strict=True)]
    found = scatter_of(means, "aa --sessions")
    assert found is not None
    every = [x for side in sides for session in side for x in session]
    sd = logs_of([math.exp(x) for x in every]).sd or 0.0
    runs = [x for session in (sides[0] if far is SEVERAL else sides[0][:1]) for x in session]
    margin = max(DEFAULT_MARGIN, NOISE_FACTOR * sd)
    return logs_of([math.exp(x) for x in runs]), {FIGURE: found}, margin


def apart(new: Logs, old: Logs, far: Apart, known: Known) -> Difference:
    """As `compare.contrast` does it."""
    u, dof = between(FIGURE, far, known)
    assert known or u == ASSUMED.sd * far.weight
    return with_systematic(welch(new, old), u, dof)


def mean_of(
    rng: random.Random, effect: float, runs: int, change: float = 0.0, shared: float | None = None
) -> Logs:
    """A report of one session."""
    own = rng.gauss(0, effect) if shared is None else shared
    return _logs(rng, change + own, runs)


def _logs(rng: random.Random, level: float, runs: int) -> Logs:
    return logs_of([math.exp(level + rng.gauss(0, SD)) for _ in range(runs)])
