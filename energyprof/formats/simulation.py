"""A simulation for people at 80 columns, and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from energyprof.simulate.outcome import Outcome, Simulation
from energyprof.simulate.parts import FIGURES, PARTS, Part, total

_ENERGIES = ((3.6e15, "TWh"), (3.6e12, "GWh"), (3.6e9, "MWh"), (3.6e6, "kWh"), (3600.0, "Wh"))
# 2.12775 has no exact double: what is a tie in decimals is rounded up, as on paper.
_TIE = 1 + 1e-12
HEAD = "SIMULATED from the inputs below, not measured."


def energy(joules: float) -> str:
    """Such as ``3.4344 Wh``; four decimals, since paradigms may lie close together."""
    # From ten thousand of a unit on the next one reads better.
    factor, unit = next(
        ((f, u) for f, u in _ENERGIES if abs(joules) >= f / 0.9999 or u == "Wh"), _ENERGIES[-1]
    )
    return f"{joules / factor * _TIE:,.4f} {unit}"


def mass(kg: float) -> str:
    """Such as ``50.53 t``; "–" where it is not known."""
    if math.isnan(kg):
        return "–"
    for factor, unit in ((1000.0, "t"), (1.0, "kg"), (1e-3, "g"), (1e-6, "mg")):
        if abs(kg) >= factor or unit == "mg":
            return f"{kg / factor:,.2f} {unit}" if kg else "0 kg"
    return ""


def simulation_tables(found: Simulation) -> RenderableType:
    """The paradigms side by side, each by its parts, then what all of it rests on."""
    parts: list[RenderableType] = [
        Text(found.name, style="bold"),
        Text(HEAD, style="yellow"),
        *(Text(f"{name}: {said}", style="dim") for name, said in found.links.items()),
        Text(),
        _totals(found.outcomes),
    ]
    for outcome in found.outcomes:
        parts += [Text(), Text(f"{outcome.name} ({outcome.kind})", style="bold"), _parts(outcome)]
    return Group(*parts, *_lines(found))


def _totals(outcomes: Sequence[Outcome]) -> Table:
    table = _table("paradigm", "energy", "low … high", "CO2e", "of it embodied")
    for outcome in outcomes:
        whole, low, high = outcome.total, total(outcome.low), total(outcome.high)
        span = "" if low.energy_j == high.energy_j else f"{energy(low.energy_j)} … {energy(high.energy_j)}"
        made = mass(whole.embodied_kg) if _makes(outcome) else "–"
        table.add_row(outcome.name, energy(whole.energy_j), span, mass(whole.co2_kg), made)
    return table


def _parts(outcome: Outcome) -> Table:
    table = _table("part", "energy", "CO2e", "share of energy")
    whole = outcome.total.energy_j
    for name in PARTS:
        part = outcome.parts.get(name)
        if part is not None:
            share = f"{100 * part.energy_j / whole:.1f} %" if whole else ""
            table.add_row(name, energy(part.energy_j), mass(part.co2_kg), share)
    table.add_row("total", energy(whole), mass(outcome.total.co2_kg), "", style="bold")
    return table


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for i, name in enumerate(names):
        table.add_column(name, header_style="dim", justify="right" if i else "left", overflow="fold")
    return table


def _makes(outcome: Outcome) -> bool:
    return any(part in outcome.parts for part in ("manufacture", "end of life", "storage"))


def _lines(found: Simulation) -> Iterator[RenderableType]:
    if found.notes:
        yield Text()
        yield from (Text(f"! {line}", style="yellow") for line in found.notes)
    if found.assumptions:
        yield Text()
        yield Text("it rests on", style="bold")
        yield from (Text(f"  {line}", style="dim") for line in found.assumptions)


def simulation_data(found: Simulation) -> dict[str, Any]:
    """The same for programs; what is not known is null."""
    return {
        "schema": "energyprof.simulation/1",
        "origin": "simulated",
        "name": found.name,
        "links": dict(found.links),
        "seed": found.seed,
        "draws": found.draws,
        "paradigms": [_outcome(outcome) for outcome in found.outcomes],
        "break_even": [],
        "sensitivity": [],
        "assumptions": list(found.assumptions),
        "notes": list(found.notes),
    }


def simulation_json(found: Simulation) -> str:
    """One JSON object with a newline at its end."""
    return json.dumps(simulation_data(found), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _outcome(outcome: Outcome) -> dict[str, Any]:
    whole = _part(outcome.total)
    if not _makes(outcome):
        whole["embodied_kg"] = None
    return {
        "name": outcome.name,
        "kind": outcome.kind,
        "origin": "simulated",
        "energy_j": whole["energy_j"],
        "energy_low_j": total(outcome.low).energy_j,
        "energy_high_j": total(outcome.high).energy_j,
        "co2_kg": whole["co2_kg"],
        "co2_low_kg": _known(total(outcome.cleaner).co2_kg),
        "co2_high_kg": _known(total(outcome.dirtier).co2_kg),
        "embodied_kg": whole["embodied_kg"],
        "primary_j": whole["primary_j"],
        "water_l": whole["water_l"],
        "intervals_95": {name: [span.low, span.high] for name, span in outcome.drawn.items()},
        "parts": {name: _part(outcome.parts[name]) for name in PARTS if name in outcome.parts},
        "parts_low": _energies(outcome.low),
        "parts_high": _energies(outcome.high),
    }


def _energies(parts: Mapping[str, Part]) -> dict[str, float]:
    return {name: parts[name].energy_j for name in PARTS if name in parts}


def _part(part: Part) -> dict[str, float | None]:
    return {name: _known(getattr(part, name)) for name in FIGURES}


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
