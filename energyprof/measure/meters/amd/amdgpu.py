"""AMD GPUs: each card's energy counter through AMD's library, the kernel's power beside or instead."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from energyprof.errors import MeterError
from energyprof.measure.meters.amd.counter import ALIVE_S, AmdCounter, counter_info, handle_at
from energyprof.measure.meters.amd.gpus import Gpu, read_gpus, visible
from energyprof.measure.meters.amd.library import (
    DRIVER_NOT_LOADED,
    LIBRARY,
    NO_PERM,
    NOT_FOUND,
    AmdSmi,
    AmdSmiError,
    LibraryMissing,
)
from energyprof.measure.meters.amd.power import inside_processor, power_alone, power_cross_check
from energyprof.measure.meters.amd.probe import AmdProbe
from energyprof.measure.meters.denied import opening
from energyprof.measure.meters.hwmon import Hwmon
from energyprof.measure.meters.liveness import moves
from energyprof.measure.meters.sensors import read_text
from energyprof.meter import Finding, Role, Source
from energyprof.storable.frozen import dataclass

ROLE: Role = "real"

INSTALL = "install AMD's library (ROCm, or the package amd-smi-lib)"
LOOK = "look at amd-smi and dmesg"
DENIED = (
    "join the groups render and video (sudo usermod -aG render,video $USER), or give the container /dev/dri"
)

INSIDE = "part of the processor: what it uses is in the processor's power"
SECOND_DIE = "its counter reads 0 and it shows no power: on cards of two dies the first one holds both"
PARTITION = "a partition of a card whose first one holds the energy of all"
SUPERCHIP = "metered as a whole module, its processor included"


@dataclass(frozen=True)
class _View:
    """What one card offers, or why it offers nothing."""

    sources: tuple[Source, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""
    remedy: str = ""  # of the problem, where it is a matter of permission


def find(root: Path) -> Finding:
    """The energy counter of every GPU that ROCm's variables let a program see, and its power."""
    try:
        smi = LIBRARY.acquire()
    except MeterError as error:
        return _search(None, root, error)
    try:
        return _search(smi, root, None)
    finally:
        LIBRARY.release()


def devices(root: Path) -> list[dict[str, Any]]:
    """All cards as ``{name, uuid, memory_bytes, driver}``, seen by HIP or not; [] without any."""
    try:
        smi = LIBRARY.acquire()
    except MeterError:
        return _devices(None, root)  # ``find`` tells why
    try:
        return _devices(smi, root)
    finally:
        LIBRARY.release()


def _devices(smi: AmdSmi | None, root: Path) -> list[dict[str, Any]]:
    try:
        gpus, _ = read_gpus(smi, root)
    except MeterError:
        return []
    driver = read_text(root / "sys/module/amdgpu/version") or read_text(root / "proc/sys/kernel/osrelease")
    found = []
    for gpu in gpus:
        if gpu.sensor and not gpu.listed and inside_processor(gpu.sensor):
            continue
        memory = read_text(root / "sys/bus/pci/devices" / gpu.bdf / "mem_info_vram_total")
        found.append(
            {
                "name": gpu.name or f"AMD GPU at {gpu.bdf}",
                "uuid": gpu.device,
                "memory_bytes": int(memory) if memory.isdigit() else None,
                "driver": f"amdgpu {driver}".strip(),
            }
        )
    return found


def _search(smi: AmdSmi | None, root: Path, problem: MeterError | None) -> Finding:
    try:
        gpus, notes = read_gpus(smi, root)
    except MeterError as error:
        (gpus, notes), problem = read_gpus(None, root), error
    if not gpus:
        return _none(root, problem, notes)
    chosen, remarks = visible(gpus, os.environ)
    notes += remarks
    if not chosen:
        reason = f"ROCm's variables hide all {len(gpus)} GPUs: {'; '.join(remarks) or 'an empty list'}"
        return Finding("amdgpu", ROLE, "absent", reason=reason)
    views = {gpu: _view(smi if gpu.listed else None, gpu) for gpu in chosen}
    problems = [f"{gpu.label}: {view.problem}" for gpu, view in views.items() if view.problem]
    said = [f"{gpu.label}: {note}" for gpu, view in views.items() for note in view.notes]
    sources = tuple(source for view in views.values() for source in view.sources)
    if problem is not None and sources:
        said.append(
            f"{problem}: the kernel's power is read and integrated instead;"
            f" for the counter: {_remedy(problem)}"
        )
    remedy = "; or: ".join(dict.fromkeys(filter(None, (view.remedy for view in views.values()))))
    if not sources:
        if not problems:
            return Finding("amdgpu", ROLE, "absent", reason="; ".join([*said, *notes]))
        remedy = "; or: ".join(filter(None, [remedy, _remedy(problem) if problem else ""])) or LOOK
        return Finding(
            "amdgpu", ROLE, "blocked", reason="; ".join(problems), remedy=remedy, notes=tuple(notes)
        )
    probed = [gpu for gpu, view in views.items() if view.sources]
    return Finding(
        "amdgpu",
        ROLE,
        "found",
        sources,
        remedy=remedy,
        notes=(*problems, *said, *notes),
        missing=tuple(problems),
        probes=tuple(functools.partial(AmdProbe, gpu, root) for gpu in probed),
    )


