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


# Everything that a scenario can say, once.
FULL = """
name = "all of it"
seed = 1
draws = 100
[data]
clients = 9
bits_per_client = { value = 1e6, low = 1e5, high = 1e8 }
new_bits_per_client = "1 kB"
model_bits = 1e5
stored_s = "1 years"
medium = "hdd"
[site.centre]
country = "DE"
wue = 1.8
clients = "1-3"
[site.edge]
intensity = { value = 300, low = 50, high = 600 }
clients = "4-9"
[server]
site = "centre"
round_j = { value = 50, low = 40, high = 70 }
round_s = 1
idle_w = 20
idle_s = 0.1
[server.device.node]
factor = "server.a100x8"
primary_mj = 79000
end_of_life_kg = 10
[client]
power_w = 5
round_s = "2 s"
[client.device.gpu]
factor = "jetson.agx_xavier"
utilisation = 0.5
[link]
medium = "any"
[link.downlink]
bit_per_j = "10 kbit/J"
[link.side]
router_w = 10
idle_w = 1
bit_per_s = "1 Mbit/s"
[life]
trainings = 2
development = 3
inferences = 1e6
inference_j = 0.1
inference_bits = 1000
[sci]
flop = 1e15
tokens = 1e6
samples = 1e5
parameters = 3e6
[factors.network]
mobile = { value = 0.2, low = 0.1, high = 0.4 }
[paradigm.central-once]
kind = "central"
rounds = 20
[paradigm.continual]
kind = "continual"
rounds = 2
updates = 10
[paradigm.federated]
kind = "federated"
rounds = { value = 30, low = 20, high = 60 }
active = 5
[paradigm.consensus]
kind = "consensus"
rounds = 40
graph = "torus"
train_rounds = 1
sync_rounds = 1
"""
