"""Plugs that run Tasmota, over HTTP."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from energyprof.errors import MeterError
from energyprof.measure.meters.network.address import parse
from energyprof.measure.meters.network.credentials import where_to_put
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
from energyprof.trace.gains import TASMOTA

ROLE: Role = "real"
USAGE = "tasmota=192.0.2.7"


# EnergyRes is 3 unless changed: Total has three decimals of a kWh. WattRes is 0: Power is in whole W.
RESOLUTION_J = 3600.0
RESOLUTION_W = 1.0
J_PER_KWH = 3.6e6

# What the plugs may carry (16 A at 230 V), and a fifth more.
MAX_POWER_W = 1.2 * 3680.0

# The only user there is (WEB_USERNAME).
USER = "admin"

# Sensors. Firmware before 5.0 has them in 10 alone, later ones in both.
STATUSES = ("Status 8", "Status 10")
ALL = "all"

# Before 8.2.3 a refusal comes with HTTP 200, as {"WARNING": …}.
REFUSAL = "it asks for a user and a password, or does not take those it got"


def find_at(address: str, options: Mapping[str, str]) -> Finding:
    """The plug's power, and its energy register to hold it against."""
    place = parse("tasmota", address, options, gain=TASMOTA, own=("channel",))
    if place.text("channel") != ALL:
        place.whole_number("channel", 1, least=1)
    service = Service("tasmota", base_of("tasmota", address, "http"), login="query", user=USER)
    try:
        with Client(service) as client:
            query, answer = _sensors(client, service)
            device = _mac(client)
        powers = answer["StatusSNS"]["ENERGY"].get("Power")
        # As Tasmota counts them: Power1, Power2. Those of a strip are outlets, those of a meter phases.
        there = [str(n + 1) for n in range(len(powers))] if isinstance(powers, list) else ["1"]
        index = pick(place, "channel", there if len(there) == 1 else [*there, ALL])
        info = MeterInfo(
            name=place.name(*([index] if len(there) > 1 else [])),
            kind="tasmota",
            part="machine",
            boundary=place.boundary,
            reads="power_w",
            method=f"{query} ENERGY.Power",
            resolution=RESOLUTION_W,
            refresh_s=1.0,
            **place.gain,
            max_power_w=MAX_POWER_W * (len(there) if index == ALL else 1),
            device=device,
            window_s=PLUG_WINDOW_S,
            window_assumed=True,
            min_interval_s=POWER_INTERVAL_S,
        )
        channel = ALL if len(there) == 1 else index
        power = _question(query, "Power", channel, 1.0)
        register = register_of(info, f"{query} ENERGY.Total", RESOLUTION_J)
        energy = _question(query, "Total", channel, J_PER_KWH)
        return found(service, (info, power), (register, energy), answer)
    except MeterError as error:
        return blocked("tasmota", ROLE, error)


def _sensors(client: Client, service: Service) -> tuple[str, Any]:
    """The status that holds the sensors, and the answer to it. Raises NoAnswer if no energy is among them."""
    for query in STATUSES:
        answer = client.get("/cm", {"cmnd": query})
        if isinstance(answer, dict) and "WARNING" in answer:
            raise NoAnswer(REFUSAL, where_to_put(service.kind, service.host))
        sensors = answer.get("StatusSNS") if isinstance(answer, dict) else None
        if isinstance(sensors, dict):
            if not isinstance(sensors.get("ENERGY"), dict):
                raise NoAnswer("this Tasmota has no power meter: ENERGY is not among its sensors")
            return query, answer
    raise NoAnswer("it answers, but it is not a Tasmota: it has no StatusSNS")


def _mac(client: Client) -> str:
    """The address that the device has on the network, "" if it does not say."""
    answer = client.get("/cm", {"cmnd": "Status 5"})
    network = answer.get("StatusNET") if isinstance(answer, dict) else None
    return str(network.get("Mac", "")) if isinstance(network, dict) else ""


def _question(query: str, key: str, channel: str, factor: float) -> Question:
    return Question("/cm", {"cmnd": query}, functools.partial(_value, key, channel, factor))


def _value(key: str, channel: str, factor: float, answer: Any) -> float:
    """One channel of a number of the meter, or all of them together."""
    if isinstance(answer, dict) and "WARNING" in answer:
        raise MeterError(REFUSAL)
    path = ("StatusSNS", "ENERGY", key)
    try:
        values = answer["StatusSNS"]["ENERGY"][key]
    except (KeyError, TypeError):
        values = None
    if isinstance(values, list):
        indices = range(len(values)) if channel == ALL else [int(channel) - 1]
        return factor * sum(number(answer, *path, index) for index in indices)
    if channel != ALL:
        raise MeterError(f"{key} is not told by channels")
    return factor * number(answer, *path)
