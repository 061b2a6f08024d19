"""Power limit and clocks of AMD's GPUs, through AMD's library; where there is none, the kernel's limit.

The library writes the kernel's files (Linux, gpu/amdgpu/thermal.rst: power1_cap in µW, pp_od_clk_voltage) and
tells of both what was asked. Setting the clock's range makes the performance level manual, so the level is
read and put back with the range. Both stay until the driver is loaded anew.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from energyprof.errors import MeterError
from energyprof.measure.gpus import amd_driver
from energyprof.measure.lever import Amounts, Lasts, Lever, LeverError, LeverFinding
from energyprof.measure.levers.clocks import ClockValues
from energyprof.measure.levers.sysfs import SysfsControl, number_of, remedy
from energyprof.measure.meters.amd.gpus import Gpu, read_gpus, visible
from energyprof.measure.meters.amd.library import (
    LEVEL_AUTO,
    LEVEL_MANUAL,
    LIBRARY,
    LIMIT_HIGH,
    LIMIT_LOW,
    NO_PERM,
    NOT_SUPPORTED,
    AmdSmiError,
    LibraryMissing,
)
from energyprof.measure.meters.sensors import by_chip, read_sensors

ADDRESS = "amdgpu:"
CLOCKS = ":clocks"
CAP = "power1_cap"
UW, MHZ = 1e-6, 1e6
_LEVELS = {"auto": LEVEL_AUTO, "manual": LEVEL_MANUAL}
_CLOCKS = re.compile(r"(auto|manual) ([0-9]{1,5}) ([0-9]{1,5})")
_REFUSED = {1: "the card takes no such value (amdsmi 1)", NO_PERM: "only root may set it (amdsmi 10)"}


class PowerLimit:
    """The limit of one card, in µW, found by its place on the bus: numbers change from load to load."""

    lasts: Lasts = "boot"

    def __init__(self, place: str, root: Path) -> None:
        """``place`` is "0000:03:00.0"."""
        self.address = ADDRESS + place
        self._place, self._root = place, root

    def read(self) -> str:
        """The limit that was asked. Raises LeverError."""
        try:
            return str(_call(self._place, lambda smi, card: smi.power_cap(card)[0]))
        except MeterError:
            return self._file().read()

    def write(self, text: str) -> None:
        """Ask for another. Raises LeverError."""
        try:
            _call(self._place, lambda smi, card: (smi.power_cap(card), smi.set_power_cap(card, int(text))))
        except AmdSmiError as error:
            if error.code in _REFUSED:
                raise LeverError(f"amdgpu {self._place}: {_REFUSED[error.code]}") from None
            self._file().write(text)
        except MeterError:
            self._file().write(text)

    def _file(self) -> SysfsControl:
        folder = _folders(self._root).get(self._place)
        if folder is None:
            raise LeverError(f"{self.address}: is not there any more")
        return SysfsControl(str((folder / CAP).relative_to(self._root)), self._root)


class ClockRange:
    """What one card's clock is held between, in MHz, and who chooses it: "auto 500 1700"."""

    lasts: Lasts = "boot"

    def __init__(self, place: str) -> None:
        self.address = ADDRESS + place + CLOCKS
        self._place = place

    def read(self) -> str:
        """The range that was asked, and the level. Raises LeverError: it could not be put back."""
        level, (low, high) = self._asked(
            lambda smi, card: (smi.performance_level(card), smi.clock_range(card))
        )
        word = next((word for word, number in _LEVELS.items() if number == level), None)
        if word is None:
            raise LeverError(
                f"amdgpu {self._place}: its performance level is neither auto nor manual (amdsmi {level}), "
                "and with clocks forced the range cannot be put back; set it to auto first"
            )
        return f"{word} {low} {high}"

    def write(self, text: str) -> None:
        """Ask for another. Raises LeverError."""
        found = _CLOCKS.fullmatch(text)
        if found is None:
            raise LeverError(f"amdgpu {self._place}: {text!r} is not a range of clocks")
        self._asked(lambda smi, card: _hold(smi, card, _LEVELS[found[1]], int(found[2]), int(found[3])))

    def _asked(self, what: Callable[[Any, Any], Any]) -> Any:
        try:
            return _call(self._place, what)
        except MeterError as error:
            meaning = _REFUSED.get(getattr(error, "code", 0), str(error))
            raise LeverError(f"amdgpu {self._place}: {meaning}") from None


