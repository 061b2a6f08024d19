"""Power limit and locked clocks of NVIDIA's GPUs, through NVML.

The limit that was asked is ``nvmlDeviceGetPowerManagementLimit``; the enforced one may be lower. Whether
clocks are locked no call tells, so what was before must be told by the user. Both end when the driver lets go
of the GPU: whoever turns them keeps NVML open.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from energyprof.errors import MeterError
from energyprof.measure.lever import Amounts, Lasts, Lever, LeverError, LeverFinding
from energyprof.measure.levers.clocks import ClockValues
from energyprof.measure.meters.nvidia.gpus import Gpu, does_not_answer, read_gpus, visible
from energyprof.measure.meters.nvidia.library import LIBRARY, nvidia_library, nvml_error, opened

ADDRESS = "nvml:"
MW, MHZ = 1e-3, 1e6
UNLOCKED = "unlocked"


class PowerLimit:
    """The power limit of one board, in mW."""

    lasts: Lasts = "boot"

    def __init__(self, uuid: str) -> None:
        self._uuid = uuid
        self.address = f"{ADDRESS}{uuid}:power_limit"

    def read(self) -> str:
        """The limit that was asked. Raises LeverError."""
        return str(_call(self._uuid, lambda nvml, gpu: nvml.nvmlDeviceGetPowerManagementLimit(gpu)))

    def write(self, text: str) -> None:
        """Ask for another. Raises LeverError."""
        # Not the binding's _v2: it drops NVML's return code.
        _call(self._uuid, lambda nvml, gpu: nvml.nvmlDeviceSetPowerManagementLimit(gpu, int(text)))


class LockedClocks:
    """The clocks that one board is held between, in MHz: "1200,1200"; they can be set but not read."""

    lasts: Lasts = "boot"

    def __init__(self, uuid: str) -> None:
        self._uuid = uuid
        self._known: str | None = None
        self.address = f"{ADDRESS}{uuid}:clocks"

    def told(self, text: str) -> None:
        """Believe what the user says of them."""
        self._known = text

    def read(self) -> str:
        """What was written last, or told by the user. Raises LeverError: neither."""
        if self._known is None:
            raise LeverError(
                "gpu.clocks: no call reads whether clocks are locked already; if they are not, say so: "
                f"gpu.clocks=1200MHz,was={UNLOCKED}"
            )
        return self._known

    def write(self, text: str) -> None:
        """Lock them, or let them go. Raises LeverError."""
        if text == UNLOCKED:
            _call(self._uuid, lambda nvml, gpu: nvml.nvmlDeviceResetGpuLockedClocks(gpu))
        else:
            low, high = map(int, text.split(","))
            _call(self._uuid, lambda nvml, gpu: nvml.nvmlDeviceSetGpuLockedClocks(gpu, low, high))
        self._known = text


class _Clocks(ClockValues):
    """Values such as 1200MHz or 300MHz-1200MHz, followed by what was before."""

    def __init__(self, amounts: Amounts, control: LockedClocks) -> None:
        super().__init__(amounts)
        self._control = control

    def own(self, value: str) -> str:
        wanted, comma, before = value.partition(",")
        if comma and before != f"was={UNLOCKED}":
            raise ValueError(f"after the comma can stand was={UNLOCKED} alone")
        ends = self.ends(wanted)
        if comma:
            self._control.told(UNLOCKED)
        return ",".join(ends)

    def shown(self, text: str) -> str:
        return self.span(text.split(","))


def find(root: Path) -> LeverFinding:
    """The levers of every GPU that ``CUDA_VISIBLE_DEVICES`` lets a program see."""
    if not nvidia_library():
        return LeverFinding("nvml", reason="no NVIDIA driver")
    try:
        with opened() as nvml:
            gpus, silent = read_gpus(nvml)
            notes = does_not_answer(silent)
            asked, order = os.environ.get("CUDA_VISIBLE_DEVICES"), os.environ.get("CUDA_DEVICE_ORDER", "")
            chosen, remarks = visible(gpus, asked, order)
            found = [_levers(nvml, gpu) for gpu in chosen]
    except (ImportError, MeterError, nvml_error()) as error:
        return LeverFinding("nvml", reason=f"NVML: {error}")
    problems = [*notes, *remarks, *(problem for _, problems in found for problem in problems)]
    levers = tuple(lever for levers, _ in found for lever in levers)
    return LeverFinding("nvml", levers, "; ".join(problems) or ("" if levers else "no NVIDIA GPU"))


def control(address: str, root: Path) -> PowerLimit | LockedClocks:
    """The control at an address. Raises LeverError: there is none."""
    uuid, _, what = address.removeprefix(ADDRESS).rpartition(":")
    if what == "power_limit":
        return PowerLimit(uuid)
    if what == "clocks":
        return LockedClocks(uuid)
    raise LeverError(f"{address}: no control that this version knows")


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Keep NVML open: without persistence mode a driver that nobody uses forgets limits and locks."""
    try:
        LIBRARY.acquire()
    except (ImportError, MeterError, nvml_error()) as error:
        raise LeverError(f"NVML: {error}") from None
    try:
        yield
    finally:
        LIBRARY.release()


