"""Claims about joining nodes' reports:

* 64 nodes of one hour at 10 Hz, with their traces: at most 20 s and 300 MB;
* 1,000 nodes' reports without traces: at most 30 s.

    python benchmarks/join.py [--hours H]

The traces hold a noisy power of one meter a node. One whole process each; the machine should have nothing
else to do.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from energyprof.report.file import read, trace_path, write
from energyprof.report.record import NodeRecord
from fakes.nodes import Node, record

NODES, JOINED_S, JOINED_BYTES = 64, 20.0, 300e6
REPORTS, REPORTS_S = 1000, 30.0


def main() -> int:
    """Print times and memory; 1 if a claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=1.0, help="how long each node was recorded")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        node = Node("node", 300.0, train_s=3600 * asked.hours, noise_w=5.0)
        one = record(node, folder)
        with_traces = [copied(one, folder / f"t{i}.json", i) for i in range(NODES)]
        for path in with_traces:
            shutil.copy(trace_path(one), trace_path(path))
        joined_s, cpu_s, rss = cost(with_traces, folder / "traced.json")
        size = trace_path(folder / "traced.json").stat().st_size
        print(
            f"{NODES} nodes, {asked.hours:g} h: {joined_s:.1f} s, {cpu_s:.1f} s CPU, {rss / 1e6:.0f} MB"
            f" (trace {size / 1e6:.0f} MB)"
        )
        without = [copied(one, folder / f"r{i}.json", i) for i in range(REPORTS)]
        reports_s, more_s, more = cost(without, folder / "many.json")
        print(f"{REPORTS} reports without traces: {reports_s:.1f} s, {more_s:.1f} s CPU, {more / 1e6:.0f} MB")
    return 0 if joined_s <= JOINED_S and rss <= JOINED_BYTES and reports_s <= REPORTS_S else 1


def copied(report: Path, path: Path, number: int) -> Path:
    """The same report as another node's, which began some milliseconds later."""
    found = read(report)
    run = found.runs[0]
    utc = run.clock.utc.replace(".000Z", f".{number % 1000:03d}Z")
    clock = dataclasses.replace(run.clock, utc=utc)
    node = NodeRecord(f"node-{number}", {"id": f"sha256:{number}", "host": f"node-{number}"})
    write(dataclasses.replace(found, nodes=(node,), runs=(dataclasses.replace(run, clock=clock),)), path)
    return path


def cost(paths: list[Path], output: Path) -> tuple[float, float, float]:
    """Seconds, seconds of processor time and most resident bytes of ``energyprof join``."""
    words = [sys.executable, "-m", "energyprof", "join", *map(str, paths), "-o", str(output)]
    began_s = time.monotonic()
    child = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"energyprof join: exit {child.returncode}")
    cpu_s = usage.ru_utime + usage.ru_stime
    return time.monotonic() - began_s, cpu_s, usage.ru_maxrss * 1024


if __name__ == "__main__":
    sys.exit(main())