def _view(smi: AmdSmi | None, gpu: Gpu) -> _View:
    sensor = gpu.sensor
    if smi is None and sensor and inside_processor(sensor):
        return _View(notes=(INSIDE,))
    notes = [SUPERCHIP] if gpu.superchip else []
    alone: Source | None = None
    unread: list[MeterError] = []
    try:
        if sensor:
            info = power_alone(gpu, sensor)
            alone = Source(info, functools.partial(Hwmon, info, sensor.path), gpu.bdf)
    except MeterError as error:
        unread.append(error)
    if smi is None:
        return _View((alone,), tuple(notes)) if alone else _without(unread)
    try:
        handle = handle_at(smi, gpu.bdf)
        joules, step_j = smi.energy(handle)
        if joules == 0 and alone is None and not opening(unread):
            return _View(notes=(SECOND_DIE,))
        still = not moves(lambda: smi.energy(handle)[0], ALIVE_S)
    except MeterError as error:
        if sensor and inside_processor(sensor):
            return _View(notes=(INSIDE,))
        if alone:
            instead = f"{error}: its power is read and integrated instead"
            way = _without([error]).remedy
            return _View((alone,), (*notes, f"{instead}; for the counter: {way}" if way else instead))
        found = _without([error, *unread])
        return found if gpu.bdf.endswith(".0") or found.remedy else _View(notes=(PARTITION,))
    if still:
        if alone:
            return _View(
                (alone,), (*notes, "its counter stands still: its power is read and integrated instead")
            )
        return _without(
            [MeterError("its energy counter stands still, and there is no power to read"), *unread]
        )
    counter = counter_info(gpu, step_j)
    counted = Source(counter, functools.partial(AmdCounter, counter, gpu.bdf), gpu.bdf)
    if alone is None or sensor is None:
        return _View((counted,), tuple(notes))
    check = power_cross_check(gpu, sensor)
    return _View(
        (counted, Source(check, functools.partial(Hwmon, check, sensor.path), gpu.bdf)), tuple(notes)
    )


def _without(errors: Sequence[MeterError]) -> _View:
    """A card that gives neither its counter nor its power."""
    ways = [DENIED if any(map(_may_not_ask, errors)) else "", opening(errors)]
    return _View(problem="; ".join(map(str, errors)), remedy="; or: ".join(filter(None, ways)))


def _none(root: Path, problem: MeterError | None, notes: Sequence[str]) -> Finding:
    """Why there is no card, or none to be read."""
    folder = root / "sys/bus/pci/drivers/amdgpu"
    places = sorted(entry.name for entry in folder.glob("*:*:*.*"))
    denied = isinstance(problem, AmdSmiError) and problem.code not in (DRIVER_NOT_LOADED, NOT_FOUND)
    if places or denied:
        reason = "; ".join(
            [*(f"{place} gives neither a power nor a counter" for place in places), *notes, *_words(problem)]
        )
        return Finding("amdgpu", ROLE, "blocked", reason=reason, remedy=_remedy(problem))
    return Finding("amdgpu", ROLE, "absent", reason="; ".join(["no AMD GPU", *notes]))


def _words(problem: MeterError | None) -> list[str]:
    return [str(problem)] if problem else []


def _remedy(problem: MeterError | None) -> str:
    if isinstance(problem, LibraryMissing):
        return INSTALL
    if _may_not_ask(problem):
        return DENIED
    return LOOK


def _may_not_ask(error: MeterError | None) -> bool:
    """Whether AMD's library refuses this user."""
    return isinstance(error, AmdSmiError) and error.code == NO_PERM
