"""Claims about inference of the tiny U-Net, by processor time on this machine, one thread, batch 16:

* with a third of its channels pruned an inference takes less, beyond the 95 % interval;
* with a third of its weights masked it takes as much: nothing is saved;
* after --qat int8 it takes in 8 bits at least 0.8 of what it takes in 32: each layer converts both ways.

    python benchmarks/inference_levers.py [--blocks 5] [--seconds 10]

Each block trains every side for a few samples and measures its inference, in random order; a side's ratio is
paired with the plain network of its block, and its interval is Student's over the blocks.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from energyprof.compare.inference import inferences
from energyprof.compare.statistics.student import t_quantile
from energyprof.report.file import read

SIDES: dict[str, tuple[str, ...]] = {
    "plain": (),
    "pruned": ("--prune", "0.33"),
    "masked": ("--prune", "0.33", "--prune-kind", "mask"),
    "rounded": ("--qat", "int8"),
}
BATCH, INT8_LEAST = 16, 0.8


def main() -> int:
    """Print each side's ratio to the plain network; 1 if a claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0)
    asked = parser.parse_args()
    rng = random.Random(0)
    ratios: dict[str, list[float]] = {"pruned": [], "masked": [], "int8": []}
    with tempfile.TemporaryDirectory() as folder:
        for block in range(asked.blocks):
            found: dict[str, dict[str, float]] = {}
            for side in rng.sample(list(SIDES), len(SIDES)):
                found[side] = measured(Path(folder) / f"{block}-{side}.json", side, asked.seconds)
            plain_s = found["plain"]["as trained"]
            ratios["pruned"].append(found["pruned"]["as trained"] / plain_s)
            ratios["masked"].append(found["masked"]["as trained"] / plain_s)
            ratios["int8"].append(found["rounded"]["int8"] / found["rounded"]["as trained"])
            told = ", ".join(f"{side} {values[-1]:.2f}" for side, values in ratios.items())
            print(f"block {block + 1} of {asked.blocks}: {told}", file=sys.stderr)
    ends = {side: interval(values) for side, values in ratios.items()}
    for side, (mean, low, high) in ends.items():
        print(f"{side:8} {mean:.2f} of the processor time an inference ({low:.2f} … {high:.2f})")
    held = (
        ends["pruned"][2] < 1.0,
        ends["masked"][1] <= 1.0 <= ends["masked"][2] or ends["masked"][0] > 1.0,
        ends["int8"][0] >= INT8_LEAST,
    )
    return 0 if all(held) else 1


def measured(path: Path, side: str, seconds: float) -> dict[str, float]:
    """Processor seconds an inference at ``BATCH``, by the kind of network."""
    short = ("--max-samples", "64", "--target", "0.99", "--idle", "0", "--device", "cpu")
    words = ("run", "unet", *short, *SIDES[side], "--inference", f"{seconds:g}", "--output", str(path))
    done = subprocess.run(
        [sys.executable, "-m", "energyprof", *words],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 4):  # 4: the target is out of reach, on purpose
        sys.exit(done.stderr)
    return {f.kind: f.cpu_s.value for f in inferences(read(path)) if f.batch == BATCH and f.cpu_s}


def interval(values: list[float]) -> tuple[float, float, float]:
    """Geometric mean and the ends of its 95 % interval."""
    logs = [math.log(value) for value in values]
    mean = statistics.fmean(logs)
    u = t_quantile(0.975, len(logs) - 1) * statistics.stdev(logs) / math.sqrt(len(logs))
    return math.exp(mean), math.exp(mean - u), math.exp(mean + u)


if __name__ == "__main__":
    sys.exit(main())
