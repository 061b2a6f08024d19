"""Shelly plugs and energy meters of every generation, over HTTP."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from energyprof.errors import MeterError
from energyprof.measure.meters.network.address import Address, parse
from energyprof.measure.meters.network.http import Client, NoAnswer, Service, base_of
from energyprof.measure.meters.network.polled import (
    PLUG_WINDOW_S,
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
from energyprof.trace.gains import SHELLY

ROLE: Role = "real"
USAGE = "shelly=192.0.2.7"


J_PER_WH = 3600.0
J_PER_WMIN = 60.0

# The only user there is on Gen2 and later (API: Authentication).
USER = "admin"

# What the plugs may carry (16 A at 230 V), and a fifth more.
PLUG_MAX_W = 1.2 * 3680.0


@dataclass(frozen=True)
class Component:
    """A part of a Gen2 device that measures: its name in RPC, its keys, what it may carry."""

    rpc: str
    power: str
    energy: str  # "" if its register is elsewhere
    max_power_w: float


# shelly-api-docs.shelly.cloud/gen2, ComponentsAndServices; the clamps of EM1 go to 50 A, those of the three
# phases to 120 A, both at up to 280 V (Devices).
COMPONENTS = {
    "switch": Component("Switch", "apower", "aenergy", PLUG_MAX_W),
    "pm1": Component("PM1", "apower", "aenergy", PLUG_MAX_W),
    "em1": Component("EM1", "act_power", "", 1.2 * 50 * 280),
    "em": Component("EM", "total_act_power", "", 1.2 * 3 * 120 * 280),
}


def find_at(address: str, options: Mapping[str, str]) -> Finding:
    """The power of one channel, and its energy register to hold it against."""
    place = parse("shelly", address, options, gain=SHELLY, own=("channel",))
    place.whole_number("channel", 0)
    service = Service("shelly", base_of("shelly", address, "http"), user=USER)
    try:
        with Client(service) as client:
            about = client.get("/shelly")  # open to all, on every generation
        if not isinstance(about, dict) or not ("gen" in about or "type" in about):
            raise NoAnswer("it answers, but it is not a Shelly: /shelly has neither gen nor type")
        # Gen1 takes a password as it is, and knows no other way: it is sent only to who says to be one.
        if "gen" in about:
            return _rpc(place, replace(service, login="digest"), about)
        return _gen1(place, replace(service, login="basic", user=""), about)
    except MeterError as error:
        return blocked("shelly", ROLE, error)


def _rpc(place: Address, service: Service, about: Mapping[str, Any]) -> Finding:
    """Of Gen2 and later. Raises MeterError."""
    with Client(service) as client:
        status = client.get("/rpc/Shelly.GetStatus")
        there = _measuring(status)
        index = pick(place, "channel", sorted(there))
        component = COMPONENTS[there[index]]
        path, query = f"/rpc/{component.rpc}.GetStatus", {"id": index}
        answer = client.get(path, query)
    info = _info(
        place.name(*([index] if len(there) > 1 else [])),
        place,
        f"{about.get('model', '')} {about.get('mac', '')}".strip(),
        f"{component.rpc}.GetStatus {component.power}",
        0.1,
        component.max_power_w,
    )
    power = Question(path, query, functools.partial(_rpc_value, (component.power,), 1.0))
    register = None
    if component.energy:
        keys = (component.energy, "total")
        method = f"{component.rpc}.GetStatus {'.'.join(keys)}"
        energy = Question(path, query, functools.partial(_rpc_value, keys, J_PER_WH))
        register = (register_of(info, method, J_PER_WH / 1000), energy)  # three decimals of a Wh
    return found(service, (info, power), register, answer)


def _measuring(status: Any) -> dict[str, str]:
    """The channels that have a power, and the component that each is: {"0": "switch"}."""
    there: dict[str, str] = {}
    for key, values in status.items() if isinstance(status, dict) else ():
        name, _, index = key.partition(":")
        if name in COMPONENTS and isinstance(values, dict) and COMPONENTS[name].power in values:
            there.setdefault(index, name)
    return there


def _gen1(place: Address, service: Service, about: Mapping[str, Any]) -> Finding:
    """Of the first generation. Raises MeterError."""
    meters = about.get("num_meters", 0)
    there = [str(index) for index in range(meters if isinstance(meters, int) else 0)]
    index = pick(place, "channel", there)
    path = f"/meter/{index}"
    with Client(service) as client:
        answer = client.get(path)
    info = _info(
        place.name(*([index] if len(there) > 1 else [])),
        place,
        f"{about.get('type', '')} {about.get('mac', '')}".strip(),
        "/meter power",
        0.01,
        PLUG_MAX_W,
    )
    power = Question(path, {}, functools.partial(_gen1_value, "power", 1.0))
    # API of Gen1, /meter: total is in W·min.
    energy = Question(path, {}, functools.partial(_gen1_value, "total", J_PER_WMIN))
    return found(service, (info, power), (register_of(info, "/meter total", J_PER_WMIN), energy), answer)


def _info(
    name: str, place: Address, device: str, method: str, resolution_w: float, max_power_w: float
) -> MeterInfo:
    return MeterInfo(
        name=name,
        kind="shelly",
        part="machine",
        boundary=place.boundary,
        reads="power_w",
        method=method,
        resolution=resolution_w,
        refresh_s=1.0,
        **place.gain,
        max_power_w=max_power_w,
        device=device,
        window_s=PLUG_WINDOW_S,
        window_assumed=True,
        min_interval_s=POWER_INTERVAL_S,
    )


def _rpc_value(path: tuple[str, ...], factor: float, answer: Any) -> float:
    """A number of a component that does not report its meter as broken."""
    errors = answer.get("errors") if isinstance(answer, dict) else None
    for problem in errors or ():
        if str(problem).startswith(("power_meter_failure", "out_of_range")):
            raise MeterError(f"the device reports {problem}")
    return factor * number(answer, *path)


def _gen1_value(key: str, factor: float, answer: Any) -> float:
    """A number of a meter that says of itself that it is valid."""
    if isinstance(answer, dict) and answer.get("is_valid") is False:
        raise MeterError("the device says that its reading is not valid")
    return factor * number(answer, key)
