"""A joined report by node: what each took, and its phases beside those of the others."""

from __future__ import annotations

from collections.abc import Sequence

from energyprof.formats.html.tags import Markup, section, table, tag, text
from energyprof.formats.nodes import NODE_TITLES, PHASE_TITLES, node_rows, phase_rows
from energyprof.report.record import Report

# A page of more rows opens slowly; the report has all.
MOST_ROWS = 2000


def nodes(reports: Sequence[Report], labels: Sequence[str]) -> Markup | None:
    """The section; ``None`` if no report is of several nodes."""
    parts: list[Markup] = []
    for report, label in zip(reports, labels, strict=True):
        if report.runs and report.runs[-1].nodes:
            run = report.runs[-1]
            parts += [tag("h3", text(label)), _table(NODE_TITLES, node_rows(run))]
            if rows := phase_rows(run):
                parts.append(_table(PHASE_TITLES, rows))
    return section("Nodes", *parts) if parts else None


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    shown = [[text(cell) for cell in row] for row in rows[:MOST_ROWS]]
    if len(rows) > MOST_ROWS:
        shown.append([text(f"{len(rows) - MOST_ROWS:,} more rows are in the report")])
    return table(head, shown)
