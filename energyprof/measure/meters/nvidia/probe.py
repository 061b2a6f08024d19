"""Under what conditions an NVIDIA GPU works: clocks, temperature, limits, what slows it, who uses it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from energyprof.measure.meters.nvidia.board import NvidiaBoard, gone
from energyprof.measure.meters.nvidia.gpus import as_text

# nvmlClocksEventReasons of nvml.h. Bit 0 (idle) slows nothing down, and bit 8 (display) no computation.
REASONS = {
    0x002: "applications_clocks",
    0x004: "sw_power_cap",
    0x008: "hw_slowdown",
    0x010: "sync_boost",
    0x020: "sw_thermal",
    0x040: "hw_thermal",
    0x080: "hw_power_brake",
}

PSTATE_UNKNOWN = 32  # NVML_PSTATE_UNKNOWN

MW_PER_W = 1000.0

# Newest first: the older names go, the newer ones are missing in older drivers.
_THROTTLED = ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons")
_COMPUTE = ("nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2")
_MPS = ("nvmlDeviceGetMPSComputeRunningProcesses_v3", "nvmlDeviceGetMPSComputeRunningProcesses_v2")


def _first_there(nvml: Any, handle: Any, names: tuple[str, ...]) -> Any:
    """What the first of the functions that the driver has gives. Raises NVMLError."""
    for name in names:
        function = getattr(nvml, name, None)
        with suppress(nvml.NVMLError_FunctionNotFound):
            if function is not None:
                return function(handle)
    raise nvml.NVMLError(nvml.NVML_ERROR_FUNCTION_NOT_FOUND)


def _throttled(nvml: Any, handle: Any) -> list[str]:
    bits = _first_there(nvml, handle, _THROTTLED)
    return [word for bit, word in REASONS.items() if bits & bit]


def _processes(nvml: Any, handle: Any) -> list[dict[str, Any]]:
    """Every process that computes, by itself or through MPS, with its program's path."""
    pids = {process.pid for process in _first_there(nvml, handle, _COMPUTE)}
    with suppress(nvml.NVMLError):
        pids |= {process.pid for process in _first_there(nvml, handle, _MPS)}
    return [{"pid": pid, "name": _program(nvml, pid)} for pid in sorted(pids)]


def _program(nvml: Any, pid: int) -> str:
    try:
        return as_text(nvml.nvmlSystemGetProcessName(pid))
    except nvml.NVMLError:
        return "unknown"  # it ended meanwhile, or is another container's


def _pstate(nvml: Any, handle: Any) -> str | None:
    state = nvml.nvmlDeviceGetPerformanceState(handle)
    return None if state == PSTATE_UNKNOWN else f"P{state}"


_CONDITIONS: dict[str, Callable[[Any, Any], Any]] = {
    "sm_mhz": lambda nvml, handle: nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM),
    "memory_mhz": lambda nvml, handle: nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_MEM),
    "temperature_c": lambda nvml, handle: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU),
    "power_limit_w": lambda nvml, handle: nvml.nvmlDeviceGetEnforcedPowerLimit(handle) / MW_PER_W,
    "default_power_limit_w": lambda nvml, handle: (
        nvml.nvmlDeviceGetPowerManagementDefaultLimit(handle) / MW_PER_W
    ),
    "pstate": _pstate,
    "throttled": _throttled,
    "processes": _processes,
}


def _conditions(nvml: Any, handle: Any) -> dict[str, Any]:
    """All that the board supports. Raises NVMLError if it is gone."""
    found = {}
    for key, question in _CONDITIONS.items():
        try:
            answer = question(nvml, handle)
        except nvml.NVMLError as error:
            if gone(nvml, error):
                raise
            continue
        if answer is not None:
            found[key] = answer
    return found


class GpuProbe:
    """One board's conditions."""

    def __init__(self, name: str, uuid: str) -> None:
        """Raises MeterError if NVML does not start or the board is gone."""
        self.name = name
        self._board = NvidiaBoard(name, uuid)

    def read(self) -> Mapping[str, Any]:
        """What the board tells now; what it does not support is left out.

        Raises:
            MeterError: the board is gone.
        """
        return self._board.ask(_conditions)

    def close(self) -> None:
        """Lets go of NVML; a second call does nothing."""
        self._board.close()
