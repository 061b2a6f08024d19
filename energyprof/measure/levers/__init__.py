"""The kinds of levers, and the search for them on this machine."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path

from energyprof.errors import MissingPart, UsageError
from energyprof.measure.lever import Control, Lever, LeverError, LeverFinding

# Kind -> module, imported when it is searched for: it offers ``NAMES`` and ``find(root) -> LeverFinding``. In
# this order they are turned, and in the reverse order turned back: a mode before what it changes besides.
KINDS: dict[str, str] = {
    "jetson": "energyprof.measure.levers.jetson",
    "cpufreq": "energyprof.measure.levers.cpufreq",
    "powercap": "energyprof.measure.levers.powercap",
    "nvml": "energyprof.measure.levers.nvidia",
    "amdgpu": "energyprof.measure.levers.amd",
    "process": "energyprof.measure.levers.process",
}

# The levers' names, each with the kinds that have it.
NAMES: dict[str, tuple[str, ...]] = {
    "jetson.mode": ("jetson",),
    "jetson.clocks": ("jetson",),
    "cpu.governor": ("cpufreq",),
    "cpu.energy_preference": ("cpufreq",),
    "cpu.boost": ("cpufreq",),
    "cpu.max_freq": ("cpufreq",),
    "cpu.power_limit": ("powercap",),
    "gpu.power_limit": ("nvml", "amdgpu"),
    "gpu.clocks": ("nvml", "amdgpu"),
    "cpu.threads": ("process",),
    "cpu.cores": ("process",),
}

# The beginning of an address -> the module whose ``control(address, root)`` finds the control again.
CONTROLS: dict[str, str] = {
    "sysfs": "energyprof.measure.levers.sysfs",
    "cpufreq": "energyprof.measure.levers.cpufreq",
    "nvml": "energyprof.measure.levers.nvidia",
    "amdgpu": "energyprof.measure.levers.amd",
    "jetson": "energyprof.measure.levers.jetson",
    "process": "energyprof.measure.levers.process",
}


def find_all(root: Path) -> list[LeverFinding]:
    """What there is of each kind, in the order of ``KINDS``."""
    return [_find(kind, root) for kind in KINDS]


def find_asked(root: Path, words: Sequence[str]) -> list[tuple[Lever, str]]:
    """The levers that ``words`` ("gpu.power_limit=250W", "cpu.max_freq:policy0=2GHz") name, and their values.

    They come in the order in which they are to be turned.

    Raises:
        UsageError: there is no lever of that name, or not with that value, or it is named twice.
        MissingPart: this machine does not have it.
    """
    found: dict[str, tuple[Lever, str]] = {}
    for asked in words:
        label, value = _parsed(asked)
        for lever in find_named(root, label):
            if lever.label in found:
                raise UsageError(f"--lever {asked}: {lever.label} is asked for twice")
            lever.own(value)
            found[lever.label] = lever, value
    order = list(NAMES)
    return sorted(found.values(), key=lambda pair: order.index(pair[0].name))


def find_named(root: Path, label: str) -> list[Lever]:
    """The lever "gpu.power_limit:nvml:0"; without a device that of every device.

    Raises:
        UsageError: there is no lever of that name.
        MissingPart: this machine does not have it.
    """
    name, _, device = label.partition(":")
    if name not in NAMES:
        raise UsageError(f"--lever {label}: no lever {name!r}: choose from {', '.join(NAMES)}")
    kinds = [_find(kind, root) for kind in NAMES[name]]
    here = [lever for finding in kinds for lever in finding.levers if lever.name == name]
    levers = [lever for lever in here if not device or _is(lever, device)]
    if not levers:
        reasons = [finding.reason for finding in kinds if finding.reason]
        if here:
            reasons = [f"there are {', '.join(lever.device for lever in here)}"]
        raise MissingPart(f"{label}: not here: {'; '.join(reasons) or f'no {name}'}")
    return levers


def control_at(address: str, root: Path) -> Control:
    """The control at an address from a journal.

    Raises:
        LeverError: it is not there any more, or this version knows no such address.
    """
    module = CONTROLS.get(address.partition(":")[0])
    if module is None:
        raise LeverError(f"{address}: no control that this version knows")
    control: Control = importlib.import_module(module).control(address, root)
    return control


def _find(kind: str, root: Path) -> LeverFinding:
    finding: LeverFinding = importlib.import_module(KINDS[kind]).find(root)
    return finding


def _parsed(asked: str) -> tuple[str, str]:
    label, equals, value = asked.partition("=")
    if not equals or not value.strip():
        raise UsageError(f"--lever {asked}: write NAME=VALUE, such as cpu.max_freq=2GHz")
    return label.strip(), value.strip()


def _is(lever: Lever, device: str) -> bool:
    """Whether ``device`` means this lever's: its name, or the number at its end ("1" is "nvml:1")."""
    kind = lever.device.rstrip("0123456789")
    return lever.device == device or (device.isdigit() and lever.device == kind + device)
