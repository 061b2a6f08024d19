"""A simulation for people at 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from energyprof.formats.simulation_words import (
    HEAD,
    consensus_lines,
    crossing_lines,
    energy,
    least_lines,
    mass,
    resource_lines,
    score_lines,
    swing_lines,
)
from energyprof.simulate.outcome import Outcome
from energyprof.simulate.parts import MADE, PARTS, makes, total
from energyprof.simulate.simulation import Simulation


def simulation_tables(found: Simulation) -> RenderableType:
    """The paradigms side by side, each by its parts, what decides between them, what all of it rests on."""
    parts: list[RenderableType] = [
        Text(found.name, style="bold"),
        Text(HEAD, style="yellow"),
        *(Text(f"{name}: {said}", style="dim") for name, said in found.links.items()),
        Text(),
        _totals(found.outcomes),
    ]
    for outcome in found.outcomes:
        parts += [Text(), Text(f"{outcome.name} ({outcome.kind})", style="bold"), _parts(outcome)]
    for title, lines in (
        ("takes least", least_lines(found)),
        ("where they cross", crossing_lines(found)),
        ("what moves the energy", swing_lines(found)),
        ("software carbon intensity", score_lines(found)),
        ("consensus", consensus_lines(found)),
        ("primary energy and water", resource_lines(found)),
        ("left out", found.notes),
        ("measured", found.measurements),
        ("it rests on", found.assumptions),
    ):
        if lines:
            parts += [Text(), Text(title, style="bold"), _listed(lines)]
    return Group(*parts)


def _listed(lines: Sequence[str]) -> Table:
    """Each with a mark, and what does not fit in a line under its beginning."""
    table = Table.grid(padding=(0, 1))
    for line in lines:
        table.add_row("·", Text(line))
    return table


def _totals(outcomes: Sequence[Outcome]) -> Table:
    table = _table("paradigm", "energy", "95 % of draws", "CO2e", "of it embodied")
    for outcome in outcomes:
        whole = outcome.total
        made = mass(whole.embodied_kg) if makes(outcome.parts) else "–"
        span = outcome.drawn.get("energy_j")
        shown = "" if span is None else f"{energy(span.low)} … {energy(span.high)}"
        table.add_row(outcome.name, energy(whole.energy_j), shown, mass(whole.co2_kg), made)
    return table


def _parts(outcome: Outcome) -> Table:
    ends = total(outcome.low).energy_j != total(outcome.high).energy_j
    table = _table("part", "energy", "share", *(["low", "high"] if ends else []), "CO2e")
    whole = outcome.total.energy_j
    for name in PARTS:
        part = outcome.parts.get(name)
        if part is not None:
            share = f"{100 * part.energy_j / whole:.1f} %" if whole else ""
            limits = [energy(of[name].energy_j) for of in (outcome.low, outcome.high)] if ends else []
            cells = (energy(part.energy_j), share, *limits)
            # Manufacture takes no energy of this account: its primary energy stands in the JSON.
            shown = cells if name not in MADE else ("",) * len(cells)
            table.add_row(name, *shown, mass(part.co2_kg))
    limits = [energy(total(of).energy_j) for of in (outcome.low, outcome.high)] if ends else []
    table.add_row("total", energy(whole), "", *limits, mass(outcome.total.co2_kg), style="bold")
    return table


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1))
    for i, name in enumerate(names):
        table.add_column(name, header_style="dim", justify="right" if i else "left", overflow="fold")
    return table
