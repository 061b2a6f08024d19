"""Under what conditions an AMD GPU works: clocks, temperature, limits, what slows it, who uses it.

All from the kernel's files (Linux, Documentation/gpu/amdgpu/thermal.rst), as AMD's library reads them itself.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from energyprof.errors import MeterError
from energyprof.measure.meters.amd.gpus import Gpu
from energyprof.measure.meters.amd.kfd import processes
from energyprof.measure.meters.sensors import read_text

# hwmon's file -> our name and its unit in ours.
_NUMBERS = {
    "freq1_input": ("sm_mhz", 1e6),
    "freq2_input": ("memory_mhz", 1e6),
    "temp1_input": ("temperature_c", 1e3),
    "power1_cap": ("power_limit_w", 1e6),
    "power1_cap_default": ("default_power_limit_w", 1e6),
}

# indep_throttle_status of gpu_metrics_v1_3 (Linux, kgd_pp_interface.h), and its bits (amdgpu_smu.h).
_METRICS_1_3 = (1, 3)
_STATUS_AT = 112
_POWER, _CURRENT, _HEAT = 0xFFFF, 0xFFFF << 16, 0x3FFF << 32
_PROCHOT = 3 << 46


class AmdProbe:
    """One card's conditions."""

    def __init__(self, gpu: Gpu, root: Path) -> None:
        """Opens nothing: files that are missing leave their value out."""
        self.name = f"amdgpu:{gpu.index}"
        self._root = root
        self._node = gpu.node
        self._sensor = gpu.sensor
        self._device = root / "sys/bus/pci/devices" / gpu.bdf

    def read(self) -> Mapping[str, Any]:
        """What the card tells now; what it does not support is left out.

        Raises:
            MeterError: it tells nothing.
        """
        found: dict[str, Any] = {}
        for file, (name, unit) in _NUMBERS.items() if self._sensor else ():
            text = read_text(self._sensor.path.with_name(file)) if self._sensor else ""
            if text.isdigit():
                found[name] = int(text) / unit
        reasons = throttled(self._device / "gpu_metrics")
        if reasons is not None:
            found["throttled"] = reasons
        users = processes(self._root, self._node.gpu_id) if self._node else None
        if users is not None:
            found["processes"] = users
        if not found:
            raise MeterError(f"{self.name}: the kernel tells nothing of it")
        return found

    def close(self) -> None:
        """Nothing is open."""


def throttled(path: Path) -> list[str] | None:
    """Why the card runs slower than asked; ``None`` if this version of its table does not say."""
    try:
        table = path.read_bytes()
    except OSError:
        return None
    if len(table) < _STATUS_AT + 8 or (table[2], table[3]) != _METRICS_1_3:
        return None
    (status,) = struct.unpack_from("<Q", table, _STATUS_AT)
    if status == 2**64 - 1:  # not supported
        return None
    reasons = {_POWER: "sw_power_cap", _CURRENT: "current_limit", _HEAT: "sw_thermal", _PROCHOT: "hw_thermal"}
    return [word for bits, word in reasons.items() if status & bits]
