"""NVIDIA GPUs through NVML: each board's energy counter, in mJ since the driver was loaded, and its power."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from energyprof.errors import MeterError
from energyprof.measure.meters.nvidia.counter import NvmlCounter, counter_info
from energyprof.measure.meters.nvidia.gpus import (
    Gpu,
    as_text,
    does_not_answer,
    memory_bytes,
    read_gpus,
    visible,
)
from energyprof.measure.meters.nvidia.library import nvidia_library, nvml_error, opened, unsupported
from energyprof.measure.meters.nvidia.power import (
    PART_TIME,
    PART_TIME_NOTE,
    NvmlPower,
    PowerReading,
    power_alone,
    power_cross_check,
    power_reading,
)
from energyprof.measure.meters.nvidia.probe import GpuProbe
from energyprof.meter import Finding, MeterInfo, Role, Source
from energyprof.storable.frozen import dataclass

ROLE: Role = "real"

SHADOWED = "pip uninstall -y pynvml nvidia-ml-py3 && pip install --force-reinstall nvidia-ml-py"
DENIED = "run as root, or give the container the device"

NO_COUNTER = "no energy counter (boards before Volta have none): its power is read and integrated instead"
DIVIDED = "divided (MIG): the energy is the whole board's"
VIRTUAL = "a vGPU: what it tells may be the whole board's, of which others have a share"
SUPERCHIP = (
    "a superchip: metered as a whole module, its Grace processor included (known of GH200, assumed of GB200)"
)
NO_MODULE_POWER = "the module's power cannot be read: nothing is held against its counter"


def find(root: Path) -> Finding:
    """The energy counter of every GPU that ``CUDA_VISIBLE_DEVICES`` lets a program see, and its power."""
    if not nvidia_library():  # then its Python package, which is long, is not loaded either
        return _no_driver()
    try:
        with opened() as nvml:
            return _search(nvml)
    except ImportError:
        return _blocked("the Python package nvidia-ml-py is missing", "pip install nvidia-ml-py")
    except MeterError as error:
        return _blocked(str(error), SHADOWED)
    except nvml_error() as error:
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
    except (ImportError, MeterError, nvml_error()):
        return []  # ``find`` tells why


@dataclass(frozen=True)
class _View:
    """What one board offers, or why it offers nothing."""

    name: str
    sources: tuple[Source, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""
    remedy: str = ""


def _search(nvml: Any) -> Finding:
    gpus, silent = read_gpus(nvml)
    notes = does_not_answer(silent)
    denied = any(_denied(nvml, error) for error in silent.values())
    if not gpus:
        if silent:
            return _blocked("; ".join(notes), DENIED if denied else "look at nvidia-smi and dmesg")
        return Finding("nvml", ROLE, "absent", reason="the NVIDIA driver sees no GPU")
    asked = os.environ.get("CUDA_VISIBLE_DEVICES")
    lost = notes if asked is None else []  # which of them a variable hides is not known
    chosen, remarks = visible(gpus, asked, os.environ.get("CUDA_DEVICE_ORDER", ""))
    notes += remarks
    if not chosen:
        reason = f"CUDA_VISIBLE_DEVICES={asked!r} hides all {len(gpus)} GPUs"
        return Finding("nvml", ROLE, "absent", reason=reason, notes=tuple(notes))
    views = [_view(nvml, gpu) for gpu in chosen]
    problems = [f"{view.name}: {view.problem}" for view in views if view.problem]
    sources = [source for view in views for source in view.sources]
    remedy = next((view.remedy for view in views if view.remedy), DENIED if denied else "")
    if not sources:
        return _blocked("; ".join(problems), remedy or "use an external meter", notes)
    return Finding(
        "nvml",
        ROLE,
        "found",
        tuple(sources),
        remedy=remedy,
        notes=(*problems, *_gathered(views), *notes),
        missing=(*problems, *lost),
        probes=tuple(functools.partial(GpuProbe, f"nvml:{gpu.index}", gpu.uuid) for gpu in chosen),
    )


def _view(nvml: Any, gpu: Gpu) -> _View:
    name = f"nvml:{gpu.index} ({gpu.name})"
    try:
        handle = nvml.nvmlDeviceGetHandleByIndex(gpu.index)
        power = power_reading(nvml, handle, gpu)
        counter = counter_info(nvml, handle, gpu)
    except nvml.NVMLError as error:
        return _View(name, problem=str(error), remedy=DENIED if _denied(nvml, error) else "")
    notes = [DIVIDED] if gpu.mig else []
    notes += [VIRTUAL] if gpu.virtual else []
    notes += [SUPERCHIP] if gpu.superchip else []
    notes += [PART_TIME_NOTE] if power and gpu.capability in PART_TIME else []
    try:
        nvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except nvml.NVMLError as error:
        if power and unsupported(nvml, error):
            alone = _power_source(power_alone(counter, power, gpu), power)
            return _View(name, (alone,), (NO_COUNTER, *notes))
        remedy = DENIED if _denied(nvml, error) else ""
        return _View(name, problem=_no_energy(nvml, error, gpu), remedy=remedy)
    if power is None:
        notes += [NO_MODULE_POWER] if gpu.superchip else []
        return _View(name, (_counter_source(counter),), tuple(notes))
    cross_check = _power_source(power_cross_check(counter, power, gpu), power)
    return _View(name, (_counter_source(counter), cross_check), tuple(notes))


def _counter_source(info: MeterInfo) -> Source:
    return Source(info, functools.partial(NvmlCounter, info))


def _power_source(info: MeterInfo, power: PowerReading) -> Source:
    return Source(info, functools.partial(NvmlPower, info, power))


def _denied(nvml: Any, error: Any) -> bool:
    """Whether this user may not ask."""
    return bool(error.value == nvml.NVML_ERROR_NO_PERMISSION)


def _no_energy(nvml: Any, error: Any, gpu: Gpu) -> str:
    """Why not. Old drivers lack the symbol, old boards answer NotSupported: the same to us."""
    if not unsupported(nvml, error):
        return str(error)
    if gpu.virtual:
        return "a vGPU: the hypervisor keeps the energy to itself; measure on the host"
    return "neither an energy counter nor a power to read"


def _gathered(views: Iterable[_View]) -> list[str]:
    """Each note once, after the boards that it is about."""
    names: dict[str, list[str]] = {}
    for view in views:
        for note in view.notes:
            names.setdefault(note, []).append(view.name)
    return [f"{', '.join(boards)}: {note}" for note, boards in names.items()]


def _not_initialised(error: Any) -> Finding:
    import pynvml

    if error.value == pynvml.NVML_ERROR_LIBRARY_NOT_FOUND:
        return _no_driver()
    remedies = {
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED: "sudo modprobe nvidia",
        pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: "restart the machine: its driver was updated",
        pynvml.NVML_ERROR_NO_PERMISSION: DENIED,
    }
    return _blocked(f"NVML: {error}", remedies.get(error.value, "look at nvidia-smi and dmesg"))


def _no_driver() -> Finding:
    return Finding("nvml", ROLE, "absent", reason="no NVIDIA driver (libnvidia-ml.so.1)")


def _blocked(reason: str, remedy: str, notes: Sequence[str] = ()) -> Finding:
    return Finding("nvml", ROLE, "blocked", reason=reason, remedy=remedy, notes=tuple(notes))