def _hold(smi: Any, card: Any, level: int, low: int, high: int) -> None:
    ends = [(LIMIT_HIGH, high), (LIMIT_LOW, low)]
    try:
        for which, mhz in ends:
            smi.set_clock_limit(card, which, mhz)
    except AmdSmiError as error:
        if error.code in (NO_PERM, NOT_SUPPORTED):
            raise
        # Each is taken at once, and the lower end must be below the upper: one of the two orders keeps that.
        for which, mhz in reversed(ends):
            smi.set_clock_limit(card, which, mhz)
    if level != LEVEL_MANUAL:
        smi.set_performance_level(card, level)


class _Clocks(ClockValues):
    """Values such as 1200MHz or 500MHz-1200MHz."""

    def own(self, value: str) -> str:
        least, most = map(int, self.ends(value))
        if least == most:  # no card takes equal ends
            least = max(most - 1, round(self._amounts.low / MHZ))
            most = least + 1
        return f"manual {least} {most}"

    def shown(self, text: str) -> str:
        level, *ends = text.split(" ")
        shown = self.span(ends)
        return f"{shown}, automatic" if level == "auto" else shown


def find(root: Path) -> LeverFinding:
    """The levers of every card that ROCm's variables let a program see, numbered as the meter does."""
    if not amd_driver(root):
        return LeverFinding("amdgpu", reason="no AMD GPU")
    gpus, notes = _gpus(root)
    chosen, remarks = visible(gpus, os.environ)
    found = [_levers(gpu, root) for gpu in chosen]
    problems = [*notes, *remarks, *(problem for _, problems in found for problem in problems)]
    levers = tuple(lever for levers, _ in found for lever in levers)
    return LeverFinding("amdgpu", levers, "; ".join(problems) or ("" if levers else "no AMD GPU"))


def control(address: str, root: Path) -> PowerLimit | ClockRange:
    """The control at an address. Raises LeverError: the card is gone."""
    place = address.removeprefix(ADDRESS).removesuffix(CLOCKS)
    if place not in {gpu.bdf for gpu in _gpus(root)[0]}:
        raise LeverError(f"{address}: is not there any more")
    return ClockRange(place) if address.endswith(CLOCKS) else PowerLimit(place, root)


def _gpus(root: Path) -> tuple[list[Gpu], list[str]]:
    try:
        smi = LIBRARY.acquire()
    except MeterError:
        return read_gpus(None, root)
    try:
        return read_gpus(smi, root)
    except MeterError:
        return read_gpus(None, root)
    finally:
        LIBRARY.release()


def _folders(root: Path) -> dict[str, Path]:
    """The folder of each card's sensors, by its place."""
    chips = by_chip(read_sensors(root / "sys/class/hwmon"))
    return {place: sensors[0].path.parent for (chip, place), sensors in chips.items() if chip == "amdgpu"}


def _levers(gpu: Gpu, root: Path) -> tuple[list[Lever], list[str]]:
    """The card's levers, and why it lacks one."""
    device, levers, problems = f"amdgpu:{gpu.index}", [], []
    root_only = "" if os.geteuid() == 0 else "sudo"
    file = folder / CAP if (folder := _folders(root).get(gpu.bdf)) else None
    here = remedy(file) if file is not None and file.exists() else root_only
    try:
        _, low, high = _call(gpu.bdf, lambda smi, card: smi.power_cap(card))
    except MeterError:
        low, high = _limits(file) if file is not None and file.exists() else (0, 0)
    if high:
        watts = Amounts("W", UW, low * UW, high * UW)
        levers.append(Lever("gpu.power_limit", device, PowerLimit(gpu.bdf, root), watts, device, here))
    else:
        problems.append(f"the power limit of {device} cannot be set: the driver has none")
    clocks = ClockRange(gpu.bdf)
    try:
        # No further than what is asked now: beyond may lie overclocking.
        _, low, high = clocks.read().split(" ")
        values = _Clocks(Amounts("Hz", MHZ, int(low) * MHZ, int(high) * MHZ))
        levers.append(Lever("gpu.clocks", device, clocks, values, remedy=root_only))
    except LeverError as error:
        problems.append(f"the clocks of {device} cannot be locked: {error}")
    return levers, problems


def _limits(file: Path) -> tuple[int, int]:
    low, high = (number_of(file.with_name(f"{CAP}_{end}")) or 0 for end in ("min", "max"))
    return low, high


def _call(place: str, what: Callable[[Any, Any], Any]) -> Any:
    """What a call on the card at that place answers. Raises MeterError."""
    smi = LIBRARY.acquire()
    try:
        for card in smi.gpus():
            if smi.bdf(card) == place:
                return what(smi, card)
        raise LibraryMissing(f"AMD's library does not list the card at {place}")
    finally:
        LIBRARY.release()
