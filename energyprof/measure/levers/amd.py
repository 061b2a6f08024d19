"""Power limits of AMD's GPUs, as the kernel offers them (Linux, gpu/amdgpu/thermal.rst: power1_cap, in µW).

AMD's library writes the same register. The kernel's file needs no library, and tells what was asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from energyprof.measure.gpus import amd_driver
from energyprof.measure.lever import Amounts, Lever, LeverError, LeverFinding
from energyprof.measure.levers.sysfs import SysfsControl, number_of, remedy
from energyprof.measure.meters.sensors import by_chip, read_sensors

ADDRESS = "amdgpu:"
CAP = "power1_cap"
UW = 1e-6


class CardLimit(SysfsControl):
    """The limit of one card, found by its place on the bus: hwmon's numbers change from load to load."""

    def __init__(self, place: str, path: str, root: Path) -> None:
        """``place`` is "0000:03:00.0"."""
        super().__init__(path, root)
        self.address = ADDRESS + place


def find(root: Path) -> LeverFinding:
    """The limit of every card that has one, in the order of the PCI bus, as the meter numbers them."""
    if not amd_driver(root):
        return LeverFinding("amdgpu", reason="no AMD GPU")
    levers = [lever for index, place in enumerate(_cards(root)) for lever in _levers(index, place, root)]
    return LeverFinding("amdgpu", tuple(levers), "" if levers else "no AMD GPU whose limit can be set")


def control(address: str, root: Path) -> CardLimit:
    """The control at an address. Raises LeverError: the card is gone."""
    place = address.removeprefix(ADDRESS)
    folder = _cards(root).get(place)
    if folder is None:
        raise LeverError(f"{address}: is not there any more")
    return CardLimit(place, str((folder / CAP).relative_to(root)), root)


def _cards(root: Path) -> dict[str, Path]:
    """The folder of each card's sensors, by its place."""
    chips = by_chip(read_sensors(root / "sys/class/hwmon"))
    found = {place: sensors[0].path.parent for (chip, place), sensors in chips.items() if chip == "amdgpu"}
    return dict(sorted(found.items()))


def _levers(index: int, place: str, root: Path) -> Iterator[Lever]:
    folder = _cards(root)[place]
    low, high = number_of(folder / f"{CAP}_min"), number_of(folder / f"{CAP}_max")
    if (folder / CAP).exists() and high:
        device = f"amdgpu:{index}"
        watts = Amounts("W", UW, (low or 0) * UW, high * UW)
        limit = CardLimit(place, str((folder / CAP).relative_to(root)), root)
        yield Lever("gpu.power_limit", device, limit, watts, device, remedy(folder / CAP))
