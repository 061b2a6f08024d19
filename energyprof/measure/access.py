"""How this machine's meters are reached, and what a job or a container must be given for that."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from energyprof.measure import gpus, machine
from energyprof.measure.meters import find_all
from energyprof.measure.meters.amd import amdgpu
from energyprof.measure.meters.rapl.perf import SYSCTL
from energyprof.meter import Finding

PMU = "sys/bus/event_source/devices/power"
LEVEL = "proc/sys/kernel/perf_event_paranoid"


@dataclass(frozen=True)
class Access:
    """The facts that a template is filled in with."""

    host: str
    cpu: str
    threads: int
    virtual: str | None
    jetson: str | None  # the board and its release: "NVIDIA Jetson AGX Orin, L4T R36.4.0"
    rapl: Literal["perf", "powercap", "none"]  # how it is read here, or would be with the permission
    rapl_now: bool
    rapl_told: str  # what `doctor` says of it
    paranoid: int | None  # kernel.perf_event_paranoid
    nvidia: int  # GPUs
    amd: int
    rails: bool  # of a Jetson, readable now

    @property
    def gpus(self) -> int:
        """GPUs with a meter of their own."""
        return self.nvidia + self.amd


def look(root: Path) -> Access:
    """What this machine has, as seen below ``root``."""
    found = gpus.devices(root)
    facts = machine.describe(root, found)
    findings = {finding.kind: finding for finding in find_all(root)}
    rapl = findings["rapl"]
    amd = len(amdgpu.devices(root)) if gpus.amd_driver(root) else 0
    return Access(
        host=facts["host"],
        cpu=facts["cpu"],
        threads=facts["threads"] or 1,
        virtual=facts["virtual"],
        jetson=facts["jetson"],
        rapl=_way(root, rapl),
        rapl_now=rapl.state == "found",
        rapl_told="; ".join(filter(None, (rapl.reason, *rapl.notes))),
        paranoid=_level(root),
        nvidia=len(found) - amd,
        amd=amd,
        rails=findings["jetson"].state == "found",
    )


def notes(access: Access) -> list[str]:
    """What stands at the head of every template: the machine, and how its processors' meters are reached."""
    lines = [f"Made on {access.host}: {access.cpu}, {access.threads} threads"]
    if access.gpus:
        lines[0] += f", {access.gpus} GPU" + ("s" if access.gpus > 1 else "")
    if access.jetson:
        lines.append(f"{access.jetson}: rails {'readable' if access.rails else 'NOT readable: see doctor'}.")
    elif access.rapl == "none":
        lines.append(f"RAPL: none here ({access.rapl_told or 'no counter'}).")
    elif access.rapl_now:
        lines.append(f"RAPL: read through {access.rapl} here{_paranoid(access)}.")
    else:
        lines.append(f"RAPL: NOT readable here{_paranoid(access)}. Once a boot, as root: {SYSCTL}")
    return lines


def _paranoid(access: Access) -> str:
    return "" if access.paranoid is None else f" (kernel.perf_event_paranoid is {access.paranoid})"


def _way(root: Path, rapl: Finding) -> Literal["perf", "powercap", "none"]:
    if rapl.state == "absent":
        return "none"
    if any("perf" in source.info.method for source in rapl.sources):
        return "perf"
    if rapl.sources:
        return "powercap"
    return "perf" if (root / PMU).is_dir() else "powercap"


def _level(root: Path) -> int | None:
    try:
        return int((root / LEVEL).read_text())
    except (OSError, ValueError):
        return None
