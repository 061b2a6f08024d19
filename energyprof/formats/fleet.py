"""A fleet's training for people at 80 columns, and for programs."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from energyprof.formats.simulation_words import energy, mass, plain
from energyprof.simulate.fleet.device import Measured
from energyprof.simulate.fleet.excess import ExcessPlan
from energyprof.simulate.fleet.fleet import FleetOutcome
from energyprof.units import percent, seconds, si

HEAD = "SIMULATED from the fleet below, not measured."
DAY_S = 86400.0
MOST_KINDS = 20


def fleet_tables(found: FleetOutcome) -> RenderableType:
    """What it took, by part and by kind of client, and what it hinges on."""
    training = found.scenario.training
    parts: list[RenderableType] = [
        Text(training.name, style="bold"),
        Text(HEAD, style="yellow"),
        *(Text(line, style="dim") for line in _asked(found)),
        Text(),
        Text(_reached(found), style="bold" if not found.why else "bold red"),
        Text(", ".join(_totals(found.time_s, found.energy_j, found.co2_kg))),
        *_doubt(found),
        Text(),
        _parts(found),
        Text(),
        _kinds(found),
        Text(),
        *_sites(found),
        *(Text(line) for line in _lines(found)),
    ]
    if found.excess is not None:
        rounds = found.excess.rounds
        how_many = "a round" if rounds == 1 else f"{rounds:,} rounds"
        parts += [Text(), Text(f"{how_many} within the power domains", style="bold")]
        parts += [Text(line) for line in _excess_lines(found.excess)]
    parts += [Text(), Text("clients in a round: rounds to the target")]
    parts += [Text(f"  {_measured(one)}", style="dim") for one in found.scenario.rounds]
    return Group(*parts)


def _asked(found: FleetOutcome) -> list[str]:
    training = found.scenario.training
    if training.aggregation == "asynchronous":
        how = f"{training.active:,} at work at a time, a step every {training.buffer:,} updates"
    else:
        how = f"{training.active:,} a round"
        how += f" and {training.backup:,} beside them" if training.backup else ""
        how += ", waiting for as many as pays" if training.waiting == "dynamic" else ""
    return [f"{_many(training.clients, 'client')}, {how}", f"split {training.split}, seed {training.seed}"]


def _reached(found: FleetOutcome) -> str:
    one = "step" if found.scenario.training.aggregation == "asynchronous" else "round"
    if not found.why:
        return f"target reached in {_many(found.rounds, one)}"
    return f"target not reached, {100 * found.progress:.3g} % of the way: {found.why}"


def _totals(time_s: float, joules: float, co2_kg: float) -> list[str]:
    carbon = [] if math.isnan(co2_kg) else [f"{mass(co2_kg)} CO2e"]
    return [_long(time_s), energy(joules), *carbon]


def _doubt(found: FleetOutcome) -> list[RenderableType]:
    """How far it may lie off, and by what."""
    doubt = found.doubt
    if doubt is None:
        again = "" if found.why else ": --set fleet.draws=20 plays it again so often"
        return [Text(f"played once, so without an interval{again}", style="dim")]
    parts: list[RenderableType] = []
    if doubt.reached < doubt.draws:
        missed = doubt.draws - doubt.reached
        words = f"{missed:,} of {doubt.draws:,} other draws do not reach the target"
        parts.append(Text(words, style="yellow"))
    table = _table("", f"95 % of {doubt.reached:,} draws", *(["inputs at their ends"] if doubt.ends else []))
    for figure, (name, words_of) in _DOUBTED.items():
        if figure in doubt.intervals:
            spans = [doubt.intervals[figure], *([doubt.ends[figure]] if figure in doubt.ends else [])]
            table.add_row(name, *(f"{words_of(low)} … {words_of(high)}" for low, high in spans))
    return [*parts, table]


_DOUBTED: Mapping[str, tuple[str, Callable[[float], str]]] = {
    "energy_j": ("energy", energy),
    "time_s": ("time", lambda time_s: _long(time_s)),
    "co2_kg": ("CO2e", mass),
}


def _sites(found: FleetOutcome) -> list[RenderableType]:
    if not found.sites:
        return []
    table = _table("site", "energy", "CO2e")
    table.add_column("intensity", header_style="dim", overflow="fold")
    for site in found.sites:
        table.add_row(site.site[:24], energy(site.energy_j), mass(site.co2_kg), Text(site.said, style="dim"))
    return [table, Text()]


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _long(time_s: float) -> str:
    return f"{time_s / DAY_S:.3g} days" if time_s >= 2 * DAY_S else seconds(time_s)


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


def _lines(found: FleetOutcome) -> list[str]:
    turns, client = found.turns, found.client_j
    lines = [
        f"turns: {turns['used']:,} used, {turns['late']:,} late (charged, discarded), "
        f"{turns['broken off']:,} broken off",
        f"bytes: {si(found.bytes_down, 'B')} down, {si(found.bytes_up, 'B')} up",
        f"a client's turns: median {si(client['median'], 'J')}, 95 % under {si(client['p95'], 'J')}, "
        f"most {si(client['most'], 'J')}",
        f"fairness {found.fairness:.3f} (1: all alike); in no model: {_many(found.unused, 'client')}",
    ]
    if found.harvested_j:
        lines.append(
            f"the sun gave {energy(found.harvested_j)}, by a clear sky in closed form and drawn clouds"
        )
    if found.mean_staleness is not None:
        lines.append(f"an update used was {found.mean_staleness:.3g} steps old in the mean")
    if found.rounds_of_theory:
        lines.append(f"theory, not measured: {theory(found)}")
    return lines


def theory(found: FleetOutcome) -> str:
    """What the number of rounds owes to theory."""
    count = f"{found.rounds_of_theory:,} of {found.rounds:,}"
    if found.scenario.training.aggregation == "asynchronous":
        return f"what stale updates are worth, in {count} steps"
    return f"what a round is worth, in {count} with more or fewer clients than any measured"


def _excess_lines(plan: ExcessPlan) -> list[str]:
    chosen = Counter((kind, domain) for kind, domain, _ in plan.clients)
    what = "client" if plan.rounds == 1 else "turn"
    better = f" ({percent(plan.samples / plan.in_turn_samples - 1)})" if plan.in_turn_samples else ""
    lines = [
        f"{_many(len(plan.clients), what)} for {plain(plan.samples)} samples, with "
        f"{energy(plan.energy_j)} of {energy(plan.spare_j)}",
        f"  {_near(plan.gap)}; the thriftiest first: {_many(plan.in_turn_clients, what)}, "
        f"{plain(plan.in_turn_samples)}{better}",
    ]
    if plan.without:
        lines.append(f"  {_many(plan.without, 'round')} without: not enough power for so many clients")
    return lines + [f"  {domain}: {count:,} × {kind}" for (kind, domain), count in sorted(chosen.items())]


def _near(gap: float) -> str:
    return f"within {100 * gap:.2g} % of the most" if gap > 1e-6 else "the most that there is"


def _measured(one: Measured) -> str:
    return f"{plain(one.clients)}: {plain(one.rounds)} ({one.source})"


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
        "theory": theory(found) if found.rounds_of_theory else "",
        "rounds_measured": [vars(one) for one in found.scenario.rounds],
        "time_s": found.time_s,
        "energy_j": found.energy_j,
        "energy_low_j": _end(found, "energy_j", 0),
        "energy_high_j": _end(found, "energy_j", 1),
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
        "excess": None if found.excess is None else _excess_data(found.excess),
    }
    return json.dumps(data, indent=1) + "\n"


def _end(found: FleetOutcome, figure: str, which: int) -> float:
    """Its least or its most by the inputs alone; where none is in doubt, itself."""
    ends = {} if found.doubt is None else found.doubt.ends
    own: float = getattr(found, figure)
    return ends[figure][which] if figure in ends else own


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _lists(spans: Mapping[str, tuple[float, float]]) -> dict[str, list[float]]:
    return {figure: list(span) for figure, span in spans.items() if figure != "rounds"}


def _excess_data(plan: ExcessPlan) -> dict[str, Any]:
    clients = [{"kind": kind, "domain": domain, "samples": n} for kind, domain, n in plan.clients]
    return {**vars(plan), "clients": clients}
