"""A node's calibration for people: the map, how well it fits, what the loads did not tell."""

from __future__ import annotations

import math
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from energyprof.formats.meters import BOUNDARIES
from energyprof.report.node_file import NodeCalibration
from energyprof.report.node_map import NodeMap
from energyprof.units import watts

_TOLD = {"moved": "", "together": "not told apart", "still": "hardly moved"}


def node_table(found: NodeCalibration, path: Path) -> RenderableType:
    """The calibration at 80 columns; ``path`` is where it lies."""
    by = found.node_map
    power_w = max(window.node_w for window in found.windows) if found.windows else 0.0
    middle_w = [(term.low_w + term.high_w) / 2 for term in by.terms]
    u = by.u_w(middle_w, 0.0) / by.power_w(middle_w) if by.power_w(middle_w) else 0.0
    parts: list[RenderableType] = [
        Text.assemble(
            ("the node", "bold"), f" at {BOUNDARIES.get(by.boundary, by.boundary)}, by {by.reference}"
        ),
        Text(
            f"{len(found.windows)} windows of {found.window_s:g} s, up to {watts(power_w)};"
            f" {100 * found.rms:.2f} % off the map (rms)",
            style="dim",
        ),
        Text(),
        _terms(by),
        Text(),
        Text(
            f"within its loads and hours the node's power is known to ± {200 * u:.1f} % (k = 2)", style="bold"
        ),
        Text(
            f"12 h later ± {200 * by.u_w(middle_w, 12.0) / by.power_w(middle_w):.1f} %,"
            f" a week later ± {200 * by.u_w(middle_w, 168.0) / by.power_w(middle_w):.1f} %:"
            " a second calibration makes that this machine's own",
            style="dim",
        ),
    ]
    parts += [Text(f"note: {note}", style="yellow") for note in found.notes]
    parts += [
        Text(),
        Text(f"calibration  {path}", style="bold", no_wrap=True, overflow="ignore"),
        Text("Use it with run or exec, with the plug or without: --calibration FILE.", style="dim"),
    ]
    return Group(*parts)


def _terms(by: NodeMap) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    table.add_column("part", header_style="dim")
    table.add_column("node's watts a watt", justify="right", header_style="dim")
    table.add_column("loads", justify="right", header_style="dim")
    table.add_column("", style="yellow")
    offset_u = math.sqrt(by.covariance[0][0])
    table.add_row("the rest", f"{by.intercept_w:.1f} ± {2 * offset_u:.1f} W", "always", "")
    for k, term in enumerate(by.terms, 1):
        slope_u = math.hypot(math.sqrt(by.covariance[k][k]), by.reference_u * term.slope)
        loads = f"{watts(term.low_w)} … {watts(term.high_w)}"
        table.add_row(term.part, f"{term.slope:.3f} ± {2 * slope_u:.3f}", loads, _TOLD[term.told])
    return table
