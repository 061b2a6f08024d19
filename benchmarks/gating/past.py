"""Claims about a report and its history, and about comparisons."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import replace

from energyprof.compare.comparison import compare
from energyprof.compare.gate.prediction import correlated, prediction, trend
from energyprof.compare.gate.verdict import Trial, judge
from energyprof.compare.statistics.intervals import logs_of
from energyprof.report.record import Report
from gating.claim import Claim, errs
from gating.noise import Noise, published
from gating.pairs import NONE


def claims(noise: Noise, n: int) -> Iterator[Claim]:
    """Of reports that follow each other with this noise: level and trend share their 5 %."""
    for past in (6, 10):
        rng, failed = random.Random(3), 0
        for _ in range(n):
            logs = [logs_of([math.exp(x)]) for x in noise.draw(rng, past + 1)]
            ahead = correlated(prediction(logs[-1], logs[:-1]))
            rise = trend([one.mean for one in logs])
            trials = [Trial(NONE, ahead, (1, past), "history"), Trial(NONE, rise, (1, past), "trend")]
            failed += any(verdict.outcome == "FAIL" for verdict in judge(trials))
        yield errs(noise.label, f"unchanged fails, level or trend, {past} reports before it", failed / n, n)


def best(noise: Noise, n: int) -> Iterator[Claim]:
    """How often two reports of unchanged work have a "best" in some figure."""
    template, rng = next(iter(published()))[1], random.Random(5)
    found = sum(
        bool(compare([retold(rng, noise, template, 4) for _ in "ab"], ["a", "b"]).best) for _ in range(n)
    )
    yield errs(noise.label, "one of two reports is best in some figure", found / n, n)


def retold(rng: random.Random, noise: Noise, template: Report, runs: int) -> Report:
    """A report of work like that of ``template``, whose time, power and samples each vary by the noise."""
    run, made = template.runs[0], []
    drawn = [noise.draw(rng, runs) for _ in range(3)]
    for logs in zip(*drawn, strict=True):
        power, time, samples = map(math.exp, logs)

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
