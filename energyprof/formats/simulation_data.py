"""A simulation for programs: one JSON object; what is not known is null."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from energyprof.simulate.break_even import Crossing
from energyprof.simulate.outcome import Outcome
from energyprof.simulate.parts import FIGURES, PARTS, Part, makes, total
from energyprof.simulate.presence import Presence, fairness
from energyprof.simulate.simulation import Simulation


def simulation_data(found: Simulation) -> dict[str, Any]:
    """The simulation's fields in J, kg and l."""
    return {
        "schema": "energyprof.simulation/1",
        "origin": "simulated",
        "name": found.name,
        "links": dict(found.links),
        "seed": found.seed,
        "draws": found.draws,
        "paradigms": [_outcome(outcome) for outcome in found.outcomes],
        "takes_least": {figure: dict(shares) for figure, shares in found.least.items()},
        "break_even": [_crossing(crossing) for crossing in found.crossings],
        "sensitivity": [{**asdict(swing), "span_j": swing.span_j} for swing in found.swings],
        "sci": [asdict(score) for score in found.scores],
        "consensus": [{**asdict(one), "basis": "theory"} for one in found.agreements],
        "cycle_times": [asdict(one) for one in found.cycle_times],
        "participation": {
            name: {"fairness": fairness(sites), "sites": [_present(site) for site in sites]}
            for name, sites in found.presences.items()
        },
        "measurements": list(found.measurements),
        "assumptions": list(found.assumptions),
        "notes": list(found.notes),
    }


def simulation_json(found: Simulation) -> str:
    """One JSON object with a newline at its end."""
    return json.dumps(simulation_data(found), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _outcome(outcome: Outcome) -> dict[str, Any]:
    whole = _part(outcome.total)
    return {
        "name": outcome.name,
        "kind": outcome.kind,
        "origin": "simulated",
        "energy_j": whole["energy_j"],
        "energy_low_j": total(outcome.low).energy_j,
        "energy_high_j": total(outcome.high).energy_j,
        "co2_kg": whole["co2_kg"],
        "co2_low_kg": known(total(outcome.cleaner).co2_kg),
        "co2_high_kg": known(total(outcome.dirtier).co2_kg),
        "embodied_kg": whole["embodied_kg"] if makes(outcome.parts) else None,
        "primary_j": whole["primary_j"],
        "water_l": whole["water_l"],
        "intervals_95": {name: [span.low, span.high] for name, span in outcome.drawn.items()},
        "parts": {name: _part(outcome.parts[name]) for name in PARTS if name in outcome.parts},
        "parts_low_j": _energies(outcome.low),
        "parts_high_j": _energies(outcome.high),
    }


def _energies(parts: Mapping[str, Part]) -> dict[str, float]:
    return {name: parts[name].energy_j for name in PARTS if name in parts}


def _part(part: Part) -> dict[str, float | None]:
    return {name: known(getattr(part, name)) for name in FIGURES}


def _crossing(crossing: Crossing) -> dict[str, Any]:
    data = asdict(crossing)
    span = data.pop("interval")
    return {**data, "interval_95": None if span is None else [span["low"], span["high"]]}


def _present(site: Presence) -> dict[str, Any]:
    return {**asdict(site), "g_per_kwh": known(site.g_per_kwh)}


def known(value: float) -> float | None:
    """``value``, or None where it is not known."""
    return None if math.isnan(value) else value
