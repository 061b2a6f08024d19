"""pyRAPL as a meter: what this library says of the counters that ``rapl`` reads itself, for comparison.

It has been unmaintained since 2019 and does not undo the wrap of a counter; that is done here.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import logging
import os
import re
import warnings
from pathlib import Path
from typing import Any

from energyprof.errors import MeterError
from energyprof.measure import machine
from energyprof.measure.meters.rapl.powercap import (
    CHMOD,
    UJ_PER_J,
    ZONE_MAX_W,
    Zone,
    read_zones,
    unit_and_modulus_j,
)
from energyprof.measure.meters.rapl.views import PARTS, package_gain
from energyprof.meter import Finding, MeterInfo, Role, Source
from energyprof.trace.gains import RAPL_DRAM, Gain

ROLE: Role = "cross-check"

# It knows these names alone: a package of several dies has others, and its index is not a socket's.
_NAMES = re.compile(r"(package|dram)-(\d+)")

# One register read twice within milliseconds.
TOLERANCE = 0.01

NOTE = "pyRAPL has been unmaintained since 2019 and undoes no wraps: energyprof undoes them"


def find(root: Path) -> Finding:
    """The package and the memory of each socket, without importing pyRAPL, which may load pandas."""
    if importlib.util.find_spec("pyRAPL") is None:
        reason = "pyRAPL is not installed: pip install 'energyprof[pyrapl]'"
        return Finding("pyrapl", ROLE, "absent", reason=reason)
    if root.resolve() != Path("/"):
        reason = f"pyRAPL reads /sys itself and cannot be pointed at {root}"
        return Finding("pyrapl", ROLE, "absent", reason=reason)
    zones, _, _ = read_zones(root / "sys/class/powercap")
    zones = [zone for zone in zones if zone.domain in ("package", "dram") and not zone.mmio]
    if not zones:
        return Finding("pyrapl", ROLE, "absent", reason="pyRAPL needs powercap, which shows no zone here")
    known = [zone for zone in zones if _NAMES.fullmatch(zone.name)]
    if not any(zone.domain == "package" for zone in known):
        reason = f"pyRAPL does not know zones such as {zones[0].name}"
        return Finding("pyrapl", ROLE, "absent", reason=reason)
    if not all(os.access(zone.path / "energy_uj", os.R_OK) for zone in known):
        reason = "the counters in /sys/class/powercap may not be read"
        return Finding("pyrapl", ROLE, "blocked", reason=reason, remedy=CHMOD)
    package, device = package_gain(root), machine.cpu_model(root)
    sources, notes = [], [NOTE]
    for zone in known:
        try:
            info = _info(zone, package, device)
        except MeterError as error:
            notes.append(str(error))
            continue
        sources.append(Source(info, functools.partial(Pyrapl, info)))
    if not sources:
        return Finding("pyrapl", ROLE, "blocked", reason="; ".join(notes[1:]))
    return Finding("pyrapl", ROLE, "found", tuple(sources), notes=tuple(notes), missing=tuple(notes[1:]))


def _info(zone: Zone, package: Gain, device: str) -> MeterInfo:
    """As ``rapl`` describes the same counter. Raises MeterError if its range is unknown."""
    unit_j, modulus_j = unit_and_modulus_j(zone)
    gain = RAPL_DRAM if zone.domain == "dram" else package
    return MeterInfo(
        name=f"pyrapl:{zone.name}",
        kind="pyrapl",
        part=PARTS[zone.domain],
        boundary="component",
        reads="energy_j",
        method="pyRAPL Sensor.energy()",
        resolution=unit_j,
        refresh_s=0.001,
        **gain.info(),
        max_power_w=ZONE_MAX_W,
        wraps_at_j=modulus_j,
        device=device,
        lane="pyrapl",
        checks=f"rapl:{zone.name}",
        tolerance=TOLERANCE,
    )


def _import() -> Any:
    """The package, imported without its words: it misses databases, and says so through the root logger."""
    handlers, level = logging.root.handlers[:], logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pyrapl = importlib.import_module("pyRAPL")
    finally:
        logging.root.handlers[:] = handlers
        logging.disable(level)
    return pyrapl


class Pyrapl:
    """One counter of one socket."""

    def __init__(self, info: MeterInfo) -> None:
        """Raises MeterError if pyRAPL cannot read this counter."""
        self.info = info
        domain, socket = info.name.removeprefix("pyrapl:").split("-")
        self._sensor: Any = None
        try:
            pyrapl = _import()
            device = pyrapl.Device.DRAM if domain == "dram" else pyrapl.Device.PKG
            # Sensor.energy(): package and memory of socket 0, of socket 1, …; -1 for what it does not read.
            self._place = 2 * int(socket) + int(device)
            with warnings.catch_warnings():
                # It leaves the files in which it looks the sockets up to the garbage collector.
                warnings.simplefilter("ignore", ResourceWarning)
                self._sensor = pyrapl.Sensor(devices=[device], socket_ids=[int(socket)])
            self.read()
        except MeterError:
            self.close()
            raise
        except ImportError as error:
            raise MeterError(f"{info.name}: {error}: pip install 'energyprof[pyrapl]'") from error
        except Exception as error:  # its own exceptions carry no words, and it checks little
            raise MeterError(f"{info.name}: pyRAPL: {type(error).__name__} {error}".rstrip()) from error

    def read(self) -> float:
        """The counter in J, as of the last wrap."""
        try:
            energy_uj = float(self._sensor.energy()[self._place])  # its documentation says J
        except (OSError, ValueError, IndexError) as error:
            raise MeterError(f"{self.info.name}: pyRAPL: {error}") from error
        if not 0 <= energy_uj / UJ_PER_J < (self.info.wraps_at_j or 0):
            raise MeterError(f"{self.info.name}: pyRAPL gave {energy_uj:g} µJ")
        return energy_uj / UJ_PER_J

    def close(self) -> None:
        """Closes the files that pyRAPL keeps open; a second call does nothing."""
        sensor, self._sensor = self._sensor, None
        for interface in getattr(sensor, "_device_api", {}).values():
            for file in interface._sys_files:
                file.close()
