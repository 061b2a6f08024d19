"""RAPL, the energy counters of Intel and AMD processors and their memory: through perf, else powercap."""

from __future__ import annotations

import errno
import functools
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from energyprof.errors import MeterError
from energyprof.measure import machine
from energyprof.measure.meters.denied import denied_file
from energyprof.measure.meters.liveness import moves
from energyprof.measure.meters.rapl import perf, powercap
from energyprof.meter import Finding, Meter, MeterInfo, Part, Role, Source
from energyprof.storable.frozen import dataclass
from energyprof.trace import gains

ROLE: Role = "real"

PARTS: dict[str, Part] = {"package": "cpu", "dram": "dram", "psys": "soc"}

GAINS = {"GenuineIntel": gains.RAPL_INTEL, "AuthenticAMD": gains.RAPL_AMD}
# Models of Intel's family 6: Sandy Bridge (client, server), Ivy Bridge (the same). Linux, intel-family.h.
BEFORE_HASWELL = (42, 45, 58, 62)

# One counter a package. Linux 6.10 takes the core complexes of these for dies (until commit 8d72eba1cf8c
# and its like for powercap), and both views show that counter once a die.
ONE_A_PACKAGE = ("AuthenticAMD", "HygonGenuine")

# perf and powercap read the same register: only the time between their reads tells them apart.
TWIN_TOLERANCE = 0.01

# A counter renews every millisecond. Some hypervisors show one that never does.
ALIVE_S = 0.05

View = TypeVar("View", perf.PerfEvent, powercap.Zone)


@dataclass(frozen=True)
class Counter:
    """One counter and its views: through perf, and through powercap by MSR or by MMIO."""

    name: str  # "package-0-die-1"
    events: Sequence[perf.PerfEvent]
    zones: Sequence[powercap.Zone]

    @property
    def domain(self) -> str:
        """package, dram or psys."""
        return re.split("[-.]", self.name)[0]

    @property
    def whole(self) -> str:
        """The counter of all dies of its package, if there is one: "package-0"."""
        return _of_package(self.name)


@dataclass(frozen=True)
class Way:
    """A view that can be read, and what opens it."""

    info: MeterInfo
    open: Callable[[MeterInfo], Meter]

    def source(self, **changes: Any) -> Source:
        """The meter, with changes to what it says of itself."""
        info = replace(self.info, **changes)
        return Source(info, functools.partial(self.open, info))

    def cross_check(self) -> Source:
        """The meter beside the one that counts, to be held against it."""
        name = self.info.name
        return self.source(
            name=f"{name}:powercap", checks=name, tolerance=TWIN_TOLERANCE, lane="rapl-powercap"
        )


def package_gain(root: Path) -> gains.Gain:
    """What is known of this machine's processor's RAPL."""
    vendor = machine.cpu_vendor(root) or ""
    family, model = (machine.cpu_number(field, root) for field in ("cpu family", "model"))
    if vendor == "GenuineIntel" and family == 6 and model in BEFORE_HASWELL:
        return gains.RAPL_INTEL_MODELLED
    return GAINS.get(vendor, gains.RAPL_UNKNOWN)


