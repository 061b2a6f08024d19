"""RAPL's counters, each with its views: one register shown through perf, through powercap, or both."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from energyprof.errors import MeterError
from energyprof.measure import machine
from energyprof.measure.meters.rapl import perf, powercap
from energyprof.meter import Meter, MeterInfo, Part, Source
from energyprof.storable.frozen import dataclass
from energyprof.trace import gains

PARTS: dict[str, Part] = {"package": "cpu", "dram": "dram", "psys": "soc"}

GAINS = {"GenuineIntel": gains.RAPL_INTEL, "AuthenticAMD": gains.RAPL_AMD}
# Models of Intel's family 6: Sandy Bridge (client, server), Ivy Bridge (the same). Linux, intel-family.h.
BEFORE_HASWELL = (42, 45, 58, 62)

# One counter a package. Linux 6.10 takes the core complexes of these for dies (until commit 8d72eba1cf8c
# and its like for powercap), and both views show that counter once a die.
ONE_A_PACKAGE = ("AuthenticAMD", "HygonGenuine")

# perf and powercap read the same register: only the time between their reads tells them apart.
TWIN_TOLERANCE = 0.01

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


def counters_of(
    events: Sequence[perf.PerfEvent], zones: Sequence[powercap.Zone], vendor: str
) -> list[Counter]:
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


def _of_package(name: str) -> str:
    return re.sub(r"-die-\d+$", "", name)


def through_perf(counter: Counter, processor: Mapping[str, Any]) -> tuple[Way | None, list[MeterError]]:
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


def through_powercap(counter: Counter, processor: Mapping[str, Any]) -> tuple[Way | None, list[MeterError]]:
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
