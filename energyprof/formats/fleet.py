"""A fleet's training for people at 80 columns, and for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from energyprof.formats import fleet_words as words
from energyprof.formats.simulation_words import energy, mass
from energyprof.simulate.fleet.excess import ExcessPlan
from energyprof.simulate.fleet.fleet import FleetOutcome
from energyprof.units import si

MOST_KINDS = 20


def fleet_tables(found: FleetOutcome) -> RenderableType:
    """What it took, by part and by kind of client, and what it hinges on."""
    training = found.scenario.training
    parts: list[RenderableType] = [
        Text(training.name, style="bold"),
        Text(words.HEAD, style="yellow"),
        *(Text(line, style="dim") for line in words.asked(found)),
        Text(),
        Text(words.reached(found), style="bold" if not found.why else "bold red"),
        Text(", ".join(words.totals(found.time_s, found.energy_j, found.co2_kg))),
        *_doubt(found),
        Text(),
        _parts(found),
        Text(),
        _kinds(found),
        *(Text(line, style="dim") for line in words.by_reports(found)),
        Text(),
        *_sites(found),
        *(Text(line) for line in words.lines(found)),
    ]
    if found.excess is not None:
        rounds = found.excess.rounds
        how_many = "a round" if rounds == 1 else f"{rounds:,} rounds"
        parts += [Text(), Text(f"{how_many} within the power domains", style="bold")]
        parts += [Text(line) for line in words.excess_lines(found.excess)]
    parts += [Text(), Text("clients in a round: rounds to the target")]
    parts += [Text(f"  {words.measured(one)}", style="dim") for one in found.scenario.rounds]
    return Group(*parts)


def _doubt(found: FleetOutcome) -> list[RenderableType]:
    """How far it may lie off, and by what."""
    doubt = found.doubt
    if doubt is None:
        return [Text(words.played_once(found), style="dim")]
    parts: list[RenderableType] = []
    if doubt.reached < doubt.draws:
        parts.append(Text(words.missed(doubt), style="yellow"))
    table = _table("", f"95 % of {doubt.reached:,} draws", *(["inputs at their ends"] if doubt.ends else []))
    for figure, (name, said) in words.FIGURES.items():
        if figure in doubt.intervals:
            spans = [doubt.intervals[figure], *([doubt.ends[figure]] if figure in doubt.ends else [])]
            table.add_row(name, *(words.span(said, *ends) for ends in spans))
    return [*parts, table]


def _sites(found: FleetOutcome) -> list[RenderableType]:
    if not found.sites:
        return []
    table = _table("site", "energy", "CO2e")
    table.add_column("intensity", header_style="dim", overflow="fold")
    for site in found.sites:
        table.add_row(site.site[:24], energy(site.energy_j), mass(site.co2_kg), Text(site.said, style="dim"))
    return [table, Text()]


def _parts(found: FleetOutcome) -> Table:
    table = _table("part", "energy", "share")
    for name, joules in found.parts.items():
        if joules:
            table.add_row(name, energy(joules), f"{100 * joules / found.energy_j:.1f} %")
    return table


def _kinds(found: FleetOutcome) -> Table:
    table = _table("kind", "clients", "turns used", "energy", "a client")
    for kind in found.kinds[:MOST_KINDS]:
        each = "–" if not kind.clients else si(kind.energy_j / kind.clients, "J")
        table.add_row(kind.name[:24], f"{kind.clients:,}", f"{kind.turns:,}", energy(kind.energy_j), each)
    if len(found.kinds) > MOST_KINDS:
        table.add_row(f"{len(found.kinds) - MOST_KINDS} more: --json")
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    table.add_column(first, header_style="dim")
    for name in others:
        table.add_column(name, header_style="dim", justify="right")
    return table


def fleet_json(found: FleetOutcome) -> str:
    """All of it."""
    training = found.scenario.training
    data: dict[str, Any] = {
        "schema": "energyprof.fleet/1",
        "origin": "simulated",
        "name": training.name,
        "seed": training.seed,
        "reached": not found.why,
        "why_not": found.why,
        "progress": found.progress,
        "aggregation": training.aggregation,
        "rounds": found.rounds,
        "rounds_of_theory": found.rounds_of_theory,
        "theory": words.theory(found) if found.rounds_of_theory else "",
        "rounds_measured": [vars(one) for one in found.scenario.rounds],
        "time_s": found.time_s,
        "energy_j": found.energy_j,
        "energy_low_j": _end(found, "energy_j", 0),
        "energy_high_j": _known(_end(found, "energy_j", 1)),
        "co2_kg": _known(found.co2_kg),
        "co2_low_kg": _known(_end(found, "co2_kg", 0)),
        "co2_high_kg": _known(_end(found, "co2_kg", 1)),
        "draws": 0 if found.doubt is None else found.doubt.draws,
        "draws_reached": 0 if found.doubt is None else found.doubt.reached,
        "intervals_95": {} if found.doubt is None else _lists(found.doubt.intervals),
        "inputs_in_doubt": [
            {"key": key, "value": q.value, "low": q.low, "high": q.high, "source": q.source}
            for key, q in sorted(found.scenario.doubts.items())
        ],
        "sites": [vars(site) for site in found.sites],
        "parts_j": dict(found.parts),
        "turns": dict(found.turns),
        "bytes_down": found.bytes_down,
        "bytes_up": found.bytes_up,
        "harvested_j": found.harvested_j,
        "mean_staleness": found.mean_staleness,
        "client_j": dict(found.client_j),
        "fairness": found.fairness,
        "unused_clients": found.unused,
        "kinds": [vars(kind) for kind in found.kinds],
        "course": [vars(moment) for moment in found.course],
        "excess": None if found.excess is None else _excess_data(found.excess),
    }
    return json.dumps(data, indent=1) + "\n"


def _end(found: FleetOutcome, figure: str, which: int) -> float:
    """Its least or its most by the inputs alone; where none is in doubt, itself."""
    ends = {} if found.doubt is None else found.doubt.ends
    own: float = getattr(found, figure)
    return ends[figure][which] if figure in ends else own


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _lists(spans: Mapping[str, tuple[float, float]]) -> dict[str, list[float]]:
    return {figure: list(span) for figure, span in spans.items() if figure != "rounds"}


def _excess_data(plan: ExcessPlan) -> dict[str, Any]:
    clients = [{"kind": kind, "domain": domain, "samples": n} for kind, domain, n in plan.clients]
    return {**vars(plan), "clients": clients}
