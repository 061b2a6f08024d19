"""100,000 phases with names of their own, or 30,000 runs: made of their trace, written, read and shown.

Claim: twice as many take at most 2.5 times the processor time. That the work grows
no faster is held by counting it in tests/report/test_linear.py; here it is timed.

    python benchmarks/linear.py [--marks 100000] [--runs 30000]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "report"))

import test_linear

AT_MOST = 2.5


def main() -> int:
    """Print the times; 1 if a ratio is above the claim's."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--marks", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=30_000)
    asked = parser.parse_args()
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for made, count in (("marks", asked.marks), ("runs", asked.runs)):
            make = test_linear.MADE[made]
            few, many = (make(Path(folder, f"{made}-{n}.json"), n) for n in (count // 2, count))
            for name, work in test_linear.WORK.items():
                half_s, whole_s = spent_s(work, few), spent_s(work, many)
                worst = max(worst, whole_s / half_s)
                ratio = f"{whole_s / half_s:.2f} × that of half as many"
                print(f"{count:7,} {made}: {name:15} {whole_s:6.1f} s, {ratio}")
    return 1 if worst > AT_MOST else 0


def spent_s(work: Callable[[Path], object], path: Path) -> float:
    """Processor time of it in s."""
    start_s = time.process_time()
    work(path)
    return time.process_time() - start_s


if __name__ == "__main__":
    sys.exit(main())
