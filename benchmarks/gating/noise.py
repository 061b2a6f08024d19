"""What runs vary by: normal, heavy-tailed, with outliers, hanging together, and as real runs did."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from energyprof.compare.change import collect
from energyprof.compare.figures import BY_NAME
from energyprof.compare.gate.folder import reports_in
from energyprof.report.file import from_data
from energyprof.report.record import Report

ROOT = Path(__file__).parent.parent.parent
FIGURE = "energy_per_sample"
LEAST_RUNS = 3
SD = 0.01


@dataclass(frozen=True)
class Noise:
    """What runs vary by, in logarithms."""

    label: str
    draw: Callable[[random.Random, int], list[float]]  # of so many runs that follow each other
    sd: float
    u_rel: float = 0.0  # of one value's reading, as its report would have it

    def scaled(self, sd: float) -> Noise:
        """The same noise, of another size."""
        factor = sd / self.sd
        return Noise(
            self.label, lambda rng, n: [factor * x for x in self.draw(rng, n)], sd, factor * self.u_rel
        )


def alone(draw: Callable[[random.Random], float]) -> Callable[[random.Random, int], list[float]]:
    """Runs that do not hang together."""
    return lambda rng, n: [draw(rng) for _ in range(n)]


def student(rng: random.Random) -> float:
    """Student's t of three degrees of freedom, whose tails are heavy; its sd is `SD`."""
    return SD / math.sqrt(3) * rng.gauss(0, 1) / math.sqrt(rng.gammavariate(1.5, 2) / 3)


def with_outliers(rng: random.Random) -> float:
    """One run in ten is ten times as far off."""
    return rng.gauss(0, SD * (10 if rng.random() < 0.1 else 1))


def ar1(rho: float) -> Callable[[random.Random, int], list[float]]:
    """Each run goes on from the one before by ``rho``."""

    def draw(rng: random.Random, n: int) -> list[float]:
        values = [rng.gauss(0, SD)]
        while len(values) < n:
            values.append(rho * values[-1] + rng.gauss(0, SD * math.sqrt(1 - rho * rho)))
        return values[:n]

    return draw


NORMAL = Noise("normal", alone(lambda rng: rng.gauss(0, SD)), SD)
KINDS = {
    "normal": NORMAL,
    "heavy tails, t(3)": Noise("heavy tails, t(3)", alone(student), SD),
    "10 % outliers × 10": Noise("10 % outliers × 10", alone(with_outliers), SD),
    "AR(1), ρ = 0.25": Noise("AR(1), ρ = 0.25", ar1(0.25), SD),
    "AR(1), ρ = 0.5": Noise("AR(1), ρ = 0.5", ar1(0.5), SD),
}


def drawn_from(label: str, logs: Sequence[float], u_rel: float = 0.0) -> Noise:
    """The noise of runs whose logarithms were ``logs``: drawn again, times √(n / (n - 1)) for their mean."""
    n, mean = len(logs), math.fsum(logs) / len(logs)
    residuals = [(x - mean) * math.sqrt(n / (n - 1)) for x in logs]
    sd = math.sqrt(math.fsum(x * x for x in residuals) / n)
    return Noise(f"{label} ({n} runs)", alone(lambda rng: rng.choice(residuals)), sd, u_rel)


def real() -> Iterator[Noise]:
    """The noise of each report of this repository that has enough runs, and of the banks' seeds."""
    for label, report in published():
        values = collect(BY_NAME[FIGURE], report)
        if values is not None and values.logs is not None and len(values.values) >= LEAST_RUNS:
            yield drawn_from(label, values.logs.logs)
    for path in sorted((ROOT / "energyprof" / "workloads" / "banks").glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        reached = [run for run in content["runs"] if run["status"] == "reached"]
        if len(reached) < LEAST_RUNS:
            continue
        # Evaluating makes samples to target coarse.
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
