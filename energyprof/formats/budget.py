"""An uncertainty budget, for people and as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from energyprof.compare.budget import Budget
from energyprof.compare.statistics.mean import Total
from energyprof.formats.wording import UNMEASURED, title
from energyprof.report.record import Report
from energyprof.units import joules, two_digits, with_ends

NOTHING = "no energy was measured, so there is no budget"
FOOTNOTES = (
    "without gain: what counts when reports from the same meters are compared, since they share the gain.",
    "k: Student's t for 95 % at the effective degrees of freedom (dof), 2 where they are many (GUM G.4.1).",
    "GUM: JCGM 100:2008.",
)


def budget_table(report: Report, budgets: Sequence[Budget]) -> RenderableType:
    """The budgets at 80 columns, followed by what each term means."""
    work = report.workload
    parts: list[RenderableType] = [
        Text(f"{work.name} {work.size or ''}".strip() + ": where the uncertainty comes from", style="bold")
    ]
    if report.origin != "measured":
        parts.append(Text(UNMEASURED[report.origin], style="yellow"))
    if not budgets:
        return Group(*parts, Text(), Text(NOTHING, style="yellow"))
    for budget in budgets:
        parts += [Text(), _headline(budget), _inset(_terms(budget))]
        parts += [_inset(Text(note, style="dim")) for note in budget.notes]
        if budget.by_meter_j:
            parts += [
                Text(),
                Text("by meter", style="bold"),
                _inset(_by_meter(budget)),
            ]
    parts += [
        Text(),
        Text("what the terms are", style="bold"),
        _inset(_legend(budgets)),
    ]
    parts += [Text(), *(Text(line, style="dim") for line in FOOTNOTES)]
    return Group(*parts)


def budget_data(report: Report, budgets: Sequence[Budget]) -> dict[str, Any]:
    """The budgets for programs, in J and fractions."""
    return {
        "schema": "energyprof.budget/1",
        "origin": report.origin,
        "figures": [_data(budget) for budget in budgets],
    }


def _data(budget: Budget) -> dict[str, Any]:
    totals = {"total": budget.total, "one_device": budget.one_device}
    in_j = {
        name: {
            "u_j": total.u,
            "dof": total.dof,
            "k": total.k,
            "expanded_j": total.expanded,
            "below_j": total.below,
            "above_j": total.above,
        }
        for name, total in totals.items()
    }
    return {**dataclasses.asdict(budget), **in_j}


def _headline(budget: Budget) -> Text:
    text = Text(title(budget.figure), style="bold")
    text.append(f"  {with_ends(budget.mean_j, *budget.ends_j, 'J')}")
    relative = _relative(budget.total.expanded, budget)
    symmetric = budget.total.below == budget.total.above
    text.append(f"  (± {relative})" if relative and symmetric else "", style="not bold")
    text.append(f"  geometric mean of {budget.runs} runs" if budget.runs > 1 else "", style="dim not bold")
    return text


def _terms(budget: Budget) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for name in ("term", "type", "distribution"):
        table.add_column(name, header_style="dim")
    for name in ("u", "u/E", "share"):
        table.add_column(name, justify="right", header_style="dim")
    for item in budget.items:
        part = "–" if item.share is None else two_digits(item.share)
        style = "dim" if item.share is None else ""
        relative = _relative(item.u_j, budget)
        table.add_row(
            item.term, item.evaluation, item.distribution, joules(item.u_j), relative, part, style=style
        )
    table.add_section()
    for name, total in (("", budget.total), ("without gain", budget.one_device)):
        _add_total(table, name, total, budget)
    return table


def _add_total(table: Table, name: str, total: Total, budget: Budget) -> None:
    dof = "" if total.dof is None else f"{_count(total.dof)} dof"
    table.add_row(
        name, "", f"combined {dof}".strip(), joules(total.u), _relative(total.u, budget), "", style="bold"
    )
    halves = {"": total.expanded}
    if total.below != total.above:
        halves = {" down": total.below, " up": total.above}
    for way, half_j in halves.items():
        expanded = f"U{way}, k = {total.k:.3g}"
        table.add_row("", "", expanded, joules(half_j), _relative(half_j, budget), "", style="bold")


def _by_meter(budget: Budget) -> Table:
    """What each meter adds; gains of one kind add up, so the lines do not add in quadrature."""
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    table.add_column("meter", header_style="dim")
    table.add_column("term", header_style="dim")
    for name in ("u", "u/E"):
        table.add_column(name, justify="right", header_style="dim")
    for name, terms_j in budget.by_meter_j.items():
        for i, (term, u_j) in enumerate(sorted(terms_j.items(), key=lambda pair: -pair[1])):
            table.add_row("" if i else name, term, joules(u_j), _relative(u_j, budget))
    return table


def _legend(budgets: Sequence[Budget]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column()
    items = {item.term: item for budget in budgets for item in budget.items}
    for item in items.values():
        about = Text(item.meaning)
        if item.source:
            about.append(f" ({item.source})", style="dim")
        table.add_row(item.term, about)
    return table


def _inset(content: RenderableType) -> Padding:
    return Padding(content, (0, 0, 0, 2), expand=False)


def _relative(u_j: float, budget: Budget) -> str:
    return two_digits(u_j / abs(budget.mean_j)) if budget.mean_j else ""


def _count(dof: float) -> str:
    return f"{dof:.0f}" if dof < 1000 else ">1000"
