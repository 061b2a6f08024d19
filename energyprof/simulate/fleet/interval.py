"""A fleet played again and again: how far energy, time and carbon may lie off, by chance and by the inputs.

Each draw takes every input that has an interval anew, what is off by one meter together, and another fleet:
its clients, turns, drop-outs and clouds. The ends have the fleet's own seed and every input at the end that
takes less, or more.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping

from energyprof.simulate.draws import drawn, middle
from energyprof.simulate.fleet.device import Device
from energyprof.simulate.fleet.doubts import FALLING, KINDS
from energyprof.simulate.fleet.fleet import Doubt, FleetOutcome, Scenario, simulate
from energyprof.simulate.numerics import load

FIGURES = ("energy_j", "time_s", "co2_kg", "rounds")
# Without `draws` in the file: as many as some seconds allow, from few to many; of fewer no interval is said.
WORK, FEW, MANY = 1e7, 20, 100


def judged(scenario: Scenario, said: Callable[[str], None] = lambda line: None) -> FleetOutcome:
    """The fleet's training, and how far its figures may lie off.

    Raises:
        UsageError: a round cannot be had as asked.
        MissingPart: numpy is not installed.
    """
    found = simulate(scenario)
    asked = scenario.training.draws
    draws = _draws(found) if asked is None else asked
    alone = dataclasses.replace(scenario, excess=None)  # a round of its own, which changes nothing here
    if not draws or found.why:
        return found
    training = scenario.training
    values = drawn(scenario.doubts, training.seed, draws)
    numpy = load("numpy")
    others = []
    for i in range(draws):
        own = {key: float(value[i]) if numpy.ndim(value) else value for key, value in values.items()}
        others.append(simulate(varied(alone, own), (training.seed, i + 1)))
        said(f"draw {i + 1} of {draws}")
    reached = [one for one in others if not one.why]
    intervals = {}
    for figure in FIGURES if reached else ():
        known = [getattr(one, figure) for one in reached]
        if not any(map(math.isnan, known)):
            span = middle(numpy.array(known, dtype=float)).holding(float(getattr(found, figure)))
            intervals[figure] = (span.low, span.high)
    doubt = Doubt(draws, len(reached), intervals, _ends(alone, found))
    return dataclasses.replace(found, doubt=doubt)


def _draws(found: FleetOutcome) -> int:
    """As many as are had in some seconds, by what one playing looks at: clients, now and then, and turns."""
    training = found.scenario.training
    work = found.rounds * training.clients / 50 + 10 * sum(found.turns.values()) + training.clients
    draws = int(min(MANY, WORK / work))
    return draws if draws >= FEW else 0


def _ends(alone: Scenario, found: FleetOutcome) -> dict[str, tuple[float, float]]:
    if not alone.doubts:
        return {}
    ends = [found]
    for falls, rises in (("high", "low"), ("low", "high")):
        values = {
            key: getattr(quantity, falls if key.endswith(FALLING) else rises)
            for key, quantity in alone.doubts.items()
        }
        ends.append(simulate(varied(alone, values)))
    reached = [one for one in ends if not one.why]
    # What a training takes that does not get there has no end.
    beyond = [math.inf] * (len(ends) > len(reached))
    return {
        figure: (min(known), max(known + beyond))
        for figure in FIGURES
        if not any(map(math.isnan, known := [float(getattr(one, figure)) for one in reached]))
    }


def varied(scenario: Scenario, values: Mapping[str, float]) -> Scenario:
    """The scenario with each of ``values`` (the doubts' keys) in it."""
    server_w = values.get("fleet.server_w", scenario.training.server_w)
    return dataclasses.replace(
        scenario,
        training=dataclasses.replace(scenario.training, server_w=server_w),
        devices=tuple(_device(device, values) for device in scenario.devices),
        rounds=tuple(
            dataclasses.replace(one, rounds=values.get(f"rounds.{one.clients:g}.rounds", one.rounds))
            for one in scenario.rounds
        ),
        sites=tuple(
            dataclasses.replace(
                site,
                g_per_kwh=values.get(f"site.{site.name}.intensity", site.g_per_kwh),
                pue=values.get(f"site.{site.name}.pue", site.pue),
            )
            for site in scenario.sites
        ),
    )


def _device(device: Device, values: Mapping[str, float]) -> Device:
    at = f"device.{device.name}"
    own = {
        name: values[key]
        for name in (kind.removeprefix("device.") for kind in KINDS if kind.startswith("device."))
        if (key := f"{at}.{name}") in values
    }
    changed = dataclasses.replace(device, **own)  # type: ignore[arg-type]  # all of them are numbers
    gain = values.get(f"{at}.meter_gain", 1.0)
    return dataclasses.replace(changed, power_w=changed.power_w * gain)
