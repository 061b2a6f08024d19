"""A program that takes a node through levels of load: ``python -m energyprof.profile.node_load SECONDS``.

Processors and GPUs alone, both, at levels, idle between: so that ``calibrate --node`` can tell them apart. It
is run as ``exec`` runs any program, and marks each level as a phase.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from energyprof import mark
from energyprof.measure.meters import find_asked, sysfs_root
from energyprof.measure.selection import select
from energyprof.profile.loads import Loads, loads

# Shares of the GPUs' and of the processors' time. Each moves alone, and with the other at two levels of it.
BOTH: tuple[tuple[float, float], ...] = (
    *((0.0, 0.0), (0.0, 1.0), (0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 0.5), (0.5, 0.0), (0.5, 0.5)),
    *((1.0, 0.5), (0.5, 1.0), (0.0, 0.0)),
)
# Without a GPU that can be loaded; idle once more at the end, since machines warm up.
PROCESSORS: tuple[tuple[float, float], ...] = tuple(
    (0.0, share) for share in (0.0, 1.0, 0.25, 0.75, 0.5, 0.0, 1.0, 0.0)
)


def levels(loaded: Loads) -> tuple[tuple[float, float], ...]:
    """The levels for what can be loaded."""
    kinds = {target.kind for target in loaded.targets}
    return BOTH if "gpu" in kinds else PROCESSORS


def name_of(gpu: float, cpu: float) -> str:
    """A level in words, a phase's name."""
    if gpu == cpu == 0:
        return "idle"
    parts = [f"{kind} {100 * share:.0f} %" for kind, share in (("GPU", gpu), ("CPU", cpu)) if share > 0]
    return ", ".join(parts)


def main(arguments: Sequence[str]) -> int:
    """Go through the levels; the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("seconds", type=float)
    parser.add_argument("--python", default=sys.executable)
    asked = parser.parse_args(arguments)
    root = sysfs_root()
    selection = select(find_asked(root, ("auto",)), ("auto",))
    with loads([source.info for source in selection.sources], root, asked.python) as loaded:
        for line in (*loaded.unloaded, *loaded.notes):
            print(line, file=sys.stderr, flush=True)
        for gpu, cpu in levels(loaded):
            mark(name_of(gpu, cpu))
            for target, ones in loaded.of.items():
                for one in ones:
                    one.share(gpu if target.kind == "gpu" else cpu)
            time.sleep(asked.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
