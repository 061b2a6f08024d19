"""Claim: the CPU time of a training's processes is read for less than psutil takes for the same.

    python benchmarks/processes.py

A tree of eight children is asked for in turn by both, as a profiler does ten times a second; the processor
time of each. Psutil looks for children among all processes of the machine, we follow those that the kernel
names.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import psutil

from energyprof.profile.process_tree import ProcessTree

CHILDREN, READS, ROUNDS = 8, 100, 9


def by_psutil() -> float:
    """User + system time of this process and all below it."""
    here = psutil.Process()
    times = [process.cpu_times() for process in (here, *here.children(recursive=True))]
    return sum(one.user + one.system for one in times)


def cost_s(read: Callable[[], object]) -> float:
    """The processor time of one reading."""
    began_s = time.process_time()
    for _ in range(READS):
        read()
    return (time.process_time() - began_s) / READS


def main() -> int:
    """Print both; 1 if ours is not the cheaper."""
    children = [subprocess.Popen(["sleep", "120"]) for _ in range(CHILDREN)]
    try:
        tree = ProcessTree(os.getpid())
        pairs = [(cost_s(tree.read), cost_s(by_psutil)) for _ in range(ROUNDS)]
    finally:
        for child in children:
            child.kill()
            child.wait()
    ours_s, theirs_s = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(theirs / ours for ours, theirs in pairs)
    theirs = f"psutil {psutil.__version__} {theirs_s * 1e3:.2f} ms"
    print(f"energyprof {ours_s * 1e3:.2f} ms, {theirs}: {ratio:.0f} ×")
    return 0 if ratio > 1 else 1


if __name__ == "__main__":
    sys.exit(main())
