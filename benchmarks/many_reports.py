"""Claim: `energyprof compare` over 1,000 reports takes at most 3 s.

    python benchmarks/many_reports.py

The reports are those of five-run trainings with twenty evaluations each; the median of five whole processes.
"""

from __future__ import annotations

import dataclasses
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from energyprof.report import Point, write
from reports import report, run

REPORTS = 1000
LIMIT_S = 3.0


def main() -> int:
    """Print the time; 1 if the claim does not hold."""
    chance = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number in range(REPORTS):
            points = tuple(Point(50 * i, i / 25, 0.5 * i, 50.0 * i) for i in range(1, 21))
            runs = [
                dataclasses.replace(run(chance.gauss(1, 0.01), seed=seed), history=points)
                for seed in range(5)
            ]
            paths.append(Path(folder) / f"{number}.json")
            write(report(runs), paths[-1])
        size = sum(path.stat().st_size for path in paths) / REPORTS
        command = [sys.executable, "-m", "energyprof", "compare", *map(str, paths)]
        walls, cpus = [], []
        for _ in range(6):
            before, start_s = os.times(), time.monotonic()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            walls.append(time.monotonic() - start_s)
            after = os.times()
            cpus.append(
                after.children_user + after.children_system - before.children_user - before.children_system
            )
    wall_s, cpu_s = statistics.median(walls[1:]), statistics.median(cpus[1:])
    print(f"{REPORTS} reports, {size / 1000:.0f} kB: {wall_s:.2f} s, {cpu_s:.2f} s CPU, limit {LIMIT_S} s")
    return 0 if wall_s <= LIMIT_S else 1


if __name__ == "__main__":
    sys.exit(main())
