"""The machine's GPUs of all makers; a maker's library is loaded only where it has something to read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from energyprof.measure.meters.nvidia.library import nvidia_library


def devices(root: Path) -> list[dict[str, Any]]:
    """All GPUs as ``{name, uuid, memory_bytes, driver}``, seen by a training or not."""
    found: list[dict[str, Any]] = []
    if nvidia_library():
        from energyprof.measure.meters.nvidia import nvml

        found += nvml.devices()
    if amd_driver(root):
        from energyprof.measure.meters.amd import amdgpu

        found += amdgpu.devices(root)
    return found


def amd_driver(root: Path) -> bool:
    """Whether the kernel has AMD's driver for GPUs, without which AMD's library finds none."""
    places = ("sys/module/amdgpu", "sys/bus/pci/drivers/amdgpu", "sys/class/kfd")
    return any((root / place).exists() for place in places) or any(
        name.read_text(errors="replace").strip() == "amdgpu"
        for name in (root / "sys/class/hwmon").glob("hwmon*/name")
    )
