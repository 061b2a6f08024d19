"""What a fleet's numbers may be off by: those that stand as ``{ value, low, high }``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from energyprof.simulate.quantity import Kind, Quantity, quantity

# Dotted key, such as device.phone.power_w -> how far its number may lie off.
Doubts = dict[str, Quantity]
_W = Kind("W", 0, 1e30)
KINDS: Mapping[str, Kind] = {
    "device.samples_per_s": Kind("1", 1e-12, 1e30),
    "device.power_w": Kind("W", 1e-12, 1e30),
    "device.idle_w": _W,
    "device.standby_w": _W,
    "device.link_w": _W,
    "device.start_j": Kind("J", 0, 1e30),
    "device.start_s": Kind("s", 0, 1e12),
    "rounds.rounds": Kind("1", 1e-12, 1e9),
    "site.intensity": Kind("g/kWh", 0, 5000),
    "site.pue": Kind("1", 1, 10),
    "fleet.server_w": _W,
}
# More of these takes less; of all others more.
FALLING = ("samples_per_s",)


def settled(table: Any, at: str, doubts: Doubts, where: str) -> Any:
    """``table`` with plain numbers; what may be off enters ``doubts`` under ``at`` and its key.

    Raises:
        UsageError: one of them is no quantity.
    """
    if not isinstance(table, dict):
        return table
    found = dict(table)
    first = at.partition(".")[0]
    for key, value in table.items():
        kind = KINDS.get(f"{first}.{key}")
        if kind is None or not isinstance(value, (dict, str)):
            continue
        said = quantity(value, kind, f"{where}: {at}.{key}", "given", "given")
        found[key] = said.value
        if not said.sure:
            doubts[f"{at}.{key}"] = said
    return found
