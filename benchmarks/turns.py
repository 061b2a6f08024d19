"""Two trainings that take turns in one process, a block of steps each, and what their paces say."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from energyprof.workloads.training import device as torch_side

LIMIT = 0.95


def block(steps: Iterator[Any], count: int, device: Any) -> float:
    """Seconds that so many steps take."""
    torch_side.synchronise(device)
    start_s = time.monotonic()
    for _ in range(count):
        next(steps)
    torch_side.synchronise(device)
    return time.monotonic() - start_s


def in_turn(
    sides: Mapping[str, Iterator[Any]], warmup: int, pairs: int, steps: int, device: Any
) -> dict[str, list[float]]:
    """Seconds of each side's blocks, in the order ABBA after a warm-up of so many steps."""
    for side in sides.values():
        block(side, warmup, device)
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for pair in range(pairs):
        for name in sides if pair % 2 else reversed(sides):
            seconds[name].append(block(sides[name], steps, device))
    return seconds


def judged(other: str, others_s: Sequence[float], own_s: Sequence[float]) -> int:
    """Print the ratio of the paces over the pairs of blocks, with its interval; 1 if it breaks the limit."""
    ratios = [theirs / own for own, theirs in zip(own_s, others_s, strict=True)]
    rng = random.Random(0)
    medians = sorted(statistics.median(rng.choices(ratios, k=len(ratios))) for _ in range(2000))
    ratio = statistics.median(ratios)
    print(
        f"samples a second, energyprof / {other} (median of {len(ratios)} pairs): {ratio:.3f}, limit {LIMIT}"
    )
    print(f"95 % interval of the median: {medians[50]:.3f} … {medians[-50]:.3f}")
    return 0 if ratio >= LIMIT else 1
