"""The power and energy sensors that the kernel lists under ``/sys/class/hwmon``, by chip, label and address.

Linux, Documentation/hwmon/sysfs-interface.rst: powers in µW, energies in µJ, intervals in ms.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from energyprof.meter import Quantity
from energyprof.storable.frozen import dataclass

_VALUE = re.compile(r"(power|energy)(\d+)_(input|average)")

# Jetson's rails are a kind of their own, and so are batteries (Documentation/ABI/testing/sysfs-class-power).
_ELSEWHERE = ("ina3221",)
_SUPPLIES = ("Battery", "UPS", "Mains", "USB", "Wireless")


@dataclass(frozen=True)
class Sensor:
    """One channel of one chip."""

    path: Path  # the file with its value
    chip: str  # "amdgpu"
    channel: str  # "power1"
    label: str  # as the driver or the firmware writes it; "" without one
    address: str  # where the chip is: "0000:03:00.0", "ACPI000D:00"; "" without a device

    @property
    def name(self) -> str:
        """The same after the next boot, unlike the number in "hwmon3": "hwmon:amdgpu:ppt:0000:03:00.0".

        Only that number tells chips without a device apart.
        """
        label = re.sub(r"[^a-z0-9.+]+", "-", (self.label or self.channel).lower()).strip("-")
        return ":".join(word for word in ("hwmon", self.chip, label, self.place) if word)

    @property
    def place(self) -> str:
        """Its chip's address, else the folder of this boot."""
        return self.address or self.path.parent.name

    @property
    def reads(self) -> Quantity:
        """A power or a counter."""
        return "energy_j" if self.channel.startswith("energy") else "power_w"

    def attribute(self, name: str) -> str:
        """What its file ``power1_NAME`` says; "" if there is none."""
        return read_text(self.path.with_name(f"{self.channel}_{name}"))

    def interval_s(self) -> float:
        """Over how long a power is averaged; 0 if nothing says so."""
        if not self.path.name.endswith("_average"):
            return 0.0
        text = self.attribute("average_interval")
        return int(text) / 1000 if text.isdigit() else 0.0


def read_sensors(folder: Path) -> list[Sensor]:
    """All of them, by chip and address, a chip's counters first."""
    try:
        entries = sorted(entry for entry in folder.iterdir() if entry.name.startswith("hwmon"))
    except OSError:
        return []
    found = [sensor for entry in entries for sensor in _of_chip(entry)]

    def place(sensor: Sensor) -> tuple[str, str, str, int]:
        kind, number = re.findall(r"[a-z]+|\d+", sensor.channel)
        return sensor.chip, sensor.address, kind, int(number)

    return sorted(found, key=place)


def by_chip(sensors: Sequence[Sensor]) -> dict[tuple[str, str], list[Sensor]]:
    """The sensors of each chip by its name and place; two of one name differ in their places."""
    chips: dict[tuple[str, str], list[Sensor]] = {}
    for sensor in sensors:
        chips.setdefault((sensor.chip, sensor.place), []).append(sensor)
    return chips


def step(value_u: int) -> float:
    """The coarsest of 1, 0.1, … 1e-6 W or J that divides a reading in millionths: its step is no finer.

    A driver that counts in whole watts writes six zeros.
    """
    exponent = 0
    while exponent < 6 and value_u % 10 ** (6 - exponent):
        exponent += 1
    return 10.0**-exponent


def read_text(path: Path) -> str:
    """What the file says, without its line's end; "" if it cannot be read."""
    with suppress(OSError):
        return path.read_text(errors="replace").strip()
    return ""


def _of_chip(entry: Path) -> Iterator[Sensor]:
    device = entry / "device"
    chip = read_text(entry / "name") or read_text(device / "name")
    # A battery has a hwmon entry too.
    if not chip or chip.startswith(_ELSEWHERE) or read_text(device / "type") in _SUPPLIES:
        return
    # Drivers that register in the old way (acpi_power_meter) keep their files with the device.
    for place in (entry, device):
        files = _values(place)
        for channel, file in files.items():
            label = read_text(place / f"{channel}_label") or read_text(place / f"{channel}_oem_info")
            address = device.resolve().name if device.exists() else ""
            yield Sensor(file, chip, channel, label, address)
        if files:
            return


def _values(place: Path) -> dict[str, Path]:
    """Channel -> the file with its value: the average, if it has both, since it misses nothing."""
    found: dict[str, Path] = {}
    with suppress(OSError):
        for path in sorted(place.iterdir()):  # power1_average comes before power1_input
            match = _VALUE.fullmatch(path.name)
            if match:
                found.setdefault(match[1] + match[2], path)
    return found
