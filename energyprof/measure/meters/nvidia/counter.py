"""The energy counter of an NVIDIA GPU."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from energyprof.errors import MeterError
from energyprof.measure.meters.nvidia.board import NvidiaBoard
from energyprof.measure.meters.nvidia.gpus import Gpu
from energyprof.measure.meters.nvidia.ticks import find_tick
from energyprof.meter import MeterInfo
from energyprof.trace.gains import nvidia

MJ_PER_J = 1000.0

# Ticks of 20 to 100 ms, up to 1 s with some drivers: an open meter knows the real one.
REFRESH_S = 0.1

# What boards may draw that do not tell it, laptops' for one: as the boards of which a study knows the zero.
USUAL_LIMIT_W = 250.0

# Twice the 1000 W of the largest boards (B200): a limit below is a setting of the maker's, which peaks pass.
LEAST_MAX_W = 2000.0

_NOT_AVAILABLE = 2**64 - 1  # NVML_VALUE_NOT_AVAILABLE in 64 bits


def counter_info(nvml: Any, handle: Any, gpu: Gpu) -> MeterInfo:
    """What the board's counter is, or would be."""
    try:
        limit_w = nvml.nvmlDeviceGetPowerManagementLimitConstraints(handle)[1] / 1000.0
    except nvml.NVMLError:
        limit_w = 0.0  # laptops do not tell it
    gain = nvidia(gpu.name, gpu.capability)
    return MeterInfo(
        name=f"nvml:{gpu.index}",
        kind="nvml",
        part="soc" if gpu.superchip else "gpu",
        boundary="module" if gpu.superchip else "component",
        reads="energy_j",
        method="nvmlDeviceGetTotalEnergyConsumption",
        resolution=1 / MJ_PER_J,
        refresh_s=REFRESH_S,
        **gain.info(),
        offset_a_w=gain.zero_a_w(limit_w or USUAL_LIMIT_W),
        max_power_w=max(2 * limit_w, LEAST_MAX_W),
        device=gpu.uuid,
        ticks=True,
    )


class NvmlCounter:
    """One board's energy counter."""

    def __init__(self, info: MeterInfo) -> None:
        """Looks at the counter until its tick is known, 2.5 s at most.

        Raises:
            MeterError: NVML does not start, or the board is gone.
        """
        self.info = info
        self._board = NvidiaBoard(info.name, info.device)
        try:
            tick_s = find_tick(self.read)
        except MeterError:
            self.close()
            raise
        self.info = replace(info, refresh_s=tick_s) if tick_s else replace(info, ticks=False)

    def read(self) -> float:
        """J since the driver was loaded.

        Raises:
            MeterError: the board gives none.
        """
        energy_mj = self._board.ask(lambda nvml, handle: nvml.nvmlDeviceGetTotalEnergyConsumption(handle))
        if energy_mj == _NOT_AVAILABLE:
            raise MeterError(f"{self.info.name}: NVML gives no energy at the moment")
        return float(energy_mj) / MJ_PER_J

    def close(self) -> None:
        """Lets go of NVML; a second call does nothing."""
        self._board.close()
