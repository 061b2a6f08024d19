"""RAPL through powercap: the energy counters of Intel and AMD processors and their memory."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from pathlib import Path

from energyprof import machine
from energyprof.errors import MeterError
from energyprof.meter import Finding, MeterInfo, Part, Role, Source
from energyprof.meters.powercap import Zone, by_name, max_power_w, read_zones

ROLE: Role = "real"

PARTS: dict[str, Part] = {"package": "cpu", "dram": "dram", "psys": "soc"}

# The counters are 32 bits wide and powercap gives their largest value in µJ.
COUNTER_MAX = 2**32 - 1
UJ_PER_J = 1e6

# Half-widths to assume without calibration. Intel: measured by the processor from Haswell on
# (Hackenberg et al., IPDPSW 2015; Khan et al., ToMPECS 2018). AMD: modelled from events (Schöne et
# al., CLUSTER 2021).
GAIN_A = {
    "GenuineIntel": (0.05, "Intel RAPL from Haswell on: Hackenberg et al. 2015, Khan et al. 2018"),
    "AuthenticAMD": (0.10, "AMD RAPL: Schöne et al. 2021"),
}
GAIN_UNKNOWN = (0.10, "processor vendor unknown: the wider of Intel's and AMD's")

CHMOD = (
    "sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj"
    " /sys/class/powercap/intel-rapl:*:*/energy_uj"
    "  # until the next boot; reopens the side channel CVE-2020-8694 to local users"
)
MODPROBE = "sudo modprobe intel_rapl_msr"
MOUNT = (
    "docker run -v /sys/class/powercap:/host/sys/class/powercap:ro"
    " -v /sys/devices/virtual/powercap:/host/sys/devices/virtual/powercap:ro"
    " -v /proc/cpuinfo:/host/proc/cpuinfo:ro -e ENERGYPROF_SYSFS_ROOT=/host …"
)


def find(root: Path) -> Finding:
    """Σ packages + Σ dram, each zone one meter; psys only where there is no package."""
    folder = root / "sys/class/powercap"
    zones, left_out, masked = read_zones(folder)
    if not zones:
        return _nothing(root, folder, masked)
    notes, sources, denied = [], [], False
    vendor, device = machine.cpu_vendor(root) or "", machine.cpu_model(root)
    packages = any(zone.domain == "package" for zone in zones)
    for name, views in by_name(zones).items():
        if packages and views[0].domain == "psys":
            notes.append(f"{name} left out: it holds the packages that are counted")
            continue
        source, problem, forbidden = _first_alive(views, vendor, device)
        denied = denied or forbidden
        if source:
            sources.append(source)
        else:
            notes.append(problem)
    if not sources:
        remedy = CHMOD if denied else f"look at {folder} and at dmesg for intel_rapl"
        return Finding("rapl", ROLE, "blocked", reason="; ".join(notes), remedy=remedy)
    if left_out:
        notes.append(f"{', '.join(sorted(left_out))} left out: inside the package")
    if any(source.info.name.startswith("rapl:psys") for source in sources):
        notes.append("psys counts what the vendor put on it, which may hold the GPU")
    elif not any(source.info.part == "dram" for source in sources):
        notes.append("no dram domain that can be read: the memory is not metered")
    return Finding("rapl", ROLE, "found", tuple(sources), remedy=CHMOD if denied else "", notes=tuple(notes))


def _first_alive(views: Sequence[Zone], vendor: str, device: str) -> tuple[Source | None, str, bool]:
    """The first view that can be read and has counted; else what is wrong, and if by permission."""
    readable: list[Source] = []
    problems, denied = [], False
    for zone in views:
        try:
            info = _info(zone, vendor, device)
            meter = Rapl(info, zone.path)
        except MeterError as error:
            denied = denied or isinstance(error.__cause__, PermissionError)
            problems.append(str(error))
            continue
        source = Source(info, functools.partial(Rapl, info, zone.path))
        readable.append(source)
        counted = meter.first_j > 0
        meter.close()
        if counted:
            return source, "", False
    if readable:
        return readable[0], "", False
    return None, "; ".join(problems), denied


def _info(zone: Zone, vendor: str, device: str) -> MeterInfo:
    """What powercap tells of a zone. Raises MeterError if the range of its counter is unknown."""
    try:
        range_uj = int((zone.path / "max_energy_range_uj").read_text())
    except (OSError, ValueError):
        range_uj = 0
    if range_uj <= 0:
        raise MeterError(f"{zone.name}: no max_energy_range_uj, so its wrap cannot be undone")
    # The energy unit is not in sysfs, but the largest value is 2^32 - 1 of it:
    # 262143328850 µJ gives 61 µJ.
    unit_uj = range_uj / COUNTER_MAX
    gain_a, gain_source = GAIN_A.get(vendor, GAIN_UNKNOWN)
    return MeterInfo(
        name=f"rapl:{zone.name}",
        kind="rapl",
        part=PARTS[zone.domain],
        boundary="component",
        reads="energy_j",
        method="powercap energy_uj" + (" (MMIO)" if zone.mmio else ""),
        resolution=unit_uj / UJ_PER_J,
        refresh_s=0.001,
        gain_a=gain_a,
        gain_source=gain_source,
        max_power_w=max_power_w(zone.path),
        wraps_at_j=(range_uj + unit_uj) / UJ_PER_J,
        device=device,
        lane="rapl",
    )


def _nothing(root: Path, folder: Path, masked: bool) -> Finding:
    """Why there is no zone at all."""
    virtual, inside = machine.hypervisor(root), machine.container(root)
    if virtual:
        kind = "" if virtual == "unknown" else f" ({virtual})"
        reason = f"a virtual machine{kind}: hypervisors do not pass the counters through"
        return Finding("rapl", ROLE, "absent", reason=reason)
    if masked or (inside and folder.is_dir()):
        reason = f"{folder} is masked in this container ({inside or 'its zones lead nowhere'})"
        return Finding("rapl", ROLE, "blocked", reason=reason, remedy=MOUNT)
    if machine.cpu_vendor(root) not in GAIN_A:
        return Finding("rapl", ROLE, "absent", reason="no RAPL: only Intel and AMD processors have it")
    if folder.is_dir():
        reason = f"no zone in {folder}: the driver is not loaded"
        return Finding("rapl", ROLE, "blocked", reason=reason, remedy=MODPROBE)
    return Finding("rapl", ROLE, "absent", reason=f"no {folder}: this kernel has no powercap")


class Rapl:
    """One zone's counter, its file kept open."""

    def __init__(self, info: MeterInfo, zone: Path) -> None:
        """Raises MeterError if the counter may not be read or gives no energy."""
        self.info = info
        self._path = zone / "energy_uj"
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
            raise MeterError(f"{self.info.name}: {self._path}: {text[:20]!r} is no energy in µJ")
        energy_j = int(text) / UJ_PER_J
        if self.info.wraps_at_j is not None and energy_j >= self.info.wraps_at_j:
            raise MeterError(f"{self.info.name}: {self._path}: {energy_j:g} J is above the counter's range")
        return energy_j

    def close(self) -> None:
        """Closes the file; a second call does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
