"""What is turned to find where two paradigms cross: model size, rounds, links, grids, updates, inferences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from energyprof.errors import UsageError
from energyprof.simulate.monte_carlo import FIGURES
from energyprof.simulate.scenario import Scenario
from energyprof.storable.frozen import dataclass

# How a key follows the dial: times it, or divided by it.
_Follows = Literal["times", "over"]
# What totals are divided by: they are lines in its inverse.
_DIVISORS = ("bit_per_j", "bit_per_s", "life_years", "utilisation")
_MODEL = ("model_bits", "upload_bits", "download_bits")


@dataclass(frozen=True)
class Dial:
    """At 1 the scenario as it is; ``shown`` is what ``scale`` comes to in ``unit``."""

    name: str
    unit: str
    follows: Mapping[str, _Follows]
    figures: tuple[str, ...]  # which totals it can make cross
    shown: Literal["times", "over"]
    at_one: float  # what it is in the scenario

    def turned(self, values: Mapping[str, float], scale: float) -> dict[str, float]:
        """The numbers with the dial at ``scale``."""
        moved = {
            key: values[key] * scale if how == "times" else values[key] / scale
            for key, how in self.follows.items()
        }
        return {**values, **moved}

    def value(self, scale: float) -> float:
        """What the dial then says."""
        return self.at_one * scale if self.shown == "times" else self.at_one / scale


def dials(scenario: Scenario) -> list[Dial]:
    """Those that this scenario has."""
    values = scenario.values()
    keys = [key for key in values if key.split(".")[0] in ("data", "paradigm") and key.endswith(_MODEL)]
    size = values.get("data.model_bits", 1.0)
    unit = "bit" if "data.model_bits" in values else "×"
    found = [Dial("model size", unit, dict.fromkeys(keys, "times"), FIGURES, "times", size)] if keys else []
    found += [
        Dial(f"rounds of {p.name}", "", {key: "times"}, FIGURES, "times", values[key])
        for p in scenario.paradigms
        if (key := f"paradigm.{p.name}.rounds") in values
    ]
    found += _links(values)
    found += _grids(scenario, values)
    updates = [key for key in values if key.startswith("paradigm.") and key.endswith(".updates")]
    if updates:
        most = max(values[key] for key in updates)
        found.append(Dial("updates", "", dict.fromkeys(updates, "times"), FIGURES, "times", most))
    for key, name in (("life.trainings", "trainings"), ("life.inferences", "inferences")):
        if values.get(key):
            found.append(Dial(name, "", {key: "times"}, FIGURES, "times", values[key]))
    return [dial for dial in found if dial.at_one > 0]


def dial_of(scenario: Scenario, key: str) -> Dial:
    """One that turns the number ``key`` alone.

    Raises:
        UsageError: there is no such number, or it is 0.
    """
    quantity = scenario.quantities.get(key)
    if quantity is None or not quantity.value > 0 or key in ("seed", "draws", "data.clients"):
        known = ", ".join(sorted(scenario.quantities))
        raise UsageError(f"--break-even {key[:60]}: no number above 0 to turn: there are {known[:300]}")
    unit = "" if quantity.unit == "1" else quantity.unit
    how: _Follows = "over" if key.rpartition(".")[2] in _DIVISORS else "times"
    return Dial(key, unit, {key: how}, FIGURES, how, quantity.value)


def _links(values: Mapping[str, float]) -> list[Dial]:
    """All links together cost ``scale`` times as much; a single one in bit/J is shown as such."""
    costs: dict[str, _Follows] = {}
    for key in values:
        if key.startswith("link."):
            last = key.rpartition(".")[2]
            if last in ("kwh_per_gb", "router_w", "idle_w"):
                costs[key] = "times"
            elif last == "bit_per_j":
                costs[key] = "over"
    if not costs:
        return []
    if len(costs) == 1:
        (key, how), unit = next(iter(costs.items())), "bit/J"
        if how == "times":
            unit = "kWh/GB"
        return [Dial("link", unit, costs, FIGURES, how, values[key])]
    return [Dial("cost of all links", "×", costs, FIGURES, "times", 1.0)]


def _grids(scenario: Scenario, values: Mapping[str, float]) -> list[Dial]:
    """The clients' grids beside the server's, where these are not the same site."""
    if scenario.presences:
        return []  # with another grid, others sleep
    server = scenario.server.shares[0][0]
    clients = [(site, share) for site, share in scenario.clients.shares if site != server]
    keys = [f"site.{site}.intensity" for site, _ in clients]
    here = values.get(f"site.{server}.intensity", 0.0)
    if len(clients) < len(scenario.clients.shares) or not here or not all(key in values for key in keys):
        return []
    mean = sum(share * values[f"site.{site}.intensity"] for site, share in clients)
    name = "clients' grid over the server's"
    return [Dial(name, "", dict.fromkeys(keys, "times"), ("co2_kg",), "times", mean / here)]
