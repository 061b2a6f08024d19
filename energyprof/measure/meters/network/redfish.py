"""The power of a server as its management controller (BMC) tells it, over Redfish."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from energyprof.errors import MeterError, UsageError
from energyprof.measure.meters.network.address import Address, parse
from energyprof.measure.meters.network.http import Client, NoAnswer, Service, base_of
from energyprof.measure.meters.network.polled import (
    BMC_WINDOW_S,
    POWER_INTERVAL_S,
    Question,
    blocked,
    found,
    number,
    pick,
    register_of,
)
from energyprof.meter import Finding, MeterInfo, Role
from energyprof.storable.frozen import dataclass
from energyprof.trace.gains import BMC

# Two questions to two resources need only an HTTP client. DMTF's redfish (BSD) retries ten times, which
# a reading has no time for, and its sessions outlive a killed run until the BMC has none left; sushy
# (Apache-2.0) is made for OpenStack and brings pbr and stevedore.

ROLE: Role = "real"
USAGE = "redfish=bmc.example"


# Generous for one node: eight GPUs of 1 kW and all around them draw about 12 kW.
MAX_POWER_W = 20_000.0

# A BMC takes its time for the first answer, TLS and all. Readings have the connection already.
SEARCH_LIMIT_S = 5.0

COLLECTION = "/redfish/v1/Chassis"
# To look into every member of a rack's collection would take minutes.
MOST_MEMBERS = 16

J_PER_KWH = 3.6e6

# Where a chassis links to, and the number in it. The newer one (Redfish 2020.4) has the register beside the
# power; the older one is what most BMCs have.
POWERS: dict[str, tuple[str | int, ...]] = {
    "EnvironmentMetrics": ("PowerWatts", "Reading"),
    "Power": ("PowerControl", 0, "PowerConsumedWatts"),
}
REGISTERS = {"EnergyJoules": 1.0, "EnergykWh": J_PER_KWH}


def find_at(address: str, options: Mapping[str, str]) -> Finding:
    """The power of one chassis, and its energy register to hold it against, if it has one."""
    own = ("chassis", "insecure", "ca")
    place = parse("redfish", address, options, gain=BMC, own=own)
    chassis = place.text("chassis")
    if not re.fullmatch(r"[\w.:+-]*", chassis):
        raise UsageError(f"redfish: chassis={chassis} is invalid: give an Id such as 1 or System.Embedded.1")
    service = Service(
        "redfish",
        base_of("redfish", address, "https"),
        login="basic",
        trust=_trust(place),
        distrusted=f"--meters 'redfish={address}?ca=FILE' with its certificate, or ?insecure=1 to trust any",
    )
    try:
        with Client(replace(service, limit_s=SEARCH_LIMIT_S)) as client:
            return _search(client, service, place)
    except MeterError as error:
        return blocked("redfish", ROLE, error)


def _trust(place: Address) -> Path | Literal["system", "anything"]:
    if place.one_of("insecure", ("0", "1"), "0") == "1":
        if "ca" in place.own:
            raise UsageError("redfish: insecure=1 and ca=FILE do not go together")
        return "anything"
    return Path(place.text("ca")) if "ca" in place.own else "system"


@dataclass(frozen=True)
class Supply:
    """A chassis that tells its power: what it says of itself, and where the power is."""

    chassis: Mapping[str, Any]
    resource: str  # "Power"
    path: str
    answer: Any  # of that path, just now


def _search(client: Client, service: Service, place: Address) -> Finding:
    """Raises MeterError."""
    members = _members(client)
    notes = ["the BMC's certificate is not checked (insecure=1)"] if service.trust == "anything" else []
    if place.text("chassis") or len(members) > MOST_MEMBERS:
        chosen = pick(place, "chassis", list(members))
        supply = _supply(client, members[chosen])
    else:
        supplies, problems = _supplies(client, members)
        chosen = pick(place, "chassis", list(supplies))
        supply = supplies[chosen]
        notes += problems
    keys = POWERS[supply.resource]
    info = MeterInfo(
        name=place.name(*([chosen] if len(members) > 1 else [])),
        kind="redfish",
        part="machine",
        boundary=place.boundary,
        reads="power_w",
        method=f"{supply.resource} {keys[0]}",
        resolution=1.0,
        refresh_s=1.0,
        **place.gain,
        max_power_w=MAX_POWER_W,
        device=_device(supply.chassis),
        window_s=BMC_WINDOW_S,
        window_assumed=True,
        min_interval_s=POWER_INTERVAL_S,
    )
    power = Question(supply.path, {}, functools.partial(_watts, keys))
    return found(service, (info, power), _register(info, supply), supply.answer, notes)


def _members(client: Client) -> dict[str, str]:
    """The chassis by Id, and the path of each. Raises NoAnswer."""
    answer = client.get(COLLECTION)
    members = answer.get("Members") if isinstance(answer, dict) else None
    paths = [member.get("@odata.id") for member in members or () if isinstance(member, dict)]
    by_name = {path.rstrip("/").rpartition("/")[2]: path for path in paths if isinstance(path, str)}
    if not by_name:
        raise NoAnswer(f"it lists no chassis in {COLLECTION}")
    return by_name


def _supplies(client: Client, members: Mapping[str, str]) -> tuple[dict[str, Supply], list[str]]:
    """Those chassis that tell a power, and why each other does not. Raises NoAnswer if none does."""
    supplies, problems = {}, []
    for name, path in members.items():
        try:
            supplies[name] = _supply(client, path)
        except MeterError as error:
            problems.append(f"chassis {name}: {error}")
    if not supplies:
        raise NoAnswer("; ".join(problems), "check on the BMC's web page whether it measures power at all")
    return supplies, problems


def _supply(client: Client, path: str) -> Supply:
    """The first resource of a chassis that has its power. Raises MeterError."""
    chassis = client.get(path)
    problems = []
    for resource, keys in POWERS.items():
        link = chassis.get(resource) if isinstance(chassis, dict) else None
        where = link.get("@odata.id") if isinstance(link, dict) else None
        if not isinstance(where, str):
            continue
        answer = client.get(where)
        try:
            _watts(keys, answer)
        except MeterError as error:
            problems.append(str(error))
            continue
        return Supply(chassis, resource, where, answer)
    raise NoAnswer("; ".join(problems) or f"it has neither {' nor '.join(POWERS)}")


def _watts(path: tuple[str | int, ...], answer: Any) -> float:
    """The power, which is never 0 in a machine that answers."""
    power_w = number(answer, *path)
    if power_w == 0:
        raise MeterError("it says 0 W, as BMCs without a reading do")
    return power_w


def _register(power: MeterInfo, supply: Supply) -> tuple[MeterInfo, Question] | None:
    """The energy register beside the power, if it can be read."""
    for key, factor in REGISTERS.items():
        value = functools.partial(_joules, key, factor)
        try:
            value(supply.answer)
        except MeterError:
            continue
        decimals = str(supply.answer[key]["Reading"]).partition(".")[2]
        info = register_of(power, f"{supply.resource} {key}", factor / 10 ** len(decimals))
        return info, Question(supply.path, {}, value)
    return None


def _joules(key: str, factor: float, answer: Any) -> float:
    return factor * number(answer, key, "Reading")


def _device(chassis: Mapping[str, Any]) -> str:
    """What a chassis says of itself: maker, model, serial number."""
    words = [chassis.get(key) for key in ("Manufacturer", "Model", "SerialNumber")]
    return " ".join(word.strip() for word in words if isinstance(word, str) and word.strip())
