"""RAPL, the energy counters of Intel and AMD processors and their memory: through perf, else powercap."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from energyprof.errors import MeterError
from energyprof.measure import machine
from energyprof.measure.meters.denied import denied_file
from energyprof.measure.meters.liveness import moves
from energyprof.measure.meters.rapl import perf, powercap
from energyprof.measure.meters.rapl.views import (
    GAINS,
    Counter,
    Way,
    counters_of,
    package_gain,
    through_perf,
    through_powercap,
)
from energyprof.meter import Finding, Role, Source

ROLE: Role = "real"

# A counter renews every millisecond. Some hypervisors show one that never does.
ALIVE_S = 0.05


def find(root: Path) -> Finding:
    """Σ packages + Σ dram, each counter one meter; psys only where there is no package.

    What both perf and powercap show is read through perf, and through powercap to be held against it.
    """
    folder = root / "sys/class/powercap"
    zones, zones_inside, masked = powercap.read_zones(folder)
    events, events_inside, notes = perf.read_events(root)
    if not zones and not events:
        return _nothing(root, folder, bool(masked), notes)
    counters = counters_of(events, zones, machine.cpu_vendor(root) or "")
    chosen = _Chosen(counters, virtual=machine.hypervisor(root) is not None)
    processor = {"device": machine.cpu_model(root), "gain": package_gain(root)}
    for counter in counters:
        chosen.take(counter, processor)
    nameless = [f"{folder / entry} does not say what it counts" for entry in masked if zones]
    missing = chosen.missing(folder) + _sockets_without(root, counters) + nameless
    notes += missing
    if masked and not zones:
        notes.append(f"{folder} is masked")
    remedy = _remedy(root, chosen.no_perf, closed=bool(chosen.closed))
    if chosen.dead:
        notes.append(f"{', '.join(chosen.dead)} left out: shown by the hypervisor, but standing still")
    if not chosen.counted and chosen.dead and not remedy:
        return Finding("rapl", ROLE, "absent", reason=f"a virtual machine: {'; '.join(notes)}")
    if not chosen.counted:
        remedy = remedy or f"look at {folder} and at dmesg for RAPL"
        return Finding("rapl", ROLE, "blocked", reason="; ".join(notes), remedy=remedy)
    notes += chosen.left_out
    if chosen.bypassed:
        notes.append(_bypass(root, chosen.bypassed[0]))
    if inside := sorted(zones_inside | events_inside):
        notes.append(f"{', '.join(inside)} left out: inside the package")
    notes += chosen.incomplete()
    sources = (*chosen.counted.values(), *chosen.cross_checks)
    return Finding("rapl", ROLE, "found", sources, remedy=remedy, notes=tuple(notes), missing=tuple(missing))


class _Chosen:
    """Which counters are counted, through which of their views, and why the others are not."""

    def __init__(self, counters: Sequence[Counter], *, virtual: bool) -> None:
        self._packages = any(counter.domain == "package" for counter in counters)
        self._virtual = virtual  # a hypervisor may show counters that stand still
        self.counted: dict[str, Source] = {}  # by the counter's name
        self.cross_checks: list[Source] = []
        self.left_out: list[str] = []
        self.dead: list[str] = []
        self.bypassed: list[MeterError] = []  # of perf, where powercap stands in
        self.no_perf: list[MeterError] = []  # of counters that neither view shows
        self.closed: dict[str, MeterError] = {}  # those that may not be read, with their first view's error
        self._no_powercap: list[MeterError] = []

    def take(self, counter: Counter, processor: Mapping[str, Any]) -> None:
        """The next counter; a package comes before its dies."""
        if self._packages and counter.domain == "psys":
            self.left_out.append(f"{counter.name} left out: it holds the packages that are counted")
            return
        if counter.whole != counter.name and counter.whole in self.counted:
            self.left_out.append(f"{counter.name} left out: {counter.whole} holds it")
            return
        by_perf, perf_errors = through_perf(counter, processor)
        by_powercap, powercap_errors = through_powercap(counter, processor)
        ways = [way for way in (by_perf, by_powercap) if way]
        if self._virtual and ways and not any(map(_moves, ways)):
            self.dead.append(counter.name)
        elif by_perf:
            self.counted[counter.name] = by_perf.source()
            self.cross_checks += [by_powercap.cross_check()] if by_powercap else []
        elif by_powercap:
            self.counted[counter.name] = by_powercap.source()
            self.bypassed += perf_errors
        else:
            self.no_perf += perf_errors
            if refused := next(filter(denied_file, powercap_errors), None):
                self.closed[counter.name] = refused
            self._no_powercap += [error for error in powercap_errors if not denied_file(error)]

    def missing(self, folder: Path) -> list[str]:
        """What to say of the counters that are there and give no reading."""
        # The PMU refuses all its events for one reason.
        return [*map(str, self.no_perf[:1]), *_unreadable(folder, self.closed), *map(str, self._no_powercap)]

    def incomplete(self) -> list[str]:
        """What the counters that are counted do not tell."""
        if not self._packages:
            return ["psys counts what the vendor put on it, which may include the GPU"]
        if not any(source.info.part == "dram" for source in self.counted.values()):
            return ["no readable dram domain: the memory is not metered"]
        return []


def _sockets_without(root: Path, counters: Sequence[Counter]) -> list[str]:
    """What to say if the machine has more sockets than there are packages with a counter."""
    packages = {number[0] for c in counters if (number := re.findall(r"(?<=package-)\d+", c.name))}
    sockets = machine.sockets(root) or 0
    if not packages or sockets <= len(packages):
        return []
    return [f"{sockets} sockets, but a counter of {len(packages)} of them alone: the others are not metered"]


def _unreadable(folder: Path, closed: Mapping[str, MeterError]) -> list[str]:
    """That these counters may not be read: what there is to say of many is the same."""
    if len(closed) < 2:
        return list(map(str, closed.values()))
    names = [f"rapl:{name}" for name in closed]
    several = ", ".join(names) if len(names) == 2 else f"{names[0]} … {names[-1]} ({len(names)})"
    return [f"{several}: {folder}/intel-rapl*/energy_uj: {os.strerror(errno.EACCES)}"]


def _moves(way: Way) -> bool:
    """Whether the counter goes on while one waits; a read that fails tells nothing against it."""
    meter = way.open(way.info)
    try:
        return moves(meter.read, ALIVE_S)
    except MeterError:
        return True
    finally:
        meter.close()


def _forbidden(error: MeterError) -> bool:
    return isinstance(error.__cause__, PermissionError)


def _remedy(root: Path, no_perf: Sequence[MeterError], *, closed: bool) -> str:
    """What opens the counters that neither view shows; empty if it is not a matter of permission."""
    ways = [perf.remedy(root)] if any(map(_forbidden, no_perf)) else []
    if closed:
        ways += [powercap.CHMOD] if no_perf else [powercap.CHMOD, perf.LOAD]
    return "; or: ".join(ways)


def _bypass(root: Path, error: MeterError) -> str:
    """That powercap stands in for perf."""
    if _forbidden(error):
        return f"perf may not be used, so powercap is read, without loss; for perf: {perf.remedy(root)}"
    return f"{error}, so powercap is read"


def _nothing(root: Path, folder: Path, masked: bool, problems: Sequence[str]) -> Finding:
    """Why there is no counter at all."""
    virtual, inside = machine.hypervisor(root), machine.container(root)
    if virtual:
        kind = "" if virtual == "unknown" else f" ({virtual})"
        reason = f"a virtual machine{kind}: hypervisors do not pass the counters through"
        return Finding("rapl", ROLE, "absent", reason=reason)
    if masked or (inside and folder.is_dir()):
        reason = f"{folder} is masked in this container ({inside or 'its zones lead nowhere'})"
        return Finding("rapl", ROLE, "blocked", reason=reason, remedy=powercap.MOUNT)
    if machine.cpu_vendor(root) not in GAINS:
        return Finding("rapl", ROLE, "absent", reason="no RAPL: only Intel and AMD processors have it")
    if folder.is_dir() or problems:
        reason = "; ".join([*problems, f"no zone in {folder}: the driver is not loaded"])
        return Finding("rapl", ROLE, "blocked", reason=reason, remedy=powercap.MODPROBE)
    reason = f"neither the perf PMU power nor {folder}: this kernel has no powercap"
    return Finding("rapl", ROLE, "absent", reason=reason)
