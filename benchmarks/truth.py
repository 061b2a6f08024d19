"""Claim: against real meters U holds the truth in 95 % of blocks and cards, at most twice as wide as needed.

    .venv/bin/python benchmarks/truth.py DIR

DIR holds recordings of meters beside a physical one; benchmarks/README.md says where they come from and how
they are reduced. Their powers are replayed as rows of a trace through ``report/``, as a live meter's are.

uncalibrated: the row of ``trace/gains.py``, with all that is known of the device itself left out of it.
calibrated: with a calibration, in the loads and hours of which it is used. transferred: outside of those.
Where the truth is the very meter that the calibration was drawn by, that meter's gain is not in U.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import truth_cards
import truth_codecarbon
import truth_loads
import truth_node
from truth_row import Case, Result

KEPT, WIDEST = 0.95, 2.0


def results(cases: Iterable[Case]) -> list[Result]:
    """The cases of each kind together, in the order in which the kinds come."""
    kinds: dict[tuple[str, str], list[Case]] = {}
    for case in cases:
        kinds.setdefault((case.data, case.how), []).append(case)
    return [Result(data, how, tuple(found)) for (data, how), found in kinds.items()]


def main() -> int:
    """Prints the tables; exits with 1 if the claim does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DIR")
    folder = parser.parse_args().folder
    parts: tuple[Callable[[Path], list[Case]], ...] = (
        truth_cards.known_cards,
        truth_cards.blocks_of_cards,
        truth_node.bmc,
        truth_node.node,
        truth_loads.cases,
        truth_codecarbon.cases,
    )
    began_s = time.process_time()
    found = results(case for part in parts for case in part(folder))
    took_s = time.process_time() - began_s
    print("| data | U | cases | error: mean ± sd, largest | within U | U, median | U / what 95 % need |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for result in found:
        print(result.row)
    print()
    print("\n".join(truth_cards.boxcars(folder)))
    print()
    print("\n".join(truth_codecarbon.words(folder)))
    print(f"\n{took_s:.0f} s of CPU time, for 3 calibrations and 9 replays of half a day among the others.")
    broken = [r for r in found if not r.holds(KEPT, WIDEST)]
    for result in broken:
        print(f"BROKEN: {result.data}, {result.how}: {result.row}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
