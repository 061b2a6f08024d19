"""A fleet from a TOML file; whatever does not fit is one line that says where."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from energyprof.decode import Amount, Positive
from energyprof.errors import FileError, UsageError
from energyprof.simulate.document import pairs, read_document, replaced
from energyprof.simulate.fleet.device import Device, Measured, Training
from energyprof.simulate.fleet.doubts import Doubts, settled
from energyprof.simulate.fleet.excess import ExcessAsked
from energyprof.simulate.fleet.fleet import Scenario
from energyprof.simulate.fleet.measured import client_of, rounds_of
from energyprof.simulate.fleet.sites import FleetSite, read_sites, with_sun
from energyprof.simulate.placement.workers import Course
from energyprof.simulate.tables import decoded, known
from energyprof.simulate.traces.cells import time_s
from energyprof.storable.frozen import dataclass

_TABLES = {"fleet", "device", "rounds", "descent", "excess", "site"}


@dataclass(frozen=True)
class _Rounds:
    clients: Positive | None = None
    rounds: Positive | None = None
    report: str | None = None  # in place of both


@dataclass(frozen=True)
class _Speed:
    """What a report can say of a kind."""

    report: str | None = None
    samples_per_s: Positive | None = None
    power_w: Amount | None = None


def read_fleet(path: Path, changes: Sequence[str] = ()) -> Scenario:
    """The fleet in the file ``path``, with ``KEY=VALUE`` replaced.

    Raises:
        FileError: it or one of its reports cannot be read.
        UsageError: something in it is missing, unknown or impossible.
    """
    data = replaced(read_document(path), pairs(changes, "--set"))
    known(data, _TABLES, str(path))
    doubts: Doubts = {}
    said = settled(data.get("fleet"), "fleet", doubts, str(path))
    training = decoded(Training, said, f"{path}: [fleet]")
    devices = tuple(_device(entry, path, i, doubts) for i, entry in enumerate(_list(data, "device", path), 1))
    rounds = tuple(_rounds(entry, path, i, doubts) for i, entry in enumerate(_list(data, "rounds", path), 1))
    descent = decoded(Course, data["descent"], f"{path}: [descent]") if "descent" in data else None
    excess = decoded(ExcessAsked, data["excess"], f"{path}: [excess]") if "excess" in data else None
    _apart([device.name for device in devices], "devices", path)
    _apart([one.clients for one in rounds], "[[rounds]]", path)
    _training_fits(training, descent, path)
    if excess is not None:
        _excess_fits(excess, devices, path)
    sites = read_sites(_list(data, "site", path), path, doubts) if "site" in data else {}
    _sites_fit(sites, training, devices, path)
    everywhere, of_devices = with_sun(sites, devices, doubts)
    suns = [d for d in devices if d.panel_w] + [d for d in (excess.domain if excess else ()) if d.panel_w]
    if suns and training.start is None:
        raise UsageError(f"{path}: [fleet]: give start: {suns[0].name} has a panel, and the sun asks when")
    start_s = 0.0 if training.start is None else _moment(training.start, f"{path}: [fleet]: start")
    server = list(sites).index(training.site) if training.site is not None else None
    return Scenario(
        training, devices, rounds, start_s, descent, excess, everywhere, of_devices, server, doubts
    )


def _sites_fit(
    sites: Mapping[str, FleetSite], training: Training, devices: Sequence[Device], path: Path
) -> None:
    named = [("[fleet]", training.site), *((f"device {d.name}", d.site) for d in devices)]
    for where, site in named:
        if site is not None and site not in sites:
            there = ", ".join(sites) or "none: give [[site]]"
            raise UsageError(f"{path}: {where}: no site is called {site[:40]}: there are {there}")
    traced = next((site for site in sites.values() if site.trace is not None), None)
    if traced is not None and training.start is None:
        raise UsageError(f"{path}: [fleet]: give start: site {traced.name} has a trace, which asks when")


def _list(data: dict[str, Any], name: str, path: Path) -> list[Any]:
    found = data.get(name)
    if not isinstance(found, list) or not found:
        raise UsageError(f"{path}: has no [[{name}]]")
    return found


def _device(entry: Any, path: Path, number: int, doubts: Doubts) -> Device:
    where = f"{path}: [[device]] {number}"
    if not isinstance(entry, dict):
        raise UsageError(f"{where}: is not a table")
    if isinstance(entry.get("name"), str):
        where = f"{path}: device {entry['name'][:40]}"
    allowed = {field.name for field in dataclasses.fields(Device)} - {"source"} | {"report"}
    known(entry, allowed, where)
    at = f"device.{entry.get('name', number)}"
    entry = settled(entry, at, doubts, str(path))
    said = decoded(_Speed, {key: entry[key] for key in vars(_Speed()) if key in entry}, where)
    rest = {key: value for key, value in entry.items() if key not in vars(_Speed())}
    device = decoded(Device, {**rest, **_speed(said, rest, path, where, at, doubts)}, where)
    _device_fits(device, where)
    return device


def _speed(
    said: _Speed, rest: dict[str, Any], path: Path, where: str, at: str, doubts: Doubts
) -> dict[str, Any]:
    """Samples a second and watts, from where they are told; of a report how far they may be off, too."""
    if said.report is not None:
        if said.samples_per_s is not None or said.power_w is not None:
            raise UsageError(f"{where}: give a report, or samples_per_s and power_w")
        found = client_of(path.parent / said.report, where)
        doubts.update({f"{at}.{name}": q for name, q in found.quantities().items() if not q.sure})
        spreads = {name: spread for name, spread in found.spreads().items() if name not in rest}
        rate, power_w = found.samples_per_s.value, found.power_w.value
        return {"samples_per_s": rate, "power_w": power_w, "source": found.source, **spreads}
    if said.samples_per_s is None:
        raise UsageError(f"{where}: give a report, or samples_per_s and power_w")
    curve = rest.get("turn_j")
    if (said.power_w is None) == (curve is None):
        raise UsageError(f"{where}: give one of power_w and turn_j beside samples_per_s")
    if said.power_w is not None:
        return {"samples_per_s": said.samples_per_s, "power_w": said.power_w}
    last = decoded(_Curve, {"turn_j": curve}, where).turn_j[-1:]
    if not last:
        raise UsageError(f"{where}: turn_j: give [samples, joules] of one turn or more")
    return {"samples_per_s": said.samples_per_s, "power_w": last[0][1] / last[0][0] * said.samples_per_s}


@dataclass(frozen=True)
class _Curve:
    turn_j: tuple[tuple[Positive, Positive], ...]


def _device_fits(device: Device, where: str) -> None:
    for (a, one_j), (b, other_j) in itertools.pairwise(device.turn_j):
        if b <= a or other_j <= one_j:
            raise UsageError(f"{where}: turn_j: samples and joules must rise from turn to turn")
    if device.panel_w and device.battery_wh is None:
        raise UsageError(f"{where}: panel_w: give battery_wh, which the panel charges")
    if device.panel_w and device.latitude is None:
        raise UsageError(f"{where}: panel_w: give latitude (and longitude) of the panel")


def _rounds(entry: Any, path: Path, number: int, doubts: Doubts) -> Measured:
    where = f"{path}: [[rounds]] {number}"
    clients = entry.get("clients") if isinstance(entry, dict) else None
    at = f"rounds.{clients:g}" if isinstance(clients, (int, float)) else f"rounds.{number}"
    said = decoded(_Rounds, settled(entry, at, doubts, str(path)), where)
    if said.report is not None and said.clients is None and said.rounds is None:
        found, told = rounds_of(path.parent / said.report, where)
        if not told.sure:
            doubts[f"rounds.{found.clients:g}.rounds"] = told
        return found
    if said.report is not None or said.clients is None or said.rounds is None:
        raise UsageError(f"{where}: give a report, or clients and rounds")
    return Measured(said.clients, said.rounds)


def _training_fits(training: Training, descent: Course | None, path: Path) -> None:
    where = f"{path}: [fleet]"
    asked = training.active + training.backup
    if asked > training.clients:
        raise UsageError(f"{where}: active and backup are {asked:,}, clients only {training.clients:,}")
    if training.aggregation == "asynchronous":
        if training.buffer > training.active:
            raise UsageError(
                f"{where}: buffer is {training.buffer:,}, more than the {training.active:,} active"
            )
        if training.backup or training.deadline_s is not None or training.waiting == "dynamic":
            raise UsageError(
                f"{where}: backup, deadline_s and waiting are of rounds: leave them out, or be synchronous"
            )
    elif training.most_stale is not None:
        raise UsageError(f"{where}: most_stale is of asynchronous aggregation")
    if training.waiting == "dynamic" and asked > MOST_DYNAMIC:
        raise UsageError(
            f"{where}: waiting dynamic is for {MOST_DYNAMIC:,} clients a round at most, not {asked:,}"
        )
    if descent is not None and training.waiting != "dynamic":
        raise UsageError(f'{path}: [descent]: is for waiting = "dynamic"')
    if descent is not None and len(descent.gradient2) < 2:
        raise UsageError(f"{path}: [descent]: gradient2: give two or more, from the start to the target")
    if training.split == "least energy" and training.batch > training.samples:
        raise UsageError(f"{where}: batch is {training.batch:,}, more than the {training.samples:,} samples")
    if (
        training.most_samples is not None
        and training.split != "equal"
        and training.most_samples < training.samples
    ):
        raise UsageError(f"{where}: most_samples is less than samples, the mean")


# Each of them is looked at before each round.
MOST_DYNAMIC = 2000


def _excess_fits(excess: ExcessAsked, devices: Sequence[Device], path: Path) -> None:
    where = f"{path}: [excess]"
    if excess.most_samples < excess.least_samples:
        raise UsageError(f"{where}: most_samples is less than least_samples")
    if not excess.domain:
        raise UsageError(f"{where}: has no [[excess.domain]]")
    _apart([domain.name for domain in excess.domain], "domains", path)
    names = [device.name for device in devices]
    fed = [kind for domain in excess.domain for kind in domain.devices]
    _apart(fed, "domains' devices", path)
    for domain in excess.domain:
        for kind in domain.devices:
            if kind not in names:
                raise UsageError(f"{where}: domain {domain.name}: no device is called {kind}")
        if domain.panel_w and domain.latitude is None:
            raise UsageError(f"{where}: domain {domain.name}: panel_w: give latitude (and longitude)")
        if not domain.panel_w and not domain.power_w:
            raise UsageError(f"{where}: domain {domain.name}: give power_w or panel_w")
    if not fed:
        raise UsageError(f"{where}: its domains have no devices")


def _apart(names: Sequence[object], what: str, path: Path) -> None:
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UsageError(f"{path}: {what}: {twice[0]} stands there twice")


def _moment(text: str, where: str) -> float:
    try:
        return time_s(text, where)
    except FileError as error:
        raise UsageError(str(error)) from None
