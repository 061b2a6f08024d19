"""NVIDIA GPUs through NVML: each board's energy counter, in mJ since the driver was loaded."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from energyprof.errors import MeterError
from energyprof.meter import Finding, MeterInfo, Role, Source
from energyprof.meters.gpus import Gpu, as_text, memory_bytes, read_gpus, visible
from energyprof.meters.shared import Shared

ROLE: Role = "real"

MJ_PER_J = 1000.0

# The sensor's gain error is about ±5 % and the same on every reading of one card: A100-PCIE -5.7 %,
# RTX 3090 -5 %, RTX 4090 -5.2 %.
GAIN_A = 0.05
GAIN_SOURCE = "Yang et al., SC'24, arXiv 2312.02741"

# Ticks of 20 to 100 ms, up to 1 s with some drivers: the sampler infers the real one.
REFRESH_S = 0.1

# For boards that do not tell their limit: twice the 1000 W of the largest that do (B200).
UNKNOWN_MAX_W = 2000.0

SHADOWED = "pip uninstall -y pynvml nvidia-ml-py3 && pip install --force-reinstall nvidia-ml-py"


def _start() -> Any:
    """``pynvml``, initialised. Raises ImportError, NVMLError, MeterError if not NVIDIA's."""
    import pynvml

    # pynvml up to 11.5.3 lacks the first name, nvidia-ml-py3 the second.
    needed = ("_nvmlGetFunctionPointer", "nvmlDeviceGetTotalEnergyConsumption")
    if not all(hasattr(pynvml, name) for name in needed):
        raise MeterError("an old package hides NVIDIA's own module pynvml")
    pynvml.nvmlInit()
    return pynvml


def _stop(pynvml: Any) -> None:
    # The driver may be gone already; there is nothing left to shut down then.
    with suppress(pynvml.NVMLError):
        pynvml.nvmlShutdown()


LIBRARY = Shared(_start, _stop)


@contextmanager
def opened() -> Iterator[Any]:
    """``pynvml``, initialised for the length of a ``with``. Raises as ``_start`` does."""
    nvml = LIBRARY.acquire()
    try:
        yield nvml
    finally:
        LIBRARY.release()


def find(root: Path) -> Finding:
    """The energy counter of every GPU that ``CUDA_VISIBLE_DEVICES`` lets a program see."""
    try:
        with opened() as nvml:
            return _search(nvml)
    except ImportError:
        return _blocked("the Python package nvidia-ml-py is missing", "pip install nvidia-ml-py")
    except MeterError as error:
        return _blocked(str(error), SHADOWED)
    except _nvml_error() as error:
        return _not_initialised(error)


def devices() -> list[dict[str, Any]]:
    """All GPUs as ``{name, uuid, memory_bytes, driver}``, seen by CUDA or not; [] without NVML."""
    try:
        with opened() as nvml:
            driver = as_text(nvml.nvmlSystemGetDriverVersion())
            return [
                {
                    "name": gpu.name,
                    "uuid": gpu.uuid,
                    "memory_bytes": memory_bytes(nvml, gpu.index),
                    "driver": driver,
                }
                for gpu in read_gpus(nvml)[0]
            ]
    except (ImportError, MeterError, _nvml_error()):
        return []  # ``find`` tells why