def find(root: Path) -> Finding:
    """Σ packages + Σ dram, each counter one meter; psys only where there is no package.

    What both perf and powercap show is read through perf, and through powercap to be held against it.
    """
    folder = root / "sys/class/powercap"
    zones, zones_inside, masked = powercap.read_zones(folder)
    events, events_inside, notes = perf.read_events(root)
    if not zones and not events:
        return _nothing(root, folder, masked, notes)
    vendor = machine.cpu_vendor(root) or ""
    processor = {"device": machine.cpu_model(root), "gain": package_gain(root)}
    virtual = machine.hypervisor(root) is not None
    left_out: list[str] = []
    dead: list[str] = []
    counters = _counters(events, zones, vendor)
    packages = any(counter.domain == "package" for counter in counters)
    counted: dict[str, Source] = {}
    cross_checks: list[Source] = []
    bypassed, no_perf, no_powercap = [], [], []
    closed: dict[str, MeterError] = {}  # their first view's error
    for counter in counters:
        if packages and counter.domain == "psys":
            left_out.append(f"{counter.name} left out: it holds the packages that are counted")
            continue
        if counter.whole != counter.name and counter.whole in counted:
            left_out.append(f"{counter.name} left out: {counter.whole} holds it")
            continue
        by_perf, perf_errors = _through_perf(counter, processor)
        by_powercap, powercap_errors = _through_powercap(counter, processor)
        ways = [way for way in (by_perf, by_powercap) if way]
        if virtual and ways and not any(map(_moves, ways)):
            dead.append(counter.name)
            continue
        if by_perf:
            counted[counter.name] = by_perf.source()
            cross_checks += [by_powercap.cross_check()] if by_powercap else []
        elif by_powercap:
            counted[counter.name] = by_powercap.source()
            bypassed += perf_errors
        else:
            no_perf += perf_errors
            if refused := next(filter(denied_file, powercap_errors), None):
                closed[counter.name] = refused
            no_powercap += [error for error in powercap_errors if not denied_file(error)]
    # The PMU refuses all its events for one reason.
    missing = [*map(str, no_perf[:1]), *_unreadable(folder, closed), *map(str, no_powercap)]
    missing += _sockets_without(root, counters)
    notes += missing
    if masked and not zones:
        notes.append(f"{folder} is masked")
    remedy = _remedy(root, no_perf, closed=bool(closed))
    if dead:
        notes.append(f"{', '.join(dead)} left out: shown by the hypervisor, but standing still")
    if not counted and dead and not remedy:
        return Finding("rapl", ROLE, "absent", reason=f"a virtual machine: {'; '.join(notes)}")
    if not counted:
        remedy = remedy or f"look at {folder} and at dmesg for RAPL"
        return Finding("rapl", ROLE, "blocked", reason="; ".join(notes), remedy=remedy)
    notes += left_out
    if bypassed:
        notes.append(_bypass(root, bypassed[0]))
    if inside := sorted(zones_inside | events_inside):
        notes.append(f"{', '.join(inside)} left out: inside the package")
    if not packages:
        notes.append("psys counts what the vendor put on it, which may include the GPU")
    elif not any(source.info.part == "dram" for source in counted.values()):
        notes.append("no readable dram domain: the memory is not metered")
    return Finding(
        "rapl",
        ROLE,
        "found",
        (*counted.values(), *cross_checks),
        remedy=remedy,
        notes=tuple(notes),
        missing=tuple(missing),
    )


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


def _of_package(name: str) -> str:
    return re.sub(r"-die-\d+$", "", name)


def _counters(events: Sequence[perf.PerfEvent], zones: Sequence[powercap.Zone], vendor: str) -> list[Counter]:
    """The counters in the order package-0, dram-0, package-1, …, each with its views."""

    def by_name(views: Sequence[View]) -> dict[str, list[View]]:
        found: dict[str, list[View]] = {}
        for view in views:
            name = _of_package(view.name) if vendor in ONE_A_PACKAGE else view.name
            found.setdefault(name, []).append(view)
        return found

    def place(name: str) -> tuple[list[int], bool, str]:
        return [int(number) for number in re.findall(r"\d+", name)], name.startswith("dram"), name

    by_perf, by_powercap = by_name(events), by_name(zones)
    names = sorted({*by_perf, *by_powercap}, key=place)
    return [Counter(name, by_perf.get(name, []), by_powercap.get(name, [])) for name in names]


def _through_perf(counter: Counter, processor: Mapping[str, Any]) -> tuple[Way | None, list[MeterError]]:
    """The counter through perf; else why not, if perf should have it."""
    if not counter.events:
        return None, []
    event = counter.events[0]  # further ones, on other CPUs, show the same
    info = _info(
        counter,
        processor,
        method="perf power PMU",
        resolution=event.scale_j,
        max_power_w=powercap.ZONE_MAX_W,
        max_interval_s=perf.MAX_INTERVAL_S,
    )
    way = Way(info, functools.partial(perf.PerfCounter, event=event))
    try:
        way.open(info).close()
    except MeterError as error:
        return None, [error]
    return way, []


def _through_powercap(counter: Counter, processor: Mapping[str, Any]) -> tuple[Way | None, list[MeterError]]:
    """The first zone that can be read and has counted, else that can be read; else what is wrong."""
    readable, problems = [], []
    for zone in counter.zones:
        try:
            unit_j, modulus_j = powercap.unit_and_modulus_j(zone)
            info = _info(
                counter,
                processor,
                method="powercap energy_uj" + (" (MMIO)" if zone.mmio else ""),
                resolution=unit_j,
                max_power_w=powercap.ZONE_MAX_W,
                wraps_at_j=modulus_j,
            )
            meter = powercap.ZoneCounter(info, zone)
        except MeterError as error:
            problems.append(error)
            continue
        meter.close()
        way = Way(info, functools.partial(powercap.ZoneCounter, zone=zone))
        if meter.first_j > 0:
            return way, []
        readable.append(way)
    return (readable[0], []) if readable else (None, problems)


def _info(counter: Counter, processor: Mapping[str, Any], **view: Any) -> MeterInfo:
    """What is known of a counter, its processor and one view of it."""
    return MeterInfo(
        name=f"rapl:{counter.name}",
        kind="rapl",
        part=PARTS[counter.domain],
        boundary="component",
        reads="energy_j",
        refresh_s=0.001,
        lane="rapl",
        device=processor["device"],
        **(gains.RAPL_DRAM if counter.domain == "dram" else processor["gain"]).info(),
        **view,
    )


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
