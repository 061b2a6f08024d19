"""A report of several nodes or ranks: what each took, beside the others, and who waits for whom."""

from __future__ import annotations

from collections.abc import Sequence

from energyprof.compare.waiting import node_waiting, rank_times
from energyprof.formats.html.tags import Markup, paragraph, section, table, tag, text
from energyprof.formats.nodes import NODE_TITLES, PHASE_TITLES, node_rows, phase_rows
from energyprof.formats.waiting import (
    RANK_TITLES,
    WAIT_TITLES,
    assumed,
    rank_rows,
    stragglers,
    wait_rows,
)
from energyprof.report.record import Report

# A page of more rows opens slowly; the report has all.
MOST_ROWS = 2000


def nodes(reports: Sequence[Report], labels: Sequence[str]) -> Markup | None:
    """The section; ``None`` if no report is of several nodes or ranks."""
    parts: list[Markup] = []
    for report, label in zip(reports, labels, strict=True):
        if found := [*_nodes(report), *_waiting(report)]:
            parts += [tag("h3", text(label)), *found]
    return section("Nodes", *parts) if parts else None


def _nodes(report: Report) -> list[Markup]:
    if not report.runs or not report.runs[-1].nodes:
        return []
    run = report.runs[-1]
    phases = phase_rows(run)
    return [_table(NODE_TITLES, node_rows(run)), *([_table(PHASE_TITLES, phases)] if phases else [])]


def _waiting(report: Report) -> list[Markup]:
    """Who waits for whom, and what that takes."""
    if not report.runs:
        return []
    ranks, nodes = rank_times(report, report.runs[-1]), node_waiting(report, report.runs[-1])
    parts = [paragraph(line, "warn") for line in stragglers(ranks)]
    parts += [_table(RANK_TITLES, rank_rows(ranks))] if ranks else []
    parts += [_table(WAIT_TITLES, wait_rows(nodes))] if nodes else []
    return [*parts, *(paragraph(line) for line in assumed(nodes))]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    shown = [[text(cell) for cell in row] for row in rows[:MOST_ROWS]]
    if len(rows) > MOST_ROWS:
        shown.append([text(f"{len(rows) - MOST_ROWS:,} more rows are in the report")])
    return table(head, shown)
