"""The energy counter of an AMD GPU."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from energyprof.errors import MeterError
from energyprof.measure.meters.amd.gpus import Gpu
from energyprof.measure.meters.amd.library import (
    DRIVER_NOT_LOADED,
    LIBRARY,
    NOT_FOUND,
    NOT_INIT,
    AmdSmi,
    AmdSmiError,
)
from energyprof.measure.meters.nvidia.ticks import LEAST_TICK_S, find_tick
from energyprof.meter import MeterInfo
from energyprof.trace.gains import BOARD_SENSOR

# Until an open meter has measured it.
REFRESH_S = 0.1

# Twice what the largest board draws (MI355X: 1400 W); the caps that a card tells are settings.
MAX_POWER_W = 3000.0

# The counter of a card that is on grows all the time; some (MI100) stand still until the next boot.
ALIVE_S = 1.0

# What it costs to look for a card anew is paid at most so often.
RETRY_S = 1.0

_GONE = (NOT_FOUND, NOT_INIT, DRIVER_NOT_LOADED)


def counter_info(gpu: Gpu, step_j: float) -> MeterInfo:
    """What the card's counter is."""
    return MeterInfo(
        name=f"amdgpu:{gpu.index}",
        kind="amdgpu",
        part="soc" if gpu.superchip else "gpu",
        boundary="module" if gpu.superchip else "component",
        reads="energy_j",
        method="amdsmi_get_energy_count",
        resolution=step_j,
        refresh_s=REFRESH_S,
        **BOARD_SENSOR.info(),
        max_power_w=MAX_POWER_W,
        device=gpu.device,
        ticks=True,
    )


def handle_at(smi: AmdSmi, bdf: str) -> Any:
    """The handle of the card in that place. Raises AmdSmiError."""
    for handle in smi.gpus():
        if smi.bdf(handle) == bdf:
            return handle
    raise AmdSmiError(f"the GPU at {bdf}", NOT_FOUND)


class AmdCounter:
    """One card's energy counter, looked for again after the driver was gone."""

    def __init__(self, info: MeterInfo, bdf: str) -> None:
        """Looks at the counter until its tick is known, 2.5 s at most.

        Raises:
            MeterError: the library does not start, or the card is gone.
        """
        self.info = info
        self._bdf = bdf
        self._smi: AmdSmi | None = LIBRARY.acquire()
        self._gone = False
        self._retry_s = 0.0
        try:
            self._find()
            tick_s = find_tick(self.read)
        except MeterError:
            self.close()
            raise
        # It moves, or the search had not offered it: without a tick to be seen it is renewed all the time.
        self.info = replace(info, refresh_s=tick_s or LEAST_TICK_S, ticks=tick_s is not None)

    def read(self) -> float:
        """J since the driver was loaded.

        Raises:
            MeterError: the card gives none.
        """
        if self._smi is None:
            raise MeterError(f"{self.info.name}: closed")
        try:
            if self._gone or self._starts != LIBRARY.starts:
                self._find_again()
            joules, _ = self._smi.energy(self._handle)
        except AmdSmiError as error:
            self._gone = self._gone or error.code in _GONE
            raise MeterError(f"{self.info.name}: {error}") from error
        except MeterError as error:
            raise MeterError(f"{self.info.name}: {error}") from error
        return joules

    def close(self) -> None:
        """Lets go of the library; a second call does nothing."""
        if self._smi is not None:
            self._smi = None
            LIBRARY.release()

    def _find(self) -> None:
        assert self._smi is not None
        self._handle, self._starts, self._gone = handle_at(self._smi, self._bdf), LIBRARY.starts, False

    def _find_again(self) -> None:
        if self._starts == LIBRARY.starts:
            if time.monotonic() < self._retry_s:
                raise AmdSmiError(f"the GPU at {self._bdf}", NOT_FOUND)
            self._retry_s = time.monotonic() + RETRY_S
            self._smi = LIBRARY.renew(self._starts)
        else:
            self._smi = LIBRARY.renew(self._starts)  # another meter started it anew: only what it has now
        self._find()
