"""The power of NVIDIA GPUs: held against their energy counter, or read in its place where there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from energyprof.measure.meters.nvidia.board import NvidiaBoard
from energyprof.measure.meters.nvidia.gpus import Gpu
from energyprof.meter import MeterInfo
from energyprof.storable.frozen import dataclass
from energyprof.trace.gains import in_quadrature, nvidia

MW_PER_W = 1000.0

# The value is renewed about every 100 ms (Yang et al., SC'24, arXiv 2312.02741).
REFRESH_S = 0.1

# The sensors of these see 25 ms of every 100 ms (the same): A100 and A30 (GA100), H100 and its kin.
PART_TIME = ((8, 0), (9, 0))
# Polled every 97 ms, loads whose period is within 1 % of 100 ms came out wrong by 13 % (rms, simulated). That
# as a standard uncertainty adds in quadrature to the sensor's own gain. A load
# locked to exactly 100 ms can be off by 60 % and more; most loads are off by far less.
PART_TIME_U = 0.13
PART_TIME_NOTE = (
    "the power sensor sees 25 ms of every 100 ms: the power of a load that repeats every 100 ms"
    " may be off by 13 to 60 %"
)

# Over 5 s power and counter agree to 5 %, if both work as they should.
TOLERANCE = 0.05

NVML_FI_DEV_POWER_INSTANT = 186
GPU_SCOPE, MODULE_SCOPE = 0, 1  # NVML_POWER_SCOPE_*

_NOT_AVAILABLE = 0xFFFFFFFF  # NVML_VALUE_NOT_AVAILABLE in 32 bits


@dataclass(frozen=True)
class PowerReading:
    """One of NVML's ways to tell a power, and the time it is the mean of."""

    method: str
    window_s: float
    read: Callable[[Any, Any], float]  # (nvml, handle) -> W; raises NVMLError
    assumed: bool = False  # nobody says which time that is: it may be anything up to that


def power_reading(nvml: Any, handle: Any, gpu: Gpu) -> PowerReading | None:
    """The best way that this board answers; of a superchip its module's power. ``None``: there is none."""
    scope = MODULE_SCOPE if gpu.superchip else GPU_SCOPE
    module = ", module" if gpu.superchip else ""

    def instant(nvml: Any, handle: Any) -> float:
        return _field_w(nvml, handle, scope)

    ways = [PowerReading(f"field {NVML_FI_DEV_POWER_INSTANT}, instant{module}", 0.0, instant)]
    if not gpu.superchip:
        window_s, words = _window(gpu)
        ways.append(
            PowerReading(f"nvmlDeviceGetPowerUsage, {words}", window_s, _usage_w, gpu.capability is None)
        )
    for way in ways:
        try:
            way.read(nvml, handle)
        except nvml.NVMLError:
            continue
        return way
    return None


def _window(gpu: Gpu) -> tuple[float, str]:
    """What nvmlDeviceGetPowerUsage is the mean of: 1 s on Ampere and later, but for GA100 (nvml.h)."""
    if gpu.capability is None:
        return 1.0, "mean over up to 1 s"  # the longer of the two, since it is not known
    if gpu.capability > (8, 0):
        return 1.0, "mean over 1 s"
    return 0.0, "instant"


def _field_w(nvml: Any, handle: Any, scope: int) -> float:
    # The call succeeds although the field may fail: its own return code counts.
    (field,) = nvml.nvmlDeviceGetFieldValues(handle, [(NVML_FI_DEV_POWER_INSTANT, scope)])
    if field.nvmlReturn != nvml.NVML_SUCCESS:
        raise nvml.NVMLError(field.nvmlReturn)
    return _watts(nvml, field.value.uiVal)


def _usage_w(nvml: Any, handle: Any) -> float:
    return _watts(nvml, nvml.nvmlDeviceGetPowerUsage(handle))


def _watts(nvml: Any, power_mw: int) -> float:
    if power_mw == _NOT_AVAILABLE:
        raise nvml.NVMLError(nvml.NVML_ERROR_NO_DATA)
    return float(power_mw) / MW_PER_W


def power_alone(counter: MeterInfo, reading: PowerReading, gpu: Gpu) -> MeterInfo:
    """The power as the board's only meter; ``counter`` is what its counter would be."""
    gain, part_time = nvidia(gpu.name, gpu.capability), gpu.capability in PART_TIME
    return replace(
        counter,
        reads="power_w",
        method=reading.method,
        resolution=1 / MW_PER_W,
        refresh_s=REFRESH_S,
        window_s=reading.window_s,
        window_assumed=reading.assumed,
        ticks=False,
        lane="nvml-power",
        **(in_quadrature(gain, PART_TIME_U, "and 25 ms of 100 ms seen") if part_time else gain).info(),
    )


def power_cross_check(counter: MeterInfo, reading: PowerReading, gpu: Gpu) -> MeterInfo:
    """The power to hold against ``counter``."""
    return replace(
        power_alone(counter, reading, gpu),
        name=f"{counter.name}:power",
        checks=counter.name,
        tolerance=TOLERANCE,
    )


class NvmlPower:
    """One board's power, always read in the way that was found."""

    def __init__(self, info: MeterInfo, reading: PowerReading) -> None:
        """Raises MeterError if NVML does not start or the board is gone."""
        self.info = info
        self._reading = reading
        self._board = NvidiaBoard(info.name, info.device)

    def read(self) -> float:
        """The power in W.

        Raises:
            MeterError: the board gives none.
        """
        return self._board.ask(self._reading.read)

    def close(self) -> None:
        """Lets go of NVML; a second call does nothing."""
        self._board.close()
