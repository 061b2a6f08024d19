"""Intel's discrete GPUs: the energy counter that their drivers `xe` and `i915` keep in hwmon.

Linux, Documentation/ABI/testing/sysfs-driver-intel-{xe,i915}-hwmon: energy in µJ in 64 bits, of discrete
cards only; a GPU within a processor is in the processor's package.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

from energyprof.errors import MeterError
from energyprof.measure.meters.denied import found_or_blocked
from energyprof.measure.meters.hwmon import CHIPS, Hwmon, sensor_info
from energyprof.measure.meters.sensors import by_chip, read_sensors
from energyprof.meter import Finding, Role, Source

ROLE: Role = "real"
LOOK = "look at dmesg for xe and i915"

DRIVERS = ("xe", "i915")

# The driver adds up a register of 32 bits and 61 µJ, 262 kJ, when it is read: 3 minutes at 1400 W.
MAX_INTERVAL_S = 60.0


def find(root: Path) -> Finding:
    """The counter of each card, which holds that of its package; a power where a driver has no counter."""
    sensors = [s for s in read_sensors(root / "sys/class/hwmon") if s.chip in DRIVERS]
    cards = sorted(by_chip(sensors).items(), key=lambda card: card[0][1])
    sources: list[Source] = []
    errors: list[MeterError] = []
    notes: list[str] = []
    for index, ((chip, address), parts) in enumerate(cards):
        sensor = parts[0]
        try:
            info = replace(
                sensor_info(sensor, CHIPS[chip]),
                name=f"intelgpu:{index}",
                kind="intelgpu",
                max_interval_s=MAX_INTERVAL_S if sensor.reads == "energy_j" else None,
            )
        except MeterError as error:
            errors.append(error)
            continue
        if len(parts) > 1:
            inside = ", ".join(part.label or part.channel for part in parts[1:])
            notes.append(f"{info.name}: {inside} left out: inside {sensor.label or sensor.channel}")
        sources.append(Source(info, functools.partial(Hwmon, info, sensor.path), address))
    absent = Finding("intelgpu", ROLE, "absent", reason="no discrete Intel GPU with a counter in hwmon")
    return (
        found_or_blocked("intelgpu", ROLE, sources, errors, notes, "look at dmesg for xe and i915") or absent
    )
