"""Claims about many reports:

* `energyprof compare` over 1,000 of them takes at most 3 s;
* `energyprof check --history` over 10,000 takes at most 10 s and 500 MB;
* either takes at most four times the processor time of `json.load` of the same files: of those compared all
  are kept, as a comparison has to. (Letting each go before the next takes less: that ratio stands beside.)

    python benchmarks/many_reports.py [--keep FOLDER]

Those that are compared are of five-run trainings with twenty evaluations at their ends (19 kB), those of the
history of trainings that they interrupt (50 kB). The median of three whole processes.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import installed

from energyprof.report.file import write
from energyprof.report.record import Point, Report
from reports import report, run

COMPARED, PAST = 1000, 10_000
COMPARE_S, HISTORY_S, HISTORY_BYTES, RATIO = 3.0, 10.0, 500e6, 4.0
TIMES = 3


def main() -> int:
    """Print times and memory; 1 if a claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where the reports are, or shall stay")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.keep or Path(temporary)
        some, past, new = folder / "some", folder / "past", folder / "new.json"
        if not new.exists():
            rng = random.Random(0)
            for number in range(COMPARED):
                write(made(rng, number, stretches=1), some / f"{number}.json")
            for number in range(PAST):
                write(made(rng, number, stretches=12), past / f"{number}.json")
            write(made(rng, PAST, stretches=12), new)
        compared_s, cpu_s, _ = cost(["compare", *map(str, sorted(some.iterdir()))])
        ratio, beside = (cpu_s / loaded_s(some, keep=keep) for keep in (True, False))
        size = (some / "0.json").stat().st_size / 1000
        print(
            f"compare, {COMPARED} reports of {size:.0f} kB: {compared_s:.2f} s, {cpu_s:.2f} s CPU, "
            f"{ratio:.1f} x json.load (of one after the other: {beside:.1f})"
        )
        judged_s, cpu_s, rss = cost(["check", str(new), "--history", str(past)])
        of_history = cpu_s / loaded_s(past, keep=False)
        size = new.stat().st_size / 1000
        print(
            f"check --history, {PAST} reports of {size:.0f} kB: {judged_s:.2f} s, {cpu_s:.2f} s CPU, "
            f"{rss / 1e6:.0f} MB, {of_history:.1f} x json.load"
        )
    held = compared_s <= COMPARE_S and judged_s <= HISTORY_S and rss <= HISTORY_BYTES
    return 0 if held and max(ratio, of_history) <= RATIO else 1


def made(rng: random.Random, number: int, stretches: int) -> Report:
    """One of the reports, made ``number`` minutes after the first; an evaluation follows each stretch."""
    points = tuple(Point(50 * i, i / 25, 0.5 * i, 50.0 * i) for i in range(1, 21))
    runs = []
    for seed in range(5):
        whole = run(rng.gauss(1, 0.01), seed=seed)
        startup, train, evaluation = whole.phases
        part_j = (train.energy_j or 0.0) / stretches
        part = dataclasses.replace(train, samples=(train.samples or 0) // stretches, energy_j=part_j)
        phases = (startup, *(part, evaluation) * stretches)
        runs.append(dataclasses.replace(whole, history=points, phases=phases))
    day, minute = divmod(number, 1440)
    created = f"2026-01-{day + 1:02}T{minute // 60:02}:{minute % 60:02}:00Z"
    return dataclasses.replace(report(runs), created=created)


def loaded_s(folder: Path, *, keep: bool) -> float:
    """The least processor time of `json.load` of all files in ``folder``, in a process of its own."""
    made = [sys.executable, "-c", LOAD, str(folder), "keep" if keep else ""]
    said = [subprocess.run(made, check=True, capture_output=True, text=True).stdout for _ in range(TIMES)]
    return min(map(float, said))


LOAD = """
import json, sys, time
from pathlib import Path
kept, paths = [], list(Path(sys.argv[1]).iterdir())
start_s = time.process_time()
for path in paths:
    with open(path) as file:
        data = json.load(file)
    if sys.argv[2]:
        kept.append(data)
print(time.process_time() - start_s)
"""


def cost(words: Sequence[str]) -> tuple[float, float, float]:
    """Median wall and CPU seconds of a command, and the largest resident set of its processes in bytes."""
    walls, cpus, rss = [], [], 0
    for _ in range(TIMES + 1):
        start_s = time.monotonic()
        child = subprocess.Popen(
            [sys.executable, "-m", "energyprof", *words],
            env=installed.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in (0, 1):
            sys.exit(f"energyprof {words[0]} exited with {child.returncode}")
        walls.append(time.monotonic() - start_s)
        cpus.append(usage.ru_utime + usage.ru_stime)
        rss = max(rss, usage.ru_maxrss * 1024)
    # The first one also compiles what it loads, and brings the files into memory.
    return statistics.median(walls[1:]), statistics.median(cpus[1:]), rss


if __name__ == "__main__":
    sys.exit(main())
