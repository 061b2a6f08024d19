"""What a run's probes saw of its devices, in a few numbers, and which of that makes the run questionable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from energyprof.report.flags import Flag, flag
from energyprof.storable.frozen import dataclass

# A device at its power limit works as it was set up to; these mean that it could not.
THROTTLED = ("hw_slowdown", "sw_thermal", "hw_thermal", "hw_power_brake")


@dataclass
class _Range:
    least: float
    largest: float
    total: float = 0.0
    count: int = 0

    def add(self, value: float) -> None:
        self.least, self.largest = min(self.least, value), max(self.largest, value)
        self.total += value
        self.count += 1


@dataclass
class _Device:
    looks: int = 0
    numbers: dict[str, _Range] = field(default_factory=dict)
    words: dict[str, dict[str, None]] = field(default_factory=dict)
    throttled: Counter[str] = field(default_factory=Counter)
    foreign: dict[str, None] = field(default_factory=dict)


class Conditions:
    """Takes what the probes read, one after the other, and keeps a few numbers of each device."""

    def __init__(self) -> None:
        self._devices: dict[str, _Device] = {}

    def push(self, fields: Mapping[str, Any], *, training: bool) -> None:
        """One look at one device; but for the processes of others it counts only during training."""
        device = self._devices.setdefault(str(fields["device"]), _Device())
        device.foreign.update(dict.fromkeys(fields.get("foreign", ())))
        if not training:
            return
        device.looks += 1
        device.throttled.update(fields.get("throttled", ()))
        for name, value in fields.items():
            if isinstance(value, (int, float)):
                device.numbers.setdefault(name, _Range(value, value)).add(value)
            elif isinstance(value, str) and name != "device":
                device.words.setdefault(name, {})[value] = None

    def facts(self) -> dict[str, dict[str, Any]]:
        """By device: least, mean and largest of each number, the words seen, the share of looks throttled."""
        return {name: _facts(device) for name, device in self._devices.items()}

    def flags(self) -> tuple[Flag, ...]:
        """What a reader of the run's joules must know."""
        flags = []
        for name, device in self._devices.items():
            for reason in THROTTLED:
                if count := device.throttled[reason]:
                    how = f"{reason}, {100 * count / device.looks:.0f} % of the time"
                    flags.append(flag("throttled", name, how))
            limit = device.numbers.get("power_limit_w")
            if limit and limit.least != limit.largest:
                flags.append(flag("limit_changed", name, f"{limit.least:g} … {limit.largest:g} W"))
            if device.foreign:
                flags.append(flag("foreign", name, "; ".join(device.foreign)))
        return tuple(flags)


def _facts(device: _Device) -> dict[str, Any]:
    facts: dict[str, Any] = {"looks": device.looks}
    for name, values in device.numbers.items():
        facts[name] = {"min": values.least, "mean": values.total / values.count, "max": values.largest}
    facts |= {name: list(words) for name, words in device.words.items()}
    if device.throttled:
        facts["throttled"] = {reason: n / device.looks for reason, n in sorted(device.throttled.items())}
    if device.foreign:
        facts["foreign"] = list(device.foreign)
    return facts
