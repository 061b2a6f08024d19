"""What a scenario does not write down itself: measured by reports, or taken from the table of factors."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from energyprof.errors import UsageError
from energyprof.report.file import read
from energyprof.simulate.factors import Table
from energyprof.simulate.measured import described, measured
from energyprof.simulate.measured_rounds import OF_CLIENTS, measured_rounds, trained_by
from energyprof.simulate.quantity import Quantity
from energyprof.simulate.scenario import ParadigmKind

# What a report says of a training, and the scenario's keys that would say the same.
_SAME = {"round_j": ("round_j", "power_w")}


def add_measured(
    quantities: dict[str, Quantity],
    words: Mapping[str, str],
    kinds: Mapping[str, ParadigmKind],
    assumed: Collection[str],
    path: Path,
) -> dict[str, str]:
    """Add what the reports say that the server, the clients and the paradigms name; their boundaries.

    Raises:
        FileError: one is not a report.
        UsageError: one lacks an energy that is not ``assumed``, or what it measured is written down, too.
    """
    boundaries: dict[str, str] = {}
    for key, name in words.items():
        at, _, last = key.rpartition(".")
        if last != "report":
            continue
        place, where = path.parent / name, f"{path}: {key}"
        report = read(place)
        kind = kinds.get(at.removeprefix("paradigm."))
        _must_be(trained_by(report), kind, f"{where}: {place}")
        boundaries[at] = report.boundary or "not known"
        if kind in OF_CLIENTS:
            told = measured_rounds(report, described(report, place), where)
            found = _of_clients(quantities, at, told.found, kind, where)
        else:
            rounds = quantities.get(f"{at}.rounds")
            told = measured(report, place, 1.0 if rounds is None else rounds.value)
            found = dict(told.found)
            if kind is not None:
                once = Quantity(1, 1, 1, "1", "given", "its report's training as one")
                quantities.setdefault(f"{at}.rounds", once)
                if kind == "continual":
                    quantities.setdefault(f"{at}.updates", once)
        for figure, reason in told.missing.items():
            wanted = f"{at}.{figure}"
            if not (
                wanted in quantities or wanted in assumed or (kind == "consensus" and "server" in figure)
            ):
                raise UsageError(f"{where}: {place}: {reason}; --assume {wanted}=VALUE gives it")
        _enter(quantities, at, found, path)
    return boundaries


def _must_be(way: str, kind: ParadigmKind | None, where: str) -> None:
    """Raises UsageError: the clients of one way to train stand for another's, or for a single machine."""
    if kind in OF_CLIENTS and way in OF_CLIENTS and way != kind:
        raise UsageError(f'{where}: is of a {way} training, not of a {kind} one: give kind = "{way}"')
    if way and kind not in OF_CLIENTS:
        raise UsageError(
            f"{where}: is of a {way} training, whose joules are all its clients' and the server's: "
            'name it as the report of a paradigm with kind = "federated" or "consensus"'
        )


def _enter(quantities: dict[str, Quantity], at: str, found: Mapping[str, Quantity], path: Path) -> None:
    """Enter what a report measured; a number that was set instead is not off by the report's meters."""
    before = dict(quantities)
    for figure, quantity in found.items():
        of = figure.replace("meter_gain", "round_j")  # a gain goes with its joules
        own = next((key for key in _SAME.get(of, (of,)) if f"{at}.{key}" in before), None)
        if own is None:
            quantities[f"{at}.{figure}"] = quantity
        elif before[f"{at}.{own}"].basis != "set":
            raise UsageError(f"{path}: {at}.{own}: its report measured that; --set replaces it")


def _of_clients(
    quantities: dict[str, Quantity], at: str, measured: Mapping[str, Quantity], kind: str | None, where: str
) -> dict[str, Quantity]:
    """What a report's clients measured, for those of the scenario: as large a share of them takes part.

    Messages of a consensus are all that a node sends in a round, so of one neighbour.
    """
    own = measured["clients"]
    clients = quantities.setdefault("data.clients", own)
    found = {name: quantity for name, quantity in measured.items() if name != "clients"}
    ratio = clients.value / own.value
    if ratio != 1:
        said = f"{own.source}; its {own.value:g} clients stand for {clients.value:g}"
        found = {name: dataclasses.replace(quantity, source=said) for name, quantity in found.items()}
    active = found["active"].value * ratio
    found["active"] = dataclasses.replace(found["active"], value=active, low=active, high=active)
    if kind == "consensus":
        if f"{at}.neighbours" in quantities:
            raise UsageError(f"{where}: its messages are all that a node sends: leave neighbours out")
        said = "all that its report's nodes send, as one message"
        quantities[f"{at}.neighbours"] = Quantity(1, 1, 1, "1", "given", said)
        # Who evaluates there is an observer.
        found = {name: q for name, q in found.items() if not name.startswith("server_")}
    return found


def add_factors(
    quantities: dict[str, Quantity],
    words: Mapping[str, str],
    devices: Mapping[str, Sequence[str]],
    kinds: Mapping[str, ParadigmKind],
    table: Table,
    where: str,
) -> None:
    """Add the factors that this scenario needs and does not replace.

    Raises:
        UsageError: it names one that there is not.
    """
    quantities["factors.primary.electricity"] = table.quantity("primary.electricity", where)
    federated = [f"paradigm.{name}" for name, kind in kinds.items() if kind == "federated"]
    if any(f"{at}.server_share" not in quantities for at in federated):
        quantities["factors.federated.server_share"] = table.quantity("federated.server_share", where)
    for who, names in devices.items():
        kind = "server" if who == "server" else "edge"
        for name in names:
            at = f"{who}.device.{name}"
            factor = words.get(f"{at}.factor")
            if factor is not None:
                found = table.quantity(factor, f"{where}: {at}.factor")
                if found.unit != "kg":
                    raise UsageError(f"{where}: {at}.factor {factor}: is in {found.unit}, not in kg")
                quantities.setdefault(f"{at}.embodied_kg", found)
            quantities.setdefault(f"{at}.life_years", table.quantity(f"life.{kind}", where))
            if who == "server":
                quantities.setdefault(f"{at}.utilisation", table.quantity("utilisation.server", where))
    if "data.stored_s" in quantities:
        medium = words.get("data.medium", "ssd")
        if medium not in ("ssd", "hdd"):
            raise UsageError(f"{where}: data.medium {medium[:30]!r}: choose from ssd, hdd")
        for key, factor in (
            ("w_per_tb", f"storage.{medium}_w"),
            ("kg_per_tb", f"storage.{medium}_kg"),
            ("replication", "storage.replication"),
            ("life_years", "storage.life"),
        ):
            quantities.setdefault(f"data.{key}", table.quantity(factor, where))
