"""The zones of powercap: which directory holds which counter, and which counters hold others.

Intel SDM vol. 3B, "Platform specific power management support"; Linux, powercap.rst:
``package`` holds ``core`` and ``uncore``; ``dram`` is listed under its package but is outside it;
``psys`` holds the packages and what else the vendor put there; ``intel-rapl-mmio`` is a second view
of the same package. Zone numbers mean nothing (``intel-rapl:0`` may be ``package-3``): names count.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# The other domains (core, uncore) lie inside a package.
COUNTED = ("package", "dram", "psys")

# Without a limit in sysfs. One package or one package's memory stays below it; a limit above it is
# a placeholder (boards write 4095 W for "none").
ZONE_MAX_W = 1000.0


@dataclass(frozen=True)
class Zone:
    """One powercap directory: its domain is package, dram or psys, its name "dram-0"."""

    path: Path
    name: str
    domain: str
    mmio: bool


def _is_zone(entry: str) -> bool:
    """``intel-rapl:0`` and ``intel-rapl-mmio:0:1`` are zones; ``intel-rapl``, ``dtpm`` are not."""
    return re.fullmatch(r"intel-rapl(-[a-z]+)?(:\d+)+", entry) is not None


def read_zones(folder: Path) -> tuple[list[Zone], set[str], bool]:
    """The zones to read, the domains inside a package, and whether listed zones lead nowhere."""
    try:
        entries = sorted(entry for entry in folder.iterdir() if _is_zone(entry.name))
    except OSError:
        entries = []
    names, masked = {}, False
    for entry in entries:
        try:
            names[entry.name] = (entry / "name").read_text().strip()
        except OSError:
            # Docker covers /sys/devices/virtual/powercap: the links to the zones dangle.
            masked = True
    zones: list[Zone] = []
    left_out = set()
    for entry in entries:
        name = names.get(entry.name, "")
        domain = name.partition("-")[0]
        if domain == "dram":
            parent = names.get(entry.name.rpartition(":")[0], entry.name)
            name = "dram" + parent.removeprefix("package")
        if domain in COUNTED:
            view = entry.name.partition(":")[0]
            taken = [z for z in zones if z.name == name and z.path.name.partition(":")[0] == view]
            if taken:  # two zones of one view are two counters, whatever their names
                name = f"{name}.{len(taken)}"
            zones.append(Zone(entry, name, domain, mmio="mmio" in view))
        elif domain:
            left_out.add(domain)
    return zones, left_out, masked


def by_name(zones: Sequence[Zone]) -> dict[str, list[Zone]]:
    """The views of each counter, MSR before MMIO, in the order package-0, dram-0, package-1, …"""

    def place(zone: Zone) -> tuple[list[int], bool, bool]:
        numbers = [int(number) for number in re.findall(r"\d+", zone.name)]
        return numbers, zone.domain == "dram", zone.mmio

    views: dict[str, list[Zone]] = {}
    for zone in sorted(zones, key=place):
        views.setdefault(zone.name, []).append(zone)
    return views


def max_power_w(zone: Path) -> float:
    """Twice the largest power its constraints name, since peaks pass the rated one; else 1 kW."""
    limits_w = []
    for name in ("constraint_*_max_power_uw", "constraint_*_power_limit_uw"):
        for path in zone.glob(name):
            try:
                limits_w.append(int(path.read_text()) / 1e6)
            except (OSError, ValueError):
                continue  # AMD's zones list constraints that cannot be read: no limit is known
    believed = [limit for limit in limits_w if 0 < limit <= ZONE_MAX_W]
    return 2 * max(believed) if believed else ZONE_MAX_W
