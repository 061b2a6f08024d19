"""A joined report by node, and its phases by node: tables for the terminal, and what the page shows, too."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from energyprof.compare.nodes import NodePhase, early_s, node_phases
from energyprof.report.record import NodeRun, Report, Run
from energyprof.units import joules, plus_minus, seconds, watts

# So many rows of a table; the report has all.
MOST_NODES, MOST_ROWS = 40, 40

NODE_TITLES = ("node", "status", "starts", "early", "time", "power", "energy")
PHASE_TITLES = ("phase", "node", "time", "power", "energy", "slower by")


def nodes_tables(report: Report) -> RenderableType | None:
    """The last run by node, and by phase and node; ``None``: the report is of one machine."""
    if not report.runs or not report.runs[-1].nodes:
        return None
    run = report.runs[-1]
    parts: list[RenderableType] = [_table(NODE_TITLES, node_rows(run), MOST_NODES)]
    if phases := phase_rows(run):
        parts += [Text(), _table(PHASE_TITLES, phases, MOST_ROWS)]
    return Group(*parts)


def node_rows(run: Run) -> list[tuple[str, ...]]:
    """A row for each node of the run, by ``NODE_TITLES``."""
    early = early_s(run)
    return [_node_row(part, early.get(part.node)) for part in run.nodes]


def _node_row(part: NodeRun, ahead_s: float | None) -> tuple[str, ...]:
    power = "–"
    if part.energy_j is not None and part.time_s:
        power = watts(part.energy_j / part.time_s)
    return (
        part.node,
        part.status,
        "–" if part.start_s is None else seconds(part.start_s),
        "–" if ahead_s is None else seconds(ahead_s),
        "–" if part.time_s is None else seconds(part.time_s),
        power,
        "–" if part.energy_j is None else _energy(part.energy_j, part.energy_u_j),
    )


def _energy(energy_j: float, u_j: float | None) -> str:
    return joules(energy_j) if u_j is None else plus_minus(energy_j, u_j, "J")


def phase_rows(run: Run) -> list[tuple[str, ...]]:
    """A row for each phase and node of the run, by ``PHASE_TITLES``; stragglers are named."""
    return [_phase_row(found) for found in node_phases(run)]


def _phase_row(found: NodePhase) -> tuple[str, ...]:
    return (
        found.phase,
        found.node,
        seconds(found.time_s),
        "–" if found.power_w is None else watts(found.power_w),
        "–" if found.energy_j is None else joules(found.energy_j),
        seconds(found.time_s - found.usual_s) if found.straggles else "",
    )


def _table(titles: Sequence[str], rows: Sequence[tuple[str, ...]], most: int) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1))
    for number, title in enumerate(titles):
        left = number == 0 or title in ("status", "node")
        # A name is folded, never cut: its end may be what tells it from the others.
        table.add_column(
            title,
            justify="left" if left else "right",
            header_style="dim",
            no_wrap=title != "node",
            overflow="fold" if title == "node" else "ellipsis",
        )
    for row in rows[:most]:
        table.add_row(*(Text(cell) for cell in row))
    if len(rows) > most:
        table.add_row(Text("…"), Text(f"{len(rows) - most:,} more"))
    return table
