"""Claims about `energyprof check` and `ab`, by simulation on normal noise and on noise of real runs:

* unchanged work fails in at most 5 % of all series of pairs, looked at after 3, 5, 7 and 10;
* a change as large as the margin passes in at most 5 % of them;
* 5 % more at 1 % noise fails in at least 95 % of them by five pairs, also if each run takes 1 % more than the
  one before it, and such a drift biases the change by at most 0.3 %;
* a report is called higher than its history, and a history is called trending, in at most 5 % each;
* apart, too, unchanged work fails and a change as large as the margin passes in at most 5 % each;
* limits, works of a suite, and level and trend of a history share these 5 %;
* what a verdict says of itself holds: the increase that it says would fail with a chance of 80 % does in 70
to
  85 %, and from the number of runs on that it names unchanged work passes in at least 80 %;
* of two reports of unchanged work `compare` calls one "best" in some figure in at most 5 %.

    python benchmarks/gate.py [REPORT …] [--series N]

The noise of real runs, drawn with replacement, is that of the reports (default: all in ``results/``) with
at least three runs: energy per sample relative to its report's mean, times √(n / (n - 1)) to make up for that
mean; and that of the samples to target of the packaged banks' seeds. What is claimed of 1 % noise is held
against the same noise scaled to 1 %. The more runs a report has, the more this says: `energyprof aa` with
``--pairs 10`` makes some. Takes five minutes for 20,000 series, after which 5 % is known to 0.3 % (k = 2).
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from energyprof.compare.change import collect
from energyprof.compare.comparison import compare
from energyprof.compare.figures import BY_NAME
from energyprof.compare.gate.folder import reports_in
from energyprof.compare.gate.history import prediction, trend
from energyprof.compare.gate.limits import Limit
from energyprof.compare.gate.verdict import Trial, judge
from energyprof.compare.statistics.intervals import (
    ALPHA,
    Difference,
    detectable,
    logs_of,
    lower_end,
    runs_needed,
    welch,
)
from energyprof.compare.statistics.sequential import LOOK_ALPHA, LOOKS, interleaved
from energyprof.report.file import from_data, read
from energyprof.report.record import Report

ROOT = Path(__file__).parent.parent
FIGURE = "energy_per_sample"
LEAST_RUNS = 3
MARGIN = Limit(FIGURE, 0.03)
NONE = Limit(FIGURE, 1e-9)  # the statistics alone hold the errors back


@dataclass(frozen=True)
class Noise:
    """What runs vary by, in logarithms."""

    label: str
    draw: Callable[[random.Random], float]  # of one run
    sd: float
    u_rel: float = 0.0  # of one value's reading, as its report would have it

    def scaled(self, sd: float) -> Noise:
        """The same noise, of another size."""
        factor = sd / self.sd
        return Noise(self.label, lambda rng: factor * self.draw(rng), sd, factor * self.u_rel)


def drawn_from(label: str, logs: Sequence[float], u_rel: float = 0.0) -> Noise:
    """The noise of runs whose logarithms were ``logs``."""
    n, mean = len(logs), math.fsum(logs) / len(logs)
    residuals = [(x - mean) * math.sqrt(n / (n - 1)) for x in logs]
    sd = math.sqrt(math.fsum(x * x for x in residuals) / n)
    return Noise(f"{label} ({n} runs)", lambda rng: rng.choice(residuals), sd, u_rel)


def main() -> int:
    """Print every share; 1 if a claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reports", nargs="*", type=Path)
    parser.add_argument("--series", type=int, default=20_000, metavar="N")
    asked = parser.parse_args()
    noises = [Noise("normal", lambda rng: rng.gauss(0, 0.01), 0.01), *real(asked.reports), *banks()]
    broken = 0
    print(f"{'noise':54} {'claim':54} {'share':>7}")
    for noise in noises:
        for claim, share, holds in claims(noise, asked.series):
            where = f"{noise.label}, sd {100 * noise.sd:.2g} %"
            print(f"{where:54} {claim:54} {100 * share:6.2f} %{'' if holds else '  BROKEN'}")
            broken += not holds
    return 1 if broken else 0


def claims(noise: Noise, n: int) -> Iterator[tuple[str, float, bool]]:
    """Each claim, what is found, and whether that is as claimed within the simulation's own uncertainty."""
    slack = 2 * math.sqrt(ALPHA * (1 - ALPHA) / n)
    draw, small = noise.draw, noise.scaled(0.01)
    for claim, limit, change in (
        ("unchanged work fails, any margin", NONE, 0.0),
        ("unchanged work fails, 3 % margin", MARGIN, 0.0),
    ):
        share = outcomes(noise, limit, change, 0.0, n)["FAIL"]
        yield claim, share, share <= ALPHA + slack
    share = outcomes(small, MARGIN, MARGIN.margin, 0.0, n)["PASS"]
    yield "3 % more passes a 3 % margin, at 1 %", share, share <= ALPHA + slack
    for drift in (0.0, 0.01):
        share = outcomes(small, MARGIN, 0.05, drift, n, LOOKS[:2])["FAIL"]
        yield f"5 % more fails by 5 pairs, at 1 %, drift {drift:.0%} a run", share, share >= 0.95 - slack
    rng = random.Random(9)
    worst = max(abs(bias(rng, small, pairs, n)) for pairs in LOOKS)
    yield "a drift of 1 % a run biases by", worst, worst <= 0.003
    higher = trending = 0
    for _ in range(n):
        means = [draw(rng) for _ in range(11)]
        logs = [logs_of([math.exp(x)]) for x in means]
        higher += lower(prediction(logs[-1], logs[:-1])) > 0
        trending += lower(trend(means)) > 0
    yield "a report is higher than the 10 before it", higher / n, higher / n <= ALPHA + slack
    yield "11 reports trend", trending / n, trending / n <= ALPHA + slack
    yield from apart(noise, n, slack)
    yield from shared(noise, n, slack)
    yield from said(noise, n, slack)


