"""What measuring from within a program costs it.

Claims: ``energyprof.measure()`` around nothing takes at most 300 ms the first time, which starts the
profiler, and 2 ms from then on; 10,000 calls of ``energyprof.energy()`` take at most 1 s; ``import
energyprof`` takes at most 30 ms of processor time; a loop of steps of some 20 ms that measures and asks at
every step is slowed by at most 1 %.

``python benchmarks/measure.py [--rounds 10]``
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile

import installed

FIRST_S, THEN_S, ASKED_S, IMPORT_S, SLOWED = 0.3, 0.002, 1.0, 0.03, 0.01

PROGRAM = """
import json, time
cpu_s = time.process_time()
import energyprof
energyprof.mark, energyprof.measure  # each is loaded when it is first used
import_s = time.process_time() - cpu_s

begun_s = time.perf_counter()
with energyprof.measure("first"):
    pass
first_s = time.perf_counter() - begun_s

begun_s = time.perf_counter()
for _ in range(1000):
    with energyprof.measure("then"):
        pass
then_s = (time.perf_counter() - begun_s) / 1000

begun_s = time.perf_counter()
for _ in range(10_000):
    energyprof.energy()
asked_s = time.perf_counter() - begun_s


def step():  # some 20 ms of work
    return sum(number * number for number in range(250_000))


def bare(steps):
    begun_s = time.perf_counter()
    for _ in range(steps):
        step()
    return time.perf_counter() - begun_s


def measured(steps):
    begun_s = time.perf_counter()
    for _ in range(steps):
        with energyprof.measure("step"):
            step()
        energyprof.energy()
    return time.perf_counter() - begun_s


ratios = []
for _ in range(4):  # in the order ABBA: a machine that becomes faster or slower favours neither
    a, b, c, d = bare(25), measured(25), measured(25), bare(25)
    ratios.append((b + c) / (a + d))
slower = sorted(ratios)[1] / 2 + sorted(ratios)[2] / 2 - 1
print(json.dumps([import_s, first_s, then_s, asked_s, slower]))
"""


def main() -> int:
    """Time it in programs of their own; 1 if a claim does not hold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=10, metavar="N", help="programs (default: 10)")
    rounds = parser.parse_args().rounds
    rows = []
    for _ in range(rounds + 1):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [sys.executable, "-c", PROGRAM],
                cwd=folder,
                env=installed.environment(),
                capture_output=True,
                text=True,
                check=True,
            )
            rows.append(json.loads(done.stdout))
    # The first one also compiles what it loads.
    columns = [statistics.median(column) for column in zip(*rows[1:], strict=True)]
    claims = (
        ("import energyprof and all that it has, processor time", 1e3, "ms", IMPORT_S),
        ("measure() around nothing, the first", 1e3, "ms", FIRST_S),
        ("measure() around nothing, from then on", 1e3, "ms", THEN_S),
        ("10,000 calls of energy()", 1.0, "s", ASKED_S),
        ("a loop that measures and asks at every step, slower by", 100.0, "%", SLOWED),
    )
    held = True
    for (what, factor, unit, limit), value in zip(claims, columns, strict=True):
        held &= value <= limit
        print(f"{what}: {value * factor:.3g} {unit} (at most {limit * factor:g} {unit})")
    print(f"medians of {rounds} programs")
    return int(not held)


if __name__ == "__main__":
    sys.exit(main())
