"""From a scenario's file to a `Scenario`: what is written, measured, assumed, and taken from the factors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from energyprof.errors import UsageError
from energyprof.simulate import factors
from energyprof.simulate.consensus import network_in, sleeping, topology_in
from energyprof.simulate.document import pairs, read_document, replaced
from energyprof.simulate.keys import (
    FACTORS,
    MOST_FACTOR,
    NUMBERS,
    WORDS,
    is_table,
    pattern_of,
    said_twice,
    unknown,
)
from energyprof.simulate.links import links_of
from energyprof.simulate.presence import Presence
from energyprof.simulate.quantity import Basis, Kind, Quantity, quantity
from energyprof.simulate.scenario import KINDS, Paradigm, ParadigmKind, Scenario
from energyprof.simulate.sites import places_of, traces_of
from energyprof.simulate.supplies import add_factors, add_measured

_NAME = re.compile(r"[^\W_][\w -]{0,59}")
# What decides how something is computed is one number.
STRUCTURAL = ("seed", "draws", "data.clients")


def read_scenario(path: Path, sets: Sequence[str] = (), assumed: Sequence[str] = ()) -> Scenario:
    """The scenario in a TOML file, with what the command line sets and assumes.

    Raises:
        FileError: a file cannot be read, or is not what it should be.
        UsageError: the scenario is none; the message names the key and what it takes.
    """
    changes = pairs(sets, "--set")
    data = replaced(read_document(path), changes)
    return scenario_of(data, path, {key for key, _ in changes}, pairs(assumed, "--assume"))


def scenario_of(
    data: Mapping[str, Any], path: Path, changed: set[str], assumed: Sequence[tuple[str, Any]]
) -> Scenario:
    """The scenario that ``data`` is; files that it names are beside ``path``."""
    where = str(path)
    quantities, words, overrides = _written(data, changed, where)
    kinds = _kinds(data, words, where)
    devices = {who: tuple(data.get(who, {}).get("device", {})) for who in ("server", "client")}
    table = factors.Table(overrides)
    boundaries = add_measured(quantities, words, kinds, {key for key, _ in assumed}, path)
    _assume(quantities, assumed)
    if twice := said_twice({*quantities, *words}):
        said = " and ".join(key.rpartition(".")[2] for key in twice)
        raise UsageError(f"{where}: {twice[0].rpartition('.')[0]}: {said}: give only one of them")
    traces = traces_of(data, words, path)
    server, clients = places_of(data, quantities, words, traces, kinds.values(), table, where)
    add_factors(quantities, words, devices, kinds, table, where)
    links = links_of(quantities, words, (server, clients), table, where)
    paradigms: list[Paradigm] = []
    presences: dict[str, tuple[Presence, ...]] = {}
    for name, kind in kinds.items():
        topology = topology_in(name, quantities, words, path)
        place, present = sleeping(name, clients, quantities, traces, where)
        at = SIDES if kind in CENTRAL else SIDES[::-1]
        inference_at = _choice(words, f"paradigm.{name}.inference_at", at, where)
        paradigms.append(Paradigm(name, kind, inference_at, place, topology))
        presences |= {name: present} if present else {}
    _check(quantities, kinds, where)
    return Scenario(
        name=words.get("name", path.stem),
        where=where,
        quantities=quantities,
        paradigms=tuple(paradigms),
        server=server,
        clients=clients,
        links=links,
        devices=devices,
        flop_kind=_choice(words, "sci.flop_kind", ("gross", "effective"), where),
        presences=presences,
        network=network_in(quantities, words, path),
        boundaries=boundaries,
        unread_factors=tuple(
            f"factors.{name}"
            for name, own in overrides.items()
            if not any(own is one for one in quantities.values())
        ),
    )


def _written(
    data: Mapping[str, Any], changed: set[str], where: str
) -> tuple[dict[str, Quantity], dict[str, str], dict[str, Quantity]]:
    """The numbers and the texts of a scenario by key, and the factors that it replaces by name."""
    quantities: dict[str, Quantity] = {}
    words: dict[str, str] = {}
    overrides: dict[str, Quantity] = {}
    for parts, value in _leaves(data, (), where):
        key = ".".join(parts)
        pattern = pattern_of(parts)
        basis: Basis = "set" if key in changed else "given"
        if parts[0] == "factors":
            overrides[key.removeprefix("factors.")] = _factor(key, value, where, basis)
        elif pattern in NUMBERS:
            source = "on the command line" if basis == "set" else "in the scenario"
            quantities[key] = quantity(value, NUMBERS[pattern], f"{where}: {key}", basis, source)
        elif isinstance(value, str) and value.strip():
            words[key] = value
        else:
            raise UsageError(f"{where}: {key}: give {WORDS[pattern]}")
    for key in STRUCTURAL:
        if key in quantities and not quantities[key].sure:
            raise UsageError(f"{where}: {key}: give one number, without low and high")
    return quantities, words, overrides


def _leaves(
    data: Mapping[str, Any], inside: tuple[str, ...], where: str
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in data.items():
        path = (*inside, name)
        if inside[:1] == ("factors",) or path == ("factors",):
            if isinstance(value, dict) and not value.keys() & {"value", "low", "high"}:
                yield from _leaves(value, path, where)
            else:
                yield path, value
            continue
        if is_table(path):
            if not isinstance(value, dict):
                raise UsageError(f"{where}: {'.'.join(path)}: a table was expected")
            if inside and inside[-1] in _NAMED and not _NAME.fullmatch(name):
                raise UsageError(
                    f"{where}: {inside[-1]} {name[:40]!r}: name it by letters, digits, - and blanks"
                )
            yield from _leaves(value, path, where)
        elif not pattern_of(path):
            raise unknown(path, where)
        else:
            yield path, value


SIDES = ("server", "client")
CENTRAL = ("central", "refreshed", "continual")
_NAMED = ("site", "device", "paradigm")


def _factor(key: str, value: Any, where: str, basis: Basis) -> Quantity:
    name = key.removeprefix("factors.")
    unit = factors.named(name, f"{where}: {key}").unit
    kind = next((k for begin, k in FACTORS.items() if name.startswith(begin)), Kind(unit, 0, MOST_FACTOR))
    return quantity(value, kind, f"{where}: {key}", basis, "in place of the table's")


def _kinds(data: Mapping[str, Any], words: Mapping[str, str], where: str) -> dict[str, ParadigmKind]:
    names = data.get("paradigm", {})
    if not names:
        raise UsageError(f"{where}: there is no paradigm: give [paradigm.NAME] with kind and rounds")
    found: dict[str, ParadigmKind] = {}
    for name in names:
        kind = words.get(f"paradigm.{name}.kind")
        if kind not in KINDS:
            shown = "is missing" if kind is None else f"{kind[:30]!r}"
            raise UsageError(f"{where}: paradigm.{name}.kind {shown}: choose from {', '.join(KINDS)}")
        found[name] = kind  # type: ignore[assignment]  # it is one of them
    return found


def _choice(words: Mapping[str, str], key: str, choices: tuple[str, ...], where: str) -> Any:
    said = words.get(key, choices[0])
    if said not in choices:
        raise UsageError(f"{where}: {key} {said[:30]!r}: choose from {', '.join(choices)}")
    return said


def _assume(quantities: dict[str, Quantity], assumed: Sequence[tuple[str, Any]]) -> None:
    for key, value in assumed:
        parts = tuple(key.split("."))
        pattern = pattern_of(parts)
        if pattern not in NUMBERS:
            raise UsageError(f"--assume {key}: is not a number of a scenario: see docs/simulation.md")
        if key in quantities and quantities[key].basis != "factor":
            known = quantities[key]
            raise UsageError(f"--assume {key}: it is {known.basis} ({known.source}); --set replaces it")
        quantities[key] = quantity(
            value, NUMBERS[pattern], f"--assume {key}", "assumed", "on the command line"
        )


def _check(quantities: Mapping[str, Quantity], names: Iterable[str], where: str) -> None:
    clients = quantities["data.clients"].value if "data.clients" in quantities else None
    for name in names:
        at = f"paradigm.{name}"
        for key, most in (("active", clients), ("neighbours", None if clients is None else clients - 1)):
            found = quantities.get(f"{at}.{key}")
            if found is not None and most is not None and found.high > most:
                raise UsageError(
                    f"{where}: {at}.{key} {found.high:g}: of {clients:g} clients there are at most {most:g}"
                )