def said(noise: Noise, n: int, slack: float) -> Iterator[tuple[str, float, bool]]:
    """The claims about what verdicts and comparisons say of themselves."""
    rng, margin = random.Random(5), MARGIN.margin
    for sd, runs in ((0.01, 3), (0.02, 5), (0.04, 10)):
        true = Difference(0.0, sd * math.sqrt(2 / runs), 2 * runs - 2, sd * math.sqrt(2), 2.0)
        more, needed = detectable(true, margin=margin), runs_needed(true, margin)
        assert more is not None and needed is not None
        normal = Noise("normal", lambda rng, sd=sd: rng.gauss(0, sd), sd)
        for claim, change, count, outcome, least, most in (
            (f"+{100 * more:.1f} % fails as said", math.log1p(more), runs, "FAIL", 0.70, 0.85),
            ("unchanged passes as said", 0.0, needed, "PASS", 0.80, 1.0),
        ):
            trials = ([Trial(MARGIN, two(rng, normal, count, change), (count, count))] for _ in range(n))
            share = sum(judge(found)[0].outcome == outcome for found in trials) / n
            named = f"{claim}, {count} runs apart, sd {100 * sd:.0f} %"
            yield named, share, least - 2 * slack <= share <= most + 2 * slack
    template = next(iter(published()))[1]
    pairs = max(1, n // 20)
    best = sum(
        bool(compare([retold(rng, noise, template, 4) for _ in "ab"], ["a", "b"]).best) for _ in range(pairs)
    )
    yield "some report is best in some figure", best / pairs, best / pairs <= ALPHA + slack * math.sqrt(20)


def retold(rng: random.Random, noise: Noise, template: Report, runs: int) -> Report:
    """A report of work like that of ``template``, whose time, power and samples each vary by the noise."""
    run, made = template.runs[0], []
    for _ in range(runs):
        power, time, samples = (math.exp(noise.draw(rng)) for _ in range(3))

        def scaled(value: float | None, factor: float) -> float | None:
            return None if value is None else value * factor

        phases = tuple(
            replace(phase, energy_j=scaled(phase.energy_j, power * time), cpu_s=scaled(phase.cpu_s, time))
            for phase in run.phases
        )
        made.append(
            replace(
                run,
                energy_j=scaled(run.energy_j, power * time),
                time_s=scaled(run.time_s, time),
                cpu_s=scaled(run.cpu_s, time),
                samples=round((run.samples or 0) * samples),
                phases=phases,
                flags=(),
            )
        )
    return replace(template, runs=tuple(made))


def apart(noise: Noise, n: int, slack: float) -> Iterator[tuple[str, float, bool]]:
    """The claims about two reports that were not measured in turn."""
    rng, small = random.Random(2), noise.scaled(0.01)
    for runs in (3, 5):
        share = failing(n, lambda runs=runs: [Trial(NONE, two(rng, noise, runs), (runs, runs))])
        yield f"unchanged work fails, {runs} runs apart", share, share <= ALPHA + slack
    margin = math.log1p(MARGIN.margin)
    trials = ([Trial(MARGIN, two(rng, small, 5, margin), (5, 5))] for _ in range(n))
    share = sum(judge(found)[0].outcome == "PASS" for found in trials) / n
    yield "3 % more passes a 3 % margin, 5 runs apart, at 1 %", share, share <= ALPHA + slack


def shared(noise: Noise, n: int, slack: float) -> Iterator[tuple[str, float, bool]]:
    """The claims about several trials of one verdict."""
    rng = random.Random(3)

    def history() -> list[Trial]:
        logs = [logs_of([math.exp(noise.draw(rng))]) for _ in range(7)]
        means = [one.mean for one in logs]
        level = Trial(NONE, prediction(logs[-1], logs[:-1]), (1, 6), "history")
        return [level, Trial(NONE, trend(means), (1, 6), "trend")]

    share = failing(n, lambda: [Trial(NONE, two(rng, noise, 5), (5, 5)) for _ in range(3)])
    yield "one of three limits or works fails, 5 runs apart", share, share <= ALPHA + slack
    share = failing(n, history)
    yield "level or trend of a history fails", share, share <= ALPHA + slack
    failed = 0
    for _ in range(n):
        sides = [series(rng, noise, 0.0, 0.0, LOOKS[-1]) for _ in range(2)]
        failed += any(
            verdict.outcome == "FAIL"
            for look in LOOKS
            for verdict in judge(
                [Trial(NONE, paired(side, look), (look, look), "pairs", LOOK_ALPHA) for side in sides]
            )
        )
    yield "one of two limits fails at some look", failed / n, failed / n <= ALPHA + slack


def failing(n: int, trials: Callable[[], list[Trial]]) -> float:
    """The share of ``n`` verdicts of which some trial fails."""
    return sum(any(v.outcome == "FAIL" for v in judge(trials())) for _ in range(n)) / n


def two(rng: random.Random, noise: Noise, runs: int, change: float = 0.0) -> Difference:
    """What two reports of ``runs`` each say of a change, a logarithm."""
    new, old = ([math.exp(noise.draw(rng)) for _ in range(runs)] for _ in range(2))
    return welch(
        *(
            logs_of([x * more for x in side], noise.u_rel)
            for side, more in ((new, math.exp(change)), (old, 1.0))
        )
    )


def paired(sides: tuple[list[float], list[float], list[bool]], look: int) -> Difference:
    """What the first pairs of a series say."""
    new, old, first = sides
    return interleaved(logs_of(new[:look]), logs_of(old[:look]), first[:look])


def lower(difference) -> float:
    """The one-sided lower end; without any spread there is none below it."""
    low = lower_end(difference, ALPHA)
    return -math.inf if low is None else low


def outcomes(
    noise: Noise, limit: Limit, change: float, drift: float, n: int, looks: Sequence[int] = LOOKS
) -> dict[str, float]:
    """How often a series that stops at its first verdict ends with each."""
    rng, counts = random.Random(1), {"PASS": 0, "FAIL": 0, "INCONCLUSIVE": 0}
    for _ in range(n):
        new, old, first = series(rng, noise, change, drift, looks[-1])
        outcome = "INCONCLUSIVE"
        for look in looks:
            sides = [logs_of(side[:look], noise.u_rel) for side in (new, old)]
            found = interleaved(*sides, first[:look])
            (verdict,) = judge([Trial(limit, found, (look, look), "pairs", LOOK_ALPHA)])
            outcome = verdict.outcome
            if outcome != "INCONCLUSIVE":
                break
        counts[outcome] += 1
    return {outcome: count / n for outcome, count in counts.items()}


def series(
    rng: random.Random, noise: Noise, change: float, drift: float, pairs: int
) -> tuple[list[float], list[float], list[bool]]:
    """New and old runs in the order A B B A …, of which each drifts by a share of the one before."""
    new, old, first = [], [], []
    for pair in range(pairs):
        places = (2 * pair, 2 * pair + 1)
        b_first = pair % 2 == 1
        a_at, b_at = places[::-1] if b_first else places
        old.append(math.exp(drift * a_at + noise.draw(rng)))
        new.append((1 + change) * math.exp(drift * b_at + noise.draw(rng)))
        first.append(b_first)
    return new, old, first


def bias(rng: random.Random, noise: Noise, pairs: int, n: int) -> float:
    """The mean change that a drift of 1 % a run feigns; the noise's own mean is not the drift's."""
    total = 0.0
    for _ in range(n // 10):
        state = rng.getstate()
        with_drift = series(rng, noise, 0.0, math.log(1.01), pairs)
        rng.setstate(state)
        without = series(rng, noise, 0.0, 0.0, pairs)
        a, b = (interleaved(logs_of(new), logs_of(old), first) for new, old, first in (with_drift, without))
        total += a.log_ratio - b.log_ratio
    return total / (n // 10)


def real(paths: Sequence[Path]) -> Iterator[Noise]:
    """The noise of each report that has enough runs."""
    for label, report in [(path.stem, read(path)) for path in paths] or published():
        values = collect(BY_NAME[FIGURE], report)
        if values is not None and values.logs is not None and len(values.values) >= LEAST_RUNS:
            yield drawn_from(label, values.logs.logs)


def banks() -> Iterator[Noise]:
    """The noise of the packaged banks' samples to target, which evaluating makes coarse."""
    for path in sorted((ROOT / "energyprof" / "workloads" / "banks").glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        reached = [run for run in content["runs"] if run["status"] == "reached"]
        if len(reached) < LEAST_RUNS:
            continue
        steps = [(run["history"][-1][0] - run["history"][-2][0]) / run["samples"] for run in reached]
        coarse = math.sqrt(math.fsum(step**2 for step in steps) / len(steps) / 12)
        yield drawn_from(f"bank {path.stem}", [math.log(run["samples"]) for run in reached], coarse)


def published() -> Iterator[tuple[str, Report]]:
    """The reports of this repository."""
    results = ROOT / "results"
    for found in reports_in(results):
        if found.data is not None:
            where = str(found.path.relative_to(results))
            yield where.removesuffix(".json"), from_data(found.data, where)


if __name__ == "__main__":
    sys.exit(main())
