"""Logs that several tools wrote beside each other: of a GPU, of a processor, and of the wall."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from fakes.node import START_S, Truth

# Levels of GPU and processor in W, and how long each lasts: no two alike, or the logs would match twice.
LOADS = (
    *((40, 30, 61.3), (320, 60, 90.7), (40, 30, 47.9), (40, 150, 83.1), (200, 40, 66.6), (320, 140, 95.2)),
    *((120, 90, 71.8), (40, 30, 52.4), (200, 150, 88.5), (40, 90, 63.3)),
)


def load(at_s: float) -> tuple[float, float]:
    for gpu_w, cpu_w, lasts_s in LOADS:
        if at_s < lasts_s:
            return gpu_w, cpu_w
        at_s -= lasts_s
    return LOADS[-1][:2]


LENGTH_S = sum(lasts_s for _, _, lasts_s in LOADS)


def write(path: Path, powers_w: Sequence[tuple[float, float]], title: str = "power_w") -> Path:
    path.write_text(f"timestamp,{title}\n" + "".join(f"{at_s:.3f},{w:.2f}\n" for at_s, w in powers_w))
    return path


def logs(folder: Path, ahead_s: float, truth: Truth = Truth(), zero_s: float = START_S) -> tuple[Path, ...]:  # noqa: B008
    """A reading a second of the GPU, of the processor and of the wall, whose clock is ``ahead_s``."""
    rng = random.Random(1)
    found = []
    for name, phase, of in (
        ("gpu", 0.2, lambda gpu_w, cpu_w: gpu_w),
        ("cpu", 0.5, lambda gpu_w, cpu_w: cpu_w),
        ("wall", 0.9, truth.node_w),
    ):
        ahead = ahead_s if name == "wall" else 0.0
        powers_w = []
        for i in range(1, int(LENGTH_S)):
            at_s = i + phase
            mean_w = sum(of(*load(at_s - k / 20)) for k in range(20)) / 20
            powers_w.append((zero_s + at_s + ahead, mean_w + rng.gauss(0, 0.2)))
        found.append(write(folder / f"{name}.csv", powers_w))
    return tuple(found)