def _levers(nvml: Any, gpu: Gpu) -> tuple[list[Lever], list[str]]:
    """The board's levers, and why it lacks one: integrated GPUs and many laptops do."""
    handle, device = nvml.nvmlDeviceGetHandleByIndex(gpu.index), f"nvml:{gpu.index}"
    notes = ("the whole board's, and so that of all its MIG instances",) if gpu.mig else ()
    remedy = "" if os.geteuid() == 0 else "sudo"
    levers, problems = [], []
    try:
        low, high = nvml.nvmlDeviceGetPowerManagementLimitConstraints(handle)
        nvml.nvmlDeviceGetPowerManagementLimit(handle)
        watts = Amounts("W", MW, low * MW, high * MW)
        levers.append(Lever("gpu.power_limit", device, PowerLimit(gpu.uuid), watts, device, remedy, notes))
    except nvml.NVMLError as error:
        problems.append(f"the power limit of {device} cannot be set: {error}")
    try:
        memory = max(nvml.nvmlDeviceGetSupportedMemoryClocks(handle))
        clocks = nvml.nvmlDeviceGetSupportedGraphicsClocks(handle, memory)
        locked = LockedClocks(gpu.uuid)
        values = _Clocks(Amounts("Hz", MHZ, min(clocks) * MHZ, max(clocks) * MHZ), locked)
        told = f"no call reads whether they are locked: if not, add it: 1200MHz,was={UNLOCKED}"
        levers.append(Lever("gpu.clocks", device, locked, values, remedy=remedy, notes=(*notes, told)))
    except nvml.NVMLError as error:
        problems.append(f"the clocks of {device} cannot be locked: {error}")
    return levers, problems


def _call(uuid: str, what: Callable[[Any, Any], Any]) -> Any:
    """What a call on the board answers. Raises LeverError, with what NVML's code means here."""
    try:
        with opened() as nvml:
            return what(nvml, nvml.nvmlDeviceGetHandleByUUID(uuid))
    except (ImportError, MeterError) as error:
        raise LeverError(f"{uuid}: {error}") from None
    except nvml_error() as error:
        meaning = _MEANINGS.get(getattr(error, "value", 0), str(error))
        raise LeverError(f"{uuid}: {meaning}") from None


# Of nvml.h, nvmlReturn_t.
_MEANINGS = {
    2: "the board takes no such value (NVML_ERROR_INVALID_ARGUMENT)",
    3: "the board has no such control (NVML_ERROR_NOT_SUPPORTED)",
    4: "only root may set it (NVML_ERROR_NO_PERMISSION)",
    6: "the board is not there any more (NVML_ERROR_NOT_FOUND)",
    15: "the board fell off the bus (NVML_ERROR_GPU_IS_LOST)",
}
