"""The zones of powercap: which directory holds which counter, and which counters hold others.

Intel SDM vol. 3B, "Platform specific power management support"; Linux, powercap.rst:
``package`` holds ``core`` and ``uncore``; ``dram`` is listed under its package but is outside it;
``psys`` holds the packages and what else the vendor put there; ``intel-rapl-mmio`` is a second view
of the same package. Zone numbers mean nothing (``intel-rapl:0`` may be ``package-3``): names count.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from energyprof.errors import MeterError
from energyprof.meter import MeterInfo
from energyprof.storable.frozen import dataclass

# The other domains (core, uncore) lie inside a package.
COUNTED = ("package", "dram", "psys")

# Four times what the largest package or its memory may draw for long: nothing passes it for a millisecond.
# The limits in sysfs are settings (125 W beside 4095 W for "none", say), and a load may well be above them.
ZONE_MAX_W = 2000.0

# The counters are 32 bits wide and powercap gives their largest value in µJ.
COUNTER_MAX = 2**32 - 1
UJ_PER_J = 1e6

CHMOD = (
    "sudo chmod a+r /sys/class/powercap/intel-rapl*/energy_uj"
    "  # until the next boot; reopens the side channel CVE-2020-8694 to local users"
)
MODPROBE = "sudo modprobe -a rapl intel_rapl_msr"  # perf's driver and this one
MOUNT = (
    "docker run -v /sys/class/powercap:/host/sys/class/powercap:ro"
    " -v /sys/devices/virtual/powercap:/host/sys/devices/virtual/powercap:ro"
    " -v /proc/cpuinfo:/host/proc/cpuinfo:ro -e ENERGYPROF_SYSFS_ROOT=/host …"
)


@dataclass(frozen=True)
class Zone:
    """One powercap directory: its domain is package, dram or psys, its name "dram-0"."""

    path: Path
    name: str
    domain: str
    mmio: bool


def _is_zone(entry: str) -> bool:
    """``intel-rapl:0`` and ``intel-rapl-mmio:0:1`` are zones; ``intel-rapl``, ``dtpm`` are not.

    The numbers are hexadecimal, so the eleventh is ``intel-rapl:a`` (drivers/powercap/powercap_sys.c).
    """
    return re.fullmatch(r"intel-rapl(-[a-z]+)?(:[0-9a-f]+)+", entry) is not None


def read_zones(folder: Path) -> tuple[list[Zone], set[str], list[str]]:
    """The zones to read, MSR before MMIO, the domains inside a package, and the zones that lead nowhere."""
    try:
        entries = sorted(entry for entry in folder.iterdir() if _is_zone(entry.name))
    except OSError:
        entries = []
    names, masked = {}, list[str]()
    for entry in entries:
        try:
            names[entry.name] = (entry / "name").read_text().strip()
        except OSError:
            # Docker covers /sys/devices/virtual/powercap: the links to the zones dangle.
            masked.append(entry.name)
    zones: list[Zone] = []
    left_out = set()
    for entry in entries:
        name = names.get(entry.name, "")
        domain = name.partition("-")[0]
        if domain == "dram":
            parent = names.get(entry.name.rpartition(":")[0], f"-{entry.name}")
            name = "dram" + parent.removeprefix("package")
        if domain in COUNTED:
            view = entry.name.partition(":")[0]
            taken = [z for z in zones if z.name == name and z.path.name.partition(":")[0] == view]
            if taken:  # two zones of one view are two counters, whatever their names
                name = f"{name}.{len(taken)}"
            zones.append(Zone(entry, name, domain, mmio="mmio" in view))
        elif domain:
            left_out.add(domain)
    return sorted(zones, key=lambda zone: zone.mmio), left_out, masked


def unit_and_modulus_j(zone: Zone) -> tuple[float, float]:
    """The step of its counter and where it wraps, in J. Raises MeterError if the range is unknown."""
    try:
        range_uj = int((zone.path / "max_energy_range_uj").read_text())
    except (OSError, ValueError):
        range_uj = 0
    if range_uj <= 0:
        raise MeterError(f"rapl:{zone.name}: no max_energy_range_uj, so its wrap cannot be undone")
    # The energy unit is not in sysfs, but the largest value is 2^32 - 1 of it:
    # 262143328850 µJ gives 61 µJ.
    unit_uj = range_uj / COUNTER_MAX
    return unit_uj / UJ_PER_J, (range_uj + unit_uj) / UJ_PER_J


class ZoneCounter:
    """One zone's counter, its file kept open."""

    def __init__(self, info: MeterInfo, zone: Zone) -> None:
        """Raises MeterError if the counter may not be read or gives no energy."""
        self.info = info
        self._path = zone.path / "energy_uj"
        try:
            self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise MeterError(f"{info.name}: {self._path}: {error.strerror}") from error
        try:
            self.first_j = self.read()
        except MeterError:
            self.close()
            raise

    def read(self) -> float:
        """The counter in J."""
        try:
            text = os.pread(self._file, 32, 0)
        except OSError as error:
            raise MeterError(f"{self.info.name}: {self._path}: {error.strerror}") from error
        if not text.strip().isdigit():
            shown = repr(text[:20].decode(errors="replace").strip()) if text.strip() else "nothing"
            raise MeterError(f"{self.info.name}: {self._path}: {shown} is not an energy in µJ")
        energy_j = int(text) / UJ_PER_J
        if self.info.wraps_at_j is not None and energy_j >= self.info.wraps_at_j:
            raise MeterError(f"{self.info.name}: {self._path}: {energy_j:g} J is above the counter's range")
        return energy_j

    def close(self) -> None:
        """Closes the file; a second call does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