def _search(nvml: Any) -> Finding:
    gpus, notes = read_gpus(nvml)
    if not gpus:
        reason = "; ".join(notes) or "the NVIDIA driver sees no GPU"
        return Finding("nvml", ROLE, "absent", reason=reason)
    asked = os.environ.get("CUDA_VISIBLE_DEVICES")
    chosen, remarks = visible(gpus, asked, os.environ.get("CUDA_DEVICE_ORDER", ""))
    notes += remarks
    if not chosen:
        reason = f"CUDA_VISIBLE_DEVICES={asked!r} hides all {len(gpus)} GPUs"
        return Finding("nvml", ROLE, "absent", reason=reason, notes=tuple(notes))
    sources, problems, permission = [], [], False
    for gpu in chosen:
        handle = nvml.nvmlDeviceGetHandleByIndex(gpu.index)
        try:
            nvml.nvmlDeviceGetTotalEnergyConsumption(handle)
        except nvml.NVMLError as error:
            permission = permission or error.value == nvml.NVML_ERROR_NO_PERMISSION
            problems.append(f"nvml:{gpu.index} ({gpu.name}): {_no_counter(nvml, error)}")
            continue
        info = _info(nvml, handle, gpu)
        sources.append(Source(info, functools.partial(NvmlMeter, info, gpu.index)))
        if gpu.mig:
            notes.append(f"nvml:{gpu.index} is divided (MIG): the energy is the whole board's")
    if not sources:
        remedy = "run as root, or give the container the device" if permission else ""
        return _blocked("; ".join(problems), remedy or "use an external meter", notes)
    return Finding("nvml", ROLE, "found", tuple(sources), notes=(*problems, *notes))


def _no_counter(nvml: Any, error: Any) -> str:
    """Why not. Old drivers lack the symbol, old boards answer NotSupported: the same to us."""
    if error.value in (nvml.NVML_ERROR_NOT_SUPPORTED, nvml.NVML_ERROR_FUNCTION_NOT_FOUND):
        return "older than Volta: its power needs a sampled meter, not in this version"
    return str(error)


def _info(nvml: Any, handle: Any, gpu: Gpu) -> MeterInfo:
    try:
        limit_w = nvml.nvmlDeviceGetPowerManagementLimitConstraints(handle)[1] / 1000.0
    except nvml.NVMLError:
        limit_w = 0.0  # laptops do not tell it
    return MeterInfo(
        name=f"nvml:{gpu.index}",
        kind="nvml",
        part="gpu",
        boundary="component",
        reads="energy_j",
        method="nvmlDeviceGetTotalEnergyConsumption",
        resolution=1 / MJ_PER_J,
        refresh_s=REFRESH_S,
        gain_a=GAIN_A,
        gain_source=GAIN_SOURCE,
        max_power_w=2 * limit_w if limit_w > 0 else UNKNOWN_MAX_W,
        device=gpu.uuid,
    )


def _not_initialised(error: Any) -> Finding:
    import pynvml

    if error.value == pynvml.NVML_ERROR_LIBRARY_NOT_FOUND:
        return Finding("nvml", ROLE, "absent", reason="no NVIDIA driver (libnvidia-ml.so.1)")
    remedies = {
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED: "sudo modprobe nvidia",
        pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: "restart the machine: its driver was updated",
        pynvml.NVML_ERROR_NO_PERMISSION: "run as root, or give the container the device",
    }
    return _blocked(f"NVML: {error}", remedies.get(error.value, "look at nvidia-smi and dmesg"))


def _blocked(reason: str, remedy: str, notes: Sequence[str] = ()) -> Finding:
    return Finding("nvml", ROLE, "blocked", reason=reason, remedy=remedy, notes=tuple(notes))


def _nvml_error() -> type[Exception]:
    """NVML's root error, for an ``except`` that must not import the module when it is missing."""
    try:
        import pynvml
    except ImportError:
        return MeterError
    return pynvml.NVMLError  # type: ignore[no-any-return]


class NvmlMeter:
    """One board's energy counter."""

    def __init__(self, info: MeterInfo, index: int) -> None:
        """Raises MeterError if NVML does not start or the board is gone."""
        self.info = info
        self._held = False
        try:
            self._nvml = LIBRARY.acquire()
            self._held = True
            self._handle = self._nvml.nvmlDeviceGetHandleByIndex(index)
        except (ImportError, _nvml_error()) as error:
            self.close()
            raise MeterError(f"{info.name}: {error}") from error

    def read(self) -> float:
        """J since the driver was loaded."""
        try:
            energy_mj = self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)
        except self._nvml.NVMLError as error:
            raise MeterError(f"{self.info.name}: {error}") from error
        return float(energy_mj) / MJ_PER_J

    def close(self) -> None:
        """Lets go of NVML; a second call does nothing."""
        if self._held:
            self._held = False
            LIBRARY.release()
