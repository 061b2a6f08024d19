"""Claim: ten million lines of power log become a report in a minute and in 300 MB, whoever wrote them.

One log of a GPU at 10 Hz, one of eight GPUs, one of seconds since 1970, each of so many lines. Each is
imported in a process of its own, whose processor time and highest memory are taken, and then read by Python's
csv.reader alone in another: their ratio hangs less on the machine. The energy must be the trapezoids' sum to
the last digits.

    python benchmarks/import_speed.py [--lines 10000000] [--json]
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

MOST_S, MOST_MB = 60.0, 300.0
SAME = 1e-9
START_S = 1744189200  # 2025-04-09T09:00:00Z


def power_w(i: int) -> float:
    """The power of the line ``i``."""
    return 200 + i * 7919 % 5000 / 100


def stamp(tenths: int) -> str:
    """Of the first of April, 2025, and the days after it."""
    seconds, tenth = divmod(tenths, 10)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"2025/04/{day + 1:02d} {hour:02d}:{minute:02d}:{second:02d}.{tenth}00"


def one_gpu(lines: int) -> Iterator[str]:
    """As nvidia-smi writes it ten times a second."""
    yield "timestamp, power.draw [W]\n"
    for i in range(lines):
        yield f"{stamp(i)}, {power_w(i):.2f} W\n"


def eight_gpus(lines: int) -> Iterator[str]:
    """The same of eight, twice a second."""
    yield "timestamp, index, power.draw [W], utilization.gpu [%]\n"
    for i in range(lines):
        yield f"{stamp(i // 8 * 5)}, {i % 8}, {power_w(i):.2f} W, 99 %\n"


def plain(lines: int) -> Iterator[str]:
    """Seconds since 1970, and watts."""
    yield "timestamp,power_w\n"
    for i in range(lines):
        yield f"{START_S + i / 10:.1f},{power_w(i):.2f}\n"


def joules(lines: int, devices: int, step_s: float) -> float:
    """The trapezoids' sum of what the logs hold."""
    per_device = lines // devices
    return step_s * math.fsum(
        math.fsum(power_w(i * devices + device) for i in range(per_device))
        - (power_w(device) + power_w((per_device - 1) * devices + device)) / 2
        for device in range(devices)
    )


LOGS: dict[str, tuple[Callable[[int], Iterator[str]], int, float]] = {
    "one GPU": (one_gpu, 1, 0.1),
    "eight GPUs": (eight_gpus, 8, 0.5),
    "seconds since 1970": (plain, 1, 0.1),
}


READ = """
import csv, sys
for row in csv.reader(open(sys.argv[1], newline="")):
    pass
"""
IMPORT = """
import sys
from energyprof.cli import main
sys.argv = ["energyprof", "import", sys.argv[1], "-o", sys.argv[2], "--force"]
main()
"""
USED = """
import resource, sys
used = resource.getrusage(resource.RUSAGE_SELF)
print("used", used.ru_utime + used.ru_stime, used.ru_maxrss / 1000, file=sys.stderr)
"""


def in_child(code: str, *words: str) -> tuple[float, float, float]:
    """Wall time and processor time in s, and the highest memory in MB, of code in a process of its own."""
    start_s = time.monotonic()
    whole = f"try:\n{textwrap.indent(code, '    ')}\nfinally:\n{textwrap.indent(USED, '    ')}"
    done = subprocess.run(
        [sys.executable, "-c", whole, *words],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    cpu_s, memory_mb = map(float, done.stderr.rpartition("used")[2].split())
    return time.monotonic() - start_s, cpu_s, memory_mb


def main() -> int:
    """Measure, print, and say whether the claim holds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    results = {}
    holds = True
    with tempfile.TemporaryDirectory() as folder:
        for name, (log, devices, step_s) in LOGS.items():
            path, report = Path(folder, "power.csv"), Path(folder, "power.json")
            with path.open("w") as file:
                file.writelines(log(asked.lines))
            wall_s, import_s, memory_mb = in_child(IMPORT, str(path), str(report))
            _, csv_s, _ = in_child(READ, str(path))
            found_j = json.loads(report.read_text())["runs"][0]["energy_j"]
            error = found_j / joules(asked.lines, devices, step_s) - 1
            results[name] = {
                "lines": asked.lines,
                "wall_s": wall_s,
                "cpu_s": import_s,
                "memory_mb": memory_mb,
                "csv_reader_cpu_s": csv_s,
                "ratio": import_s / csv_s,
                "error": error,
            }
            holds = holds and memory_mb <= MOST_MB and abs(error) <= SAME
            holds = holds and import_s <= MOST_S * max(1.0, asked.lines / 10_000_000)
            if not asked.json:
                print(
                    f"{name:20} {asked.lines:,} lines in {import_s:5.1f} s of a processor ({wall_s:.1f} s),"
                )
                print(f"{'':20} {import_s / csv_s:.1f} × csv.reader, {memory_mb:.0f} MB, off by {error:.1e}")
    if asked.json:
        print(json.dumps({"holds": holds, "logs": results}, indent=1))
    else:
        print("holds" if holds else "DOES NOT HOLD")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
