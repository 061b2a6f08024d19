"""The work that a machine is held against itself by: ``python -m energyprof.profile.control_load SECONDS``.

All processors, then all GPUs that are metered, each for so many seconds once they are warm. How much of their
work they did, and how fast and hot the processors were, is told as facts of the run.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from energyprof import mark
from energyprof.measure.meters import find_asked, sysfs_root
from energyprof.measure.processors_now import clock_mhz, temperature_c
from energyprof.measure.selection import select
from energyprof.profile.loads import Loads, loads
from energyprof.report.meter_test.steps import Target
from energyprof.wire import connect

# Clocks and fans settle within the first seconds of a load, as far as they do within a minute.
WARM_S = 3.0
LOOK_S = 0.5

Kind = Literal["cpu", "gpu"]


def main(arguments: Sequence[str]) -> int:
    """Do the work; the exit code: 2 if a load ended before its time."""
    parser = argparse.ArgumentParser()
    parser.add_argument("seconds", type=float)
    parser.add_argument("--python", default=sys.executable)
    asked = parser.parse_args(arguments)
    root = sysfs_root()
    infos = [source.info for source in select(find_asked(root, ("auto",)), ("auto",)).sources]
    facts: dict[str, Any] = {"python": platform.python_version(), "work": {}, "about": {}}
    with loads(infos, root, asked.python) as loaded:
        facts["unloaded"] = list(loaded.unloaded)
        kinds: tuple[Kind, ...] = ("cpu", "gpu")
        for kind in kinds:
            targets = [target for target in loaded.targets if target.kind == kind]
            if targets and (lost := _stage(kind, targets, loaded, asked.seconds, root, facts)):
                print(f"{lost}: its load ended before its time", file=sys.stderr)
                return 2
    wire = connect()
    if wire is not None:
        wire.send("facts", facts={"control": facts})
    return 0


def _stage(
    kind: Kind, targets: Sequence[Target], loaded: Loads, seconds: float, root: Path, facts: dict[str, Any]
) -> str:
    """One kind of device at its work, into ``facts``; the name of one whose load ended."""
    mark(f"{kind} warm-up")
    for target in targets:
        for one in loaded.of[target]:
            one.share(1.0)
    time.sleep(WARM_S)
    mark(kind)
    before = _done(targets, loaded)
    clocks, warm = _watch(seconds, root)
    after = _done(targets, loaded)
    mark("rest")
    for target in targets:
        for one in loaded.of[target]:
            one.share(0.0)
    for target in targets:
        first, last = before.get(target.name), after.get(target.name)
        if first is None or last is None:
            return target.name
        (first_s, done), (last_s, more) = first, last
        facts["work"][target.name] = {"kind": kind, "rounds": more - done, "seconds": last_s - first_s}
        facts["about"][target.name] = target.about
    if kind == "cpu":
        facts["cpu_mhz"], facts["cpu_c"] = clocks, warm
    return ""


def _done(targets: Sequence[Target], loaded: Loads) -> dict[str, tuple[float, int]]:
    """When each was asked, and how much of its work it had done; one whose load has ended is missing."""
    found = {}
    for target in targets:
        start_s = time.monotonic()
        counts = [one.done() for one in loaded.of[target]]
        known = [count for count in counts if count is not None]
        if len(known) == len(counts):
            found[target.name] = ((start_s + time.monotonic()) / 2, sum(known))
    return found


def _watch(seconds: float, root: Path) -> tuple[float | None, float | None]:
    """The processors' mean clock in MHz and temperature in °C over so many seconds."""
    clocks, warm = [], []
    until_s = time.monotonic() + seconds
    while (left_s := until_s - time.monotonic()) > 0:
        time.sleep(min(LOOK_S, left_s))
        clocks.append(clock_mhz(root))
        warm.append(temperature_c(root))
    return _mean(clocks), _mean(warm)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
