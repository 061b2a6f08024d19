"""Which NVIDIA GPUs there are, and which of them ``CUDA_VISIBLE_DEVICES`` lets a program see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from energyprof.storable.frozen import dataclass

SUPERCHIPS = ("GH200", "GB200")


@dataclass(frozen=True)
class Gpu:
    """One board, by its index in NVML's order, which is the order of the PCI bus."""

    index: int
    uuid: str
    name: str
    mig: tuple[str, ...] = ()  # UUIDs of its instances; empty unless it is divided
    capability: tuple[int, int] | None = None  # CUDA's: (8, 0) is GA100
    virtual: bool = False  # a share of a board that a hypervisor gave this machine (vGPU)

    @property
    def superchip(self) -> bool:
        """Whether its counter holds a Grace processor too (found on GH200 by the authors of Zeus)."""
        return any(name in self.name for name in SUPERCHIPS)


def read_gpus(nvml: Any) -> tuple[list[Gpu], dict[str, Any]]:
    """All boards, and NVML's errors of those that do not answer, by their names: "nvml:1"."""
    gpus, silent = [], {}
    for index in range(nvml.nvmlDeviceGetCount()):
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            uuid, name = nvml.nvmlDeviceGetUUID(handle), nvml.nvmlDeviceGetName(handle)
        except nvml.NVMLError as error:
            silent[f"nvml:{index}"] = error
            continue
        mig, capability = _instances(nvml, handle), _capability(nvml, handle)
        gpus.append(Gpu(index, as_text(uuid), as_text(name), mig, capability, _virtual(nvml, handle)))
    return gpus, silent


def does_not_answer(silent: Mapping[str, Any]) -> list[str]:
    """A note on each board that answered with an error."""
    return [f"{name} does not answer: {error}" for name, error in silent.items()]


def _capability(nvml: Any, handle: Any) -> tuple[int, int] | None:
    try:
        major, minor = nvml.nvmlDeviceGetCudaComputeCapability(handle)
    except nvml.NVMLError:
        return None
    return int(major), int(minor)


def _virtual(nvml: Any, handle: Any) -> bool:
    """A board passed through to a virtual machine is whole, and no vGPU."""
    try:
        mode = nvml.nvmlDeviceGetVirtualizationMode(handle)
    except nvml.NVMLError:
        return False
    return bool(mode == nvml.NVML_GPU_VIRTUALIZATION_MODE_VGPU)


def _instances(nvml: Any, handle: Any) -> tuple[str, ...]:
    """The UUIDs of the board's MIG instances; most boards know no MIG and answer NotSupported."""
    found: list[str] = []
    try:
        if nvml.nvmlDeviceGetMigMode(handle)[0] == 0:
            return ()
        for index in range(nvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
            with suppress(nvml.NVMLError_NotFound):  # the places need not be filled without gaps
                instance = nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index)
                found.append(as_text(nvml.nvmlDeviceGetUUID(instance)))
    except nvml.NVMLError:
        return tuple(found)
    return tuple(found)


def memory_bytes(nvml: Any, index: int) -> int | None:
    """The board's memory; ``None`` where it shares the CPU's (DGX Spark answers NotSupported)."""
    try:
        return int(nvml.nvmlDeviceGetMemoryInfo(nvml.nvmlDeviceGetHandleByIndex(index)).total)
    except nvml.NVMLError:
        return None


def as_text(value: str | bytes) -> str:
    """nvidia-ml-py before 11.510 gave bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def visible(gpus: Sequence[Gpu], asked: str | None, order: str) -> tuple[list[Gpu], list[str]]:
    """The GPUs that ``CUDA_VISIBLE_DEVICES`` leaves, and what to know about the choice.

    The rules of CUDA's programming guide, appendix "CUDA environment variables": a comma-separated
    list of indices, UUIDs or MIG ids, ids possibly cut short, that ends at its first invalid entry.
    ``asked`` is ``None`` if the variable is not set; ``order`` is ``CUDA_DEVICE_ORDER``.
    """
    notes: list[str] = []
    if asked is None:
        return list(gpus), notes
    chosen: list[Gpu] = []
    by_index = False
    for entry in (part.strip() for part in asked.split(",")):
        if entry.isdigit():
            matches = [gpu for gpu in gpus if gpu.index == int(entry)]
            by_index = True
        elif entry.startswith("MIG-"):
            matches = [gpu for gpu in gpus if _holds_instance(gpu, entry)]
        else:
            matches = [gpu for gpu in gpus if entry.startswith("GPU-") and gpu.uuid.startswith(entry)]
        if len(matches) != 1:
            if entry not in ("", "-1"):
                notes.append(f"CUDA_VISIBLE_DEVICES: {entry!r} names no GPU; the list ends there")
            break
        chosen += [gpu for gpu in matches if gpu not in chosen]
    left = [f"nvml:{gpu.index}" for gpu in gpus if gpu not in chosen]
    if chosen and left:
        notes.append(f"{', '.join(left)} left out by CUDA_VISIBLE_DEVICES")
    if by_index and left and order != "PCI_BUS_ID" and len({gpu.name for gpu in gpus}) > 1:
        notes.append(
            "CUDA may number GPUs of different models otherwise than NVML:"
            " set CUDA_DEVICE_ORDER=PCI_BUS_ID or give UUIDs"
        )
    return chosen, notes


def _holds_instance(gpu: Gpu, entry: str) -> bool:
    """Whether ``entry`` (MIG-<uuid>, before driver 470 MIG-GPU-<uuid>/g/c) is a part of ``gpu``."""
    if entry.startswith("MIG-GPU-"):
        return gpu.uuid == entry.removeprefix("MIG-").partition("/")[0]
    return any(uuid.startswith(entry) for uuid in gpu.mig)
