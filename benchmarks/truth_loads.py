"""A node's map used at other loads than it was drawn from, with one slope for all components or one each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import truth_node
from replay import energies, rows
from truth_row import Case

from energyprof.compare.node_fit import Beside, NodeWindow, Place, fit
from energyprof.report.transfer import hours_outside
from energyprof.units import utc

# Of the eight GPUs together: idle lies below, half and full load on either side of the second.
HALF_W, FULL_W = 800.0, 1600.0
EACH = 5  # blocks of each level, where three levels are all there is

Chosen = Callable[[NodeWindow], bool]


def cases(folder: Path) -> list[Case]:
    """Every transfer from some loads to others, by both kinds of map."""
    log = truth_node.node_log(folder)
    steady = log.steady(truth_node.steady_blocks(log.runs))
    found: list[Case] = []
    for how, places in (("one slope", (("all",),)), ("a slope each", (("gpu",), ("cpu", "dram")))):
        windows = _windows(log, steady, places)
        for name, made_on in (
            ("idle and half to full load", [w for w in windows if gpu_w(w, windows) < FULL_W]),
            ("half and full to idle", [w for w in windows if gpu_w(w, windows) >= HALF_W]),
            ("five blocks of idle, half and full to the rest", _some_of_each(windows)),
        ):
            used_on = [window for window in windows if window not in made_on]
            found += _cases(f"transferred, {name}, {how}", made_on, used_on, places)
    return found


def _windows(
    log: truth_node.NodeLog, steady: Sequence[tuple[float, float]], places: Sequence[Sequence[str]]
) -> list[NodeWindow]:
    """The blocks as what a map is drawn through: the powers of each place's parts, and the wall's."""
    own = [
        (meter.part, energies(meter, rows(meter.name, log.parts, column), steady))
        for meter, column in zip(log.meters, log.parts.columns, strict=True)
    ]
    wall = energies(truth_node.exact_wall(), rows("wall", log.wall, "wall_w"), steady)
    found = []
    for i, (start_s, end_s) in enumerate(steady):
        loads_w = tuple(
            math.fsum((e[i].joules or 0.0) for part, e in own if part in parts or parts == ("all",))
            / (end_s - start_s)
            for parts in places
        )
        node_w = (wall[i].joules or 0.0) / (end_s - start_s)
        found.append(NodeWindow(truth_node.ZERO_S + start_s, truth_node.ZERO_S + end_s, loads_w, node_w))
    return found


def gpu_w(window: NodeWindow, windows: Sequence[NodeWindow]) -> float:
    """Its load beyond the least of all: the processors hardly move here, so it is the GPUs' in both maps."""
    idle_w = 360.0
    return window.loads_w[0] - min(one.loads_w[0] for one in windows) + idle_w


def _some_of_each(windows: Sequence[NodeWindow]) -> list[NodeWindow]:
    levels: dict[int, list[NodeWindow]] = {}
    for window in windows:
        load_w = gpu_w(window, windows)
        levels.setdefault((load_w >= HALF_W) + (load_w >= FULL_W), []).append(window)
    return [window for level in levels.values() for window in level[:EACH]]


def _cases(
    how: str, made_on: Sequence[NodeWindow], used_on: Sequence[NodeWindow], places: Sequence[Sequence[str]]
) -> list[Case]:
    data = f"{truth_node.NODE} node from its components, steady blocks of {truth_node.BLOCK_S:.0f} s"
    by = fit(
        made_on,
        [Place("+".join(parts), parts if parts == ("all",) else tuple(parts)) for parts in places],
        Beside(),  # the truth is the same wattmeter: its gain drops out
    ).map
    found = []
    for window in used_on:
        span_s = window.end_s - window.start_s
        hours = hours_outside(by.start, by.end, utc(window.start_s), span_s / 2)
        said_j = by.power_w(window.loads_w) * span_s
        u_j = 2 * by.u_w(window.loads_w, hours) * span_s
        found.append(Case(data, how, said_j, said_j - u_j, said_j + u_j, window.node_w * span_s))
    return found
