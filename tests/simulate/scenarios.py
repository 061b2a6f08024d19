"""Scenarios whose results can be checked in the head, or in the papers that they come from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from energyprof.simulate.outcome import Outcome
from energyprof.simulate.reading import read_scenario
from energyprof.simulate.simulation import Simulation, simulate

EXAMPLES = Path(__file__).parents[2] / "examples"
PARADIGMS = EXAMPLES / "simulate-paradigms.toml"
J_PER_WH = 3600.0

# One client of 10 J a round for ten rounds, and a server of 100 J; a bit costs 1 J.
SMALL = """
[data]
clients = {clients}
bits_per_client = 7
model_bits = 3
[site.centre]
pue = 2
intensity = 360
[site.edge]
pue = 1
intensity = 36
[server]
site = "centre"
round_j = 100
[client]
site = "edge"
round_j = 10
[link]
bit_per_j = 1
[paradigm.central]
kind = "central"
rounds = 10
[paradigm.federated]
kind = "federated"
rounds = 10
"""


def simulated(path: Path, *sets: str, assume: Sequence[str] = ()) -> Simulation:
    return simulate(read_scenario(path, sets, assume), path.name)


def written(folder: Path, text: str) -> Path:
    path = folder / "scenario.toml"
    path.write_text(text, encoding="utf-8")
    return path


def outcome(found: Simulation, name: str) -> Outcome:
    return next(outcome for outcome in found.outcomes if outcome.name == name)


def loaded(text: str) -> Any:
    return json.loads(text)
