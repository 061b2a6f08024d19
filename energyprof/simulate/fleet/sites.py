"""Where a fleet's clients and its server take their power, and what a kWh emits there as time goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from energyprof.decode import Name, Range
from energyprof.errors import UsageError
from energyprof.simulate import factors
from energyprof.simulate.fleet.device import Device
from energyprof.simulate.fleet.doubts import Doubts, settled
from energyprof.simulate.sites import of_grid
from energyprof.simulate.tables import decoded
from energyprof.simulate.traces import read_trace
from energyprof.simulate.traces.trace import IntensityTrace
from energyprof.storable.frozen import dataclass

# What panels give: clients with a panel and no site.
SUN = "the sun"


@dataclass(frozen=True)
class FleetSite:
    """``g_per_kwh`` is a grid's mean; where there is a trace, that says it at each time."""

    name: str
    pue: float
    g_per_kwh: float
    trace: IntensityTrace | None = None
    said: str = "given"


@dataclass(frozen=True)
class _Said:
    name: Name
    pue: Annotated[float, Range(1, 10)] = 1.0
    intensity: Annotated[float, Range(0, 5000)] | None = None
    country: str | None = None
    trace: str | None = None
    column: str | None = None


def read_sites(entries: Sequence[Any], path: Path, doubts: Doubts) -> dict[str, FleetSite]:
    """The [[site]] tables by name.

    Raises:
        FileError: a trace cannot be read.
        UsageError: something in one is missing, unknown or impossible, or two have one name.
    """
    found: dict[str, FleetSite] = {}
    for number, entry in enumerate(entries, 1):
        at = f"site.{entry['name']}" if isinstance(entry, dict) and isinstance(entry.get("name"), str) else ""
        said = decoded(_Said, settled(entry, at, doubts, str(path)), f"{path}: [[site]] {number}")
        if said.name in found:
            raise UsageError(f"{path}: sites: {said.name} stands there twice")
        found[said.name] = _site(said, path)
    return found


def _site(said: _Said, path: Path) -> FleetSite:
    where = f"{path}: site {said.name}"
    if len([1 for way in (said.intensity, said.country, said.trace) if way is not None]) != 1:
        raise UsageError(f"{where}: give one of intensity, country, trace")
    if said.trace is not None:
        trace = read_trace(path.parent / said.trace, said.column)
        return FleetSite(said.name, said.pue, trace.quantity().value, trace, trace.said)
    if said.country is not None:
        grid = of_grid(said.country, f"{where}: country")
        return FleetSite(said.name, said.pue, grid.value, None, grid.source)
    assert said.intensity is not None
    return FleetSite(said.name, said.pue, said.intensity)


def with_sun(
    sites: Mapping[str, FleetSite], devices: Sequence[Device], doubts: Doubts
) -> tuple[tuple[FleetSite, ...], tuple[int | None, ...]]:
    """All sites, and that of each device; ``None``: it has none, so its carbon is not known.

    Without any site nobody asked for carbon.
    """
    listed = dict(sites)
    if listed and any(_sunny(device) for device in devices):
        solar = factors.Table({}).quantity("intensity.solar", "factors")
        listed[SUN] = FleetSite(SUN, 1.0, solar.value, None, solar.source)
        doubts[f"site.{SUN}.intensity"] = solar
    names = list(listed)
    of = [device.site if device.site is not None else (SUN if _sunny(device) else None) for device in devices]
    return tuple(listed.values()), tuple(names.index(name) if name in listed else None for name in of)


def _sunny(device: Device) -> bool:
    return device.site is None and device.panel_w > 0
