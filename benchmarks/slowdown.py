"""Claim: a training under `energyprof exec` takes at most 1.01 × the time it takes without.

    python benchmarks/slowdown.py

A fixed number of training steps on all cores times itself (its loop alone, after a warm-up), with and without
the profiler in the order ABBA; four fake meters at 10 Hz. The median of the pairs' ratios.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from fakes.powercap import LivePowercap
from fakes.waveform import square

PAIRS = 10
LIMIT = 1.01
TRAINING = """
import sys, time
import torch
import energyprof
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Conv2d(1, 16, 3), torch.nn.ReLU(), torch.nn.Conv2d(16, 16, 3))
optimiser = torch.optim.SGD(model.parameters(), 1e-3)
images = torch.randn(16, 1, 96, 96)
def steps(n):
    for step in range(n):
        optimiser.zero_grad()
        model(images).square().mean().backward()
        optimiser.step()
        energyprof.progress(samples=16 * step)
steps(30)
start_s = time.perf_counter()
steps(400)
print(time.perf_counter() - start_s, file=open(sys.argv[1], "w"))
"""


def main() -> int:
    """Print the ratio; 1 if the claim does not hold."""
    with tempfile.TemporaryDirectory() as folder:
        powercap = LivePowercap(Path(folder) / "machine", square(20, 100, 1.0), packages=4)
        environment = {**os.environ, "ENERGYPROF_SYSFS_ROOT": str(Path(folder) / "machine")}
        told = Path(folder) / "told"
        plain = [sys.executable, "-c", TRAINING, str(told)]
        under = [sys.executable, "-m", "energyprof", "exec", "-q", "--idle", "0", "--", *plain]

        def loop_s(command: list[str]) -> float:
            subprocess.run(command, env=environment, cwd=folder, check=True)
            return float(told.read_text())

        loop_s(plain)
        ratios, plains = [], []
        for pair in range(PAIRS):
            order = (plain, under) if pair % 2 else (under, plain)
            took = {id(command): loop_s(command) for command in order}
            ratios.append(took[id(under)] / took[id(plain)])
            plains.append(took[id(plain)])
        powercap.close()
    ratio = statistics.median(ratios)
    print(f"training loop: {statistics.median(plains):.2f} s without the profiler")
    print(f"ratio with/without (median of {PAIRS} pairs): {ratio:.4f}, limit {LIMIT}")
    print(f"pairs: {', '.join(f'{r:.3f}' for r in sorted(ratios))}")
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
