"""Builds chips under ``/sys/class/hwmon`` as the kernel lays them out, in a plain directory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fakes import sysfs


def chip(
    root: Path,
    number: int,
    name: str,
    files: Mapping[str, object],
    address: str = "",
    bus: str = "pci0000:00",
) -> Path:
    """The folder that holds ``files``: a device with ``hwmon/hwmonN`` in it, and the links to and from there.

    Without an ``address`` it has no device (a virtual chip).
    """
    if address:
        device = root / "sys/devices" / bus / address
        folder = device / "hwmon" / f"hwmon{number}"
    else:
        folder = root / "sys/devices/virtual/hwmon" / f"hwmon{number}"
    sysfs.write(folder / "name", f"{name}\n")
    for file, value in files.items():
        sysfs.write(folder / file, f"{value}\n")
    if address:
        (folder / "device").symlink_to(device)
    _link(root, folder)
    return folder


def acpi_meter(
    root: Path, number: int, watts: float, info: str = "", accuracy: str = "100.0%", interval_ms: int = 1000
) -> Path:
    """An ACPI power meter before Linux 6.15: its files lie with the device, not in hwmonN."""
    device = root / "sys/devices/LNXSYSTM:00" / f"ACPI000D:{number:02d}"
    files = {
        "status": "15",
        "power1_average": round(watts * 1e6),
        "power1_average_interval": interval_ms,
        "power1_accuracy": accuracy,
        "power1_is_battery": 0,
        "power1_oem_info": info,
        "name": "power_meter",
    }
    for file, value in files.items():
        sysfs.write(device / file, f"{value}\n")
    folder = device / "hwmon" / f"hwmon{number}"
    folder.mkdir(parents=True)
    (folder / "device").symlink_to(device)
    _link(root, folder)
    return device


def _link(root: Path, folder: Path) -> None:
    link = root / "sys/class/hwmon" / folder.name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(folder)
