"""CodeCarbon beside a plug: 318 runs on one machine, and what one day's line is worth on another day."""

from __future__ import annotations

import csv
import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from truth_row import Case

from energyprof.compare.node_fit import Beside, NodeWindow, Place, fit
from energyprof.report.node_map import NodeMap
from energyprof.trace.gains import CODECARBON_MODEL

FILE = "codecarbon_against_plug.csv"
STEP_U_J = 3600.0 / math.sqrt(6)  # the plug counts Wh: two steps, each a rectangle
# A plug of this kind; the data set names no accuracy.
PLUG_U = 0.01
# Nobody says which days: as doubtful as a map can get.
ANOTHER_DAY_H = math.inf


@dataclass(frozen=True)
class PluggedRun:
    """One run: what both said."""

    kind: str
    session: str
    span_s: float
    wall_j: float
    codecarbon_j: float


def read(folder: Path) -> list[PluggedRun]:
    """The runs in which both saw something."""
    with (folder / FILE).open() as file:
        lines = list(csv.DictReader(file))
    found = [
        PluggedRun(
            f"{line['task']}, {'GPU' if 'NVIDIA' in line['device'] else 'CPU'}",
            line["session"],
            float(line["time_s"]),
            float(line["wall_j"]),
            float(line["codecarbon_j"]),
        )
        for line in lines
    ]
    return [run for run in found if run.wall_j > 0 and run.codecarbon_j > 0 and run.span_s > 0]


def cases(folder: Path) -> list[Case]:
    """CodeCarbon's figure taken for the wall's, and the wall's by a map that another day's runs gave."""
    runs, found = read(folder), []
    for run in runs:
        low_j = run.codecarbon_j * (1 - CODECARBON_MODEL.below)
        high_j = run.codecarbon_j * (1 + CODECARBON_MODEL.above)
        data = "CodeCarbon beside a plug"
        found.append(Case(data, "uncalibrated", run.codecarbon_j, low_j, high_j, run.wall_j))
    for kind in dict.fromkeys(run.kind for run in runs):
        first, second = (
            [run for run in runs if (run.kind, run.session) == (kind, day)] for day in ("day1", "day2")
        )
        # Each run by the map of all others of its day.
        for own in (first, second):
            for i, run in enumerate(own):
                by = _map([*own[:i], *own[i + 1 :]])
                found += _by_map(kind, "calibrated, the same day", by, [run], 0.0)
        found += _by_map(kind, "transferred to another day", _map(first), second, ANOTHER_DAY_H)
    return found


def _map(runs: Sequence[PluggedRun]) -> NodeMap:
    windows = []
    for i, run in enumerate(runs):
        own_w, wall_w, u_w = (j / run.span_s for j in (run.codecarbon_j, run.wall_j, STEP_U_J))
        windows.append(NodeWindow(i, i + run.span_s, (own_w,), wall_w, u_w))
    return fit(windows, [Place("machine", ("codecarbon:total",))], Beside(reference_u=PLUG_U)).map


def _by_map(kind: str, how: str, by: NodeMap, runs: Sequence[PluggedRun], hours: float) -> Iterator[Case]:
    for run in runs:
        loads_w = (run.codecarbon_j / run.span_s,)
        said_j = by.power_w(loads_w) * run.span_s
        # The plug's own step is no error of the map.
        u_j = 2 * (by.u_w(loads_w, hours) ** 2 * run.span_s**2 + STEP_U_J**2) ** 0.5
        data = f"CodeCarbon mapped to the wall: {kind}"
        yield Case(data, how, said_j, said_j - u_j, said_j + u_j, run.wall_j)


def words(folder: Path) -> list[str]:
    """CodeCarbon's own error."""
    lines = ["| CodeCarbon / wall | runs | mean ± sd | from … to |", "| --- | --- | --- | --- |"]
    runs = read(folder)
    for kind in dict.fromkeys(run.kind for run in runs):
        shares = [run.codecarbon_j / run.wall_j for run in runs if run.kind == kind]
        lines.append(
            f"| {kind} | {len(shares)} | {statistics.fmean(shares):.2f} ± {statistics.stdev(shares):.2f} "
            f"| {min(shares):.2f} … {max(shares):.2f} |"
        )
    return lines
