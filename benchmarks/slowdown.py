"""Claim: a training under `energyprof exec` takes at most 1.01 × the time it takes without.

    python benchmarks/slowdown.py

One training on all cores runs under the profiler, four fake meters at 10 Hz, and the profiler is stopped and
continued (SIGSTOP, SIGCONT) every half second in the order ABBA, so that the two sides of a pair lie next to
each other in time: on a shared machine whole runs differ by 30 % for reasons of their own. The ratio of the
mean step's time with and without, the median over the pairs, and a bootstrap interval of that median.
"""

from __future__ import annotations

import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from array import array
from bisect import bisect_left
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from fakes.powercap import LivePowercap
from fakes.waveform import square

PAIRS = 240
SLICE_S = 0.5
LIMIT = 1.01
TRAINING = """
import sys, time
from array import array
import torch
import energyprof
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Conv2d(1, 16, 3), torch.nn.ReLU(), torch.nn.Conv2d(16, 16, 3))
optimiser = torch.optim.SGD(model.parameters(), 1e-3)
images = torch.randn(8, 1, 32, 32)
ends = array("d")
until_s = time.monotonic() + float(sys.argv[2])
energyprof.mark("train")
while time.monotonic() < until_s:
    optimiser.zero_grad()
    model(images).square().mean().backward()
    optimiser.step()
    energyprof.progress(samples=8 * len(ends))
    ends.append(time.monotonic())
with open(sys.argv[1], "wb") as file:
    ends.tofile(file)
"""


def step_s(ends: array[float], start_s: float, end_s: float) -> float:
    """The mean time of the steps that lie between two times."""
    first, last = bisect_left(ends, start_s), bisect_left(ends, end_s) - 1
    return (ends[last] - ends[first]) / (last - first)


def main() -> int:
    """Print the ratio; 1 if the claim does not hold."""
    with tempfile.TemporaryDirectory() as folder:
        root, told = Path(folder) / "machine", Path(folder) / "told"
        powercap = LivePowercap(root, square(20, 100, 1.0), packages=4, renew_s=0.02)
        last_s = 2 * PAIRS * SLICE_S + 20
        profiler = subprocess.Popen(
            [
                *(sys.executable, "-m", "energyprof", "exec", "-q", "--idle", "0", "--interval", "0.1", "--"),
                *(sys.executable, "-c", TRAINING, str(told), str(last_s)),
            ],
            env={**os.environ, "ENERGYPROF_SYSFS_ROOT": str(root)},
            cwd=folder,
        )
        time.sleep(15)  # torch is loaded and the first steps are done
        slices: list[tuple[str, float, float]] = []
        for pair in range(PAIRS):
            for side in ("with", "without") if pair % 2 else ("without", "with"):
                profiler.send_signal(signal.SIGCONT if side == "with" else signal.SIGSTOP)
                start_s = time.monotonic()
                time.sleep(SLICE_S)
                slices.append((side, start_s, time.monotonic()))
        profiler.send_signal(signal.SIGCONT)
        profiler.wait()
        powercap.close()
        ends = array("d")
        ends.frombytes(told.read_bytes())
    ratios = []
    for pair in range(PAIRS):
        took = {side: step_s(ends, *window) for side, *window in slices[2 * pair : 2 * pair + 2]}
        ratios.append(took["with"] / took["without"])
    rng = random.Random(0)
    medians = sorted(statistics.median(rng.choices(ratios, k=PAIRS)) for _ in range(2000))
    ratio = statistics.median(ratios)
    print(f"steps: {len(ends)}, {1000 * (ends[-1] - ends[0]) / len(ends):.2f} ms each")
    print(f"ratio with/without (median of {PAIRS} pairs): {ratio:.4f}, limit {LIMIT}")
    print(f"95 % interval of the median: {medians[50]:.4f} … {medians[-50]:.4f}")
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
