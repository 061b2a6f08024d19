"""What a result rests on that nobody measured here, and what it leaves out, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from energyprof.simulate.evaluate import keys_of
from energyprof.simulate.outcome import Outcome
from energyprof.simulate.place import Place
from energyprof.simulate.quantity import Quantity
from energyprof.simulate.scenario import Scenario

# Given numbers that say what would be measured.
_MEASURABLE = ("_j", "_s", "_w")


def assumptions(scenario: Scenario, where: str) -> tuple[str, ...]:
    """A line for each number that is assumed, set, from a factor, or given in place of a measurement."""
    read: set[str] = set()
    for paradigm in scenario.paradigms:
        read |= keys_of(scenario, paradigm.name, where)
    order = {"assumed": 0, "set": 1, "modelled": 2, "given": 3, "factor": 4}
    found = [(key, scenario.quantities[key]) for key in read]
    listed = [(key, q) for key, q in found if q.basis != "measured" and not _plain(key, q)]
    listed.sort(key=lambda pair: (order[pair[1].basis], pair[0]))
    lines = [f"{_BASIS[q.basis]}: {key} = {_shown(q)}, {q.source}" for key, q in listed]
    if "side" not in scenario.links and any(p.kind == "consensus" for p in scenario.paradigms):
        lines.append("assumed: no side link, so what neighbours exchange goes up and down again")
    return tuple(lines)


def measurements(scenario: Scenario, where: str) -> tuple[str, ...]:
    """A line for each number that a report measured."""
    read = frozenset[str]().union(*(keys_of(scenario, p.name, where) for p in scenario.paradigms))
    found = [(key, scenario.quantities[key]) for key in sorted(read)]
    return tuple(f"{key} = {_shown(q)}, {q.source}" for key, q in found if q.basis == "measured")


_BASIS = {
    "assumed": "assumed",
    "set": "set",
    "modelled": "an estimate of a report, not a measurement",
    "given": "given, not measured",
    "factor": "factor",
}


def _plain(key: str, quantity: Quantity) -> bool:
    """Whether it is a choice of the scenario, such as a number of rounds, that no meter could tell."""
    measurable = key.split(".")[-1].endswith(_MEASURABLE) and not key.startswith("data.")
    return quantity.basis == "given" and not measurable


def _shown(quantity: Quantity) -> str:
    unit = "" if quantity.unit == "1" else f" {quantity.unit}"
    if quantity.sure:
        return f"{quantity.value:.6g}{unit}"
    return f"{quantity.value:.6g} ({quantity.low:.6g} … {quantity.high:.6g}){unit}"


def notes(scenario: Scenario, outcomes: Sequence[Outcome], where: str) -> tuple[str, ...]:
    """What the totals do not hold, and why."""
    lines = []
    if len(set(scenario.boundaries.values())) > 1:
        held = ", ".join(f"{boundary} in {name}" for name, boundary in scenario.boundaries.items())
        lines.append(f"the reports measure different things, as if they were one: boundary {held}")
    if any(math.isnan(outcome.total.co2_kg) for outcome in outcomes):
        sites = _without(scenario, "intensity")
        lines.append(f"no carbon: site {', '.join(sites)} has no intensity, country or trace")
    if not any(scenario.devices.values()):
        lines.append("manufacture is not counted: no device is given")
    else:
        lines += [
            f"manufacture of the {who} is not counted: it has no device"
            for who in _taking_part(scenario)
            if not scenario.devices.get(who)
        ]
    unstarted = [outcome.name for outcome in outcomes if "start-up" not in outcome.parts]
    if unstarted:
        of = "" if len(unstarted) == len(outcomes) else f" of {', '.join(unstarted)}"
        lines.append(f"start-up{of} is not counted: start_j is not given")
    if "data.stored_s" not in scenario.quantities and any(
        outcome.kind in ("central", "refreshed", "continual") for outcome in outcomes
    ):
        lines.append("storage is not counted: data.stored_s is not given")
    unread = _unread(scenario, where)
    if unread:
        lines.append(f"no paradigm here uses {', '.join(unread)}")
    return tuple(lines)


# What decides how it is computed, or what a score is for; or goes into what is read in its place.
_BESIDE = ("seed", "draws", "data.clients", "sci.", "network.")


def _unread(scenario: Scenario, where: str) -> list[str]:
    """The numbers that were written down or set, and that nothing asked for."""
    read = frozenset[str]().union(*(keys_of(scenario, p.name, where) for p in scenario.paradigms))
    if scenario.network is not None:
        read |= {"data.model_bits", "client.round_s"}
    said = [key for key, q in scenario.quantities.items() if q.basis in ("given", "set", "assumed")]
    # A report's joules are divided by its rounds.
    reports = {
        key.rpartition(".")[0]
        for key, q in scenario.quantities.items()
        if q.basis in ("measured", "modelled")
    }
    read |= {f"{at}.rounds" for at in reports} | {
        f"paradigm.{name}.sleep_above" for name in scenario.presences
    }
    unread = [key for key in said if key not in read and not key.startswith(_BESIDE)]
    return [*unread, *scenario.unread_factors]


def _taking_part(scenario: Scenario) -> list[str]:
    kinds = {paradigm.kind for paradigm in scenario.paradigms}
    server = kinds & {"central", "refreshed", "continual", "federated"}
    clients = kinds & {"federated", "consensus"}
    return [*(["server"] if server else []), *(["client"] if clients else [])]


def _without(scenario: Scenario, key: str) -> list[str]:
    places: list[Place] = [
        scenario.server,
        scenario.clients,
        *(link.place for link in scenario.links.values()),
    ]
    sites = dict.fromkeys(site for place in places for site, _ in place.shares)
    return [site for site in sites if f"site.{site}.{key}" not in scenario.quantities]
