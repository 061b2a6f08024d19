"""Claims about many reports:

* `energyprof compare` over 1,000 lean ones takes at most 3 s;
* `energyprof check --history` over 10,000 takes at most 10 s and 500 MB;
* either takes at most four times the processor time of `json.load` of the same files: of those compared all
  are kept, as a comparison has to. (Letting each go before the next takes less: that ratio stands beside.)
  That is of reports as `run unet` writes them: of lean ones the statistics take longer than reading.

    python benchmarks/many_reports.py [--keep FOLDER]

Those that are compared are a published report of three trainings of the U-Net, with other joules and seconds
each time, as today's writer writes it (93 kB); then lean ones of five runs with twenty evaluations at their
ends (22 kB); those of the history are of trainings that evaluations interrupt (65 kB). The median of three
whole processes.
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

from energyprof.report.file import read, write
from energyprof.report.record import Point, Report
from reports import report, run

COMPARED, PAST = 1000, 10_000
COMPARE_S, HISTORY_S, HISTORY_BYTES, RATIO = 3.0, 10.0, 500e6, 4.0
TIMES = 3
PUBLISHED = Path(__file__).parent.parent / "results/vm-epyc-2/unet-tiny/seeds-0-2.json"


def main() -> int:
    """Print times and memory; 1 if a claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where the reports are, or shall stay")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.keep or Path(temporary)
        real, lean, past, new = folder / "real", folder / "lean", folder / "past", folder / "new.json"
        if not new.exists():
            rng = random.Random(0)
            for number in range(COMPARED):
                write(varied(rng, number), real / f"{number}.json")
                write(made(rng, number, stretches=1), lean / f"{number}.json")
            for number in range(PAST):
                write(made(rng, number, stretches=12), past / f"{number}.json")
            write(made(rng, PAST, stretches=12), new)
        (_, ratio), (lean_s, _) = compared(real), compared(lean)
        judged_s, cpu_s, rss = cost(["check", str(new), "--history", str(past)])
        of_history = cpu_s / loaded_s(past, keep=False)
        size = new.stat().st_size / 1000
        print(
            f"check --history, {PAST} reports of {size:.0f} kB: {judged_s:.2f} s, {cpu_s:.2f} s CPU, "
            f"{rss / 1e6:.0f} MB, {of_history:.1f} x json.load"
        )
    held = lean_s <= COMPARE_S and judged_s <= HISTORY_S and rss <= HISTORY_BYTES
    return 0 if held and max(ratio, of_history) <= RATIO else 1


def compared(folder: Path) -> tuple[float, float]:
    """Seconds that comparing the reports in ``folder`` takes, and its processor time against `json.load`."""
    taken_s, cpu_s, _ = cost(["compare", *map(str, sorted(folder.iterdir()))])
    ratio, beside = (cpu_s / loaded_s(folder, keep=keep) for keep in (True, False))
    size = (folder / "0.json").stat().st_size / 1000
    print(
        f"compare, {COMPARED} reports of {size:.0f} kB: {taken_s:.2f} s, {cpu_s:.2f} s CPU, "
        f"{ratio:.1f} x json.load (of one after the other: {beside:.1f})"
    )
    return taken_s, ratio


def varied(rng: random.Random, number: int) -> Report:
    """The published report, ``number`` minutes after the first, with each run's joules and seconds varied."""
    published = read(PUBLISHED)
    runs = []
    for one in published.runs:
        scale = rng.gauss(1, 0.01)
        phases = tuple(dataclasses.replace(p, energy_j=(p.energy_j or 0.0) * scale) for p in one.phases)
        energy_j, time_s = (one.energy_j or 0.0) * scale, (one.time_s or 0.0) * scale
        runs.append(dataclasses.replace(one, energy_j=energy_j, time_s=time_s, phases=phases))
    return dataclasses.replace(published, runs=tuple(runs), created=minutes_later(number))


def minutes_later(number: int) -> str:
    """When a report was made."""
    day, minute = divmod(number, 1440)
    return f"2026-01-{day + 1:02}T{minute // 60:02}:{minute % 60:02}:00Z"


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
    return dataclasses.replace(report(runs), created=minutes_later(number))


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
