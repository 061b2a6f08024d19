"""A joined report by node, and its phases by node: tables for the terminal, and what the page shows, too.

Of many nodes the terminal shows those that stand out, and in one row between what the others lie.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from energyprof.compare.nodes import NodePhase, early_s, node_phases
from energyprof.formats.node_table import node_table
from energyprof.report.record import NodeRun, Report, Run
from energyprof.units import joules, plus_minus, seconds, watts

# So many nodes have a row each; of more, about as many stand out.
MOST_NODES = 12
# Of more phases by node only stragglers have a row each, and there are at most so many rows.
EACH, MOST_ROWS = 16, 40

NODE_TITLES = ("node", "status", "starts", "early", "time", "power", "energy")
PHASE_TITLES = ("phase", "node", "time", "power", "energy", "slower by")


def nodes_tables(report: Report) -> RenderableType | None:
    """The last run by node, and by phase and node; ``None``: the report is of one machine."""
    if not report.runs or not report.runs[-1].nodes:
        return None
    run = report.runs[-1]
    early, phases = early_s(run), node_phases(run)
    shown = _outstanding(run, phases)
    rest = [part for part in run.nodes if part not in shown]
    parts: list[RenderableType] = [
        node_table(
            NODE_TITLES,
            [_node_row(part, early.get(part.node)) for part in shown],
            _rest_row(rest, early) if rest else (),
        )
    ]
    if phases:
        rows = phase_rows(run) if len(phases) <= EACH else _fewer(phases)
        more = len(rows) - MOST_ROWS
        last = ("…", f"{more:,} more", "", "", "", "") if more > 0 else ()
        parts += [Text(), node_table(PHASE_TITLES, rows[:MOST_ROWS], last)]
    return Group(*parts)


def _outstanding(run: Run, phases: Sequence[NodePhase]) -> list[NodeRun]:
    """All nodes, if they are few; else those that ended otherwise, straggle, or take most and least."""
    if len(run.nodes) <= MOST_NODES:
        return list(run.nodes)
    statuses = [part.status for part in run.nodes]
    usual = max(statuses, key=statuses.count)
    odd = [part.node for part in run.nodes if part.status != usual or part.energy_j is None]
    slow = sorted((of for of in phases if of.straggles), key=lambda of: of.usual_s - of.time_s)
    by_energy = sorted(run.nodes, key=lambda part: part.energy_j or 0.0)
    ends = [by_energy[-1].node, by_energy[0].node]
    # Each kind has its share of the rows, however many there are of the first.
    names = dict.fromkeys([*odd[: MOST_NODES // 2], *(of.node for of in slow), *ends])
    chosen = set(list(names)[: MOST_NODES - 2]) | set(ends)
    return [part for part in run.nodes if part.node in chosen]


def _rest_row(rest: Sequence[NodeRun], early: dict[str, float]) -> tuple[str, ...]:
    """Between what the nodes lie that have no row."""
    statuses = {part.status for part in rest}
    powers = [part.energy_j / part.time_s for part in rest if part.energy_j is not None and part.time_s]
    return (
        f"{len(rest):,} more",
        statuses.pop() if len(statuses) == 1 else "",
        "",
        _range([early[part.node] for part in rest if part.node in early], seconds),
        _range([part.time_s for part in rest if part.time_s is not None], seconds),
        _range(powers, watts),
        _range([part.energy_j for part in rest if part.energy_j is not None], joules),
    )


def _range(values: Sequence[float], written: Callable[[float], str]) -> str:
    """``1.20–1.31 kJ``, or what they all are, to half a percent."""
    if not values:
        return "–"
    low, high = written(min(values)), written(max(values))
    if low == high or max(values) - min(values) < 0.005 * abs(max(values)):
        return high
    number, _, unit = low.partition(" ")
    return f"{number}–{high}" if high.endswith(f" {unit}") and " " not in unit else f"{low} – {high}"


def _fewer(phases: Sequence[NodePhase]) -> list[tuple[str, ...]]:
    """By phase the nodes that take longer than most, and then all others in one row."""
    rows = []
    for name in dict.fromkeys(of.phase for of in phases):
        of_name = [of for of in phases if of.phase == name]
        slow = sorted((of for of in of_name if of.straggles), key=lambda of: -of.time_s)[:MOST_NODES]
        rest = [of for of in of_name if of not in slow]
        rows += [_phase_row(of) for of in slow]
        if rest:
            rows.append(
                (
                    name,
                    f"{len(rest):,} {'more' if slow else 'nodes'}",
                    _range([of.time_s for of in rest], seconds),
                    _range([of.power_w for of in rest if of.power_w is not None], watts),
                    _range([of.energy_j for of in rest if of.energy_j is not None], joules),
                    "",
                )
            )
    return rows


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
