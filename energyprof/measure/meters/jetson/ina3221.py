"""The channels of TI's power monitor INA3221, by the driver of JetPack 4 or by that of JetPack 5 and later.

``ina3221x`` (IIO, Linux 4.9 for Tegra) has files in mV, mA and mW. ``ina3221`` (hwmon, Documentation/hwmon/
ina3221.rst) has mV and mA, and each read waits until the chip has converted all its channels once more.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from energyprof.errors import MeterError
from energyprof.meter import MeterInfo
from energyprof.storable.frozen import dataclass

# Datasheet SBOS576, "Electrical Characteristics": a step and the largest offset of the shunt voltage.
STEP_V = 40e-6
OFFSET_V = 80e-6

# AGX Xavier and Orin NX; an AGX Orin has 2 mΩ. JetPack 4 does not tell.
USUAL_SHUNT_OHM = 0.005

# The chip measures no higher voltage.
BUS_MAX_V = 26.0

# JetPack 4's driver averages as the device tree says, and sysfs does not show that. Assumed: 64 conversions
# of 140 µs, of voltage and of current, on three channels.
UNTOLD_REFRESH_S = 0.054

DRIVERS = Path("sys/bus/i2c/drivers")


@dataclass(frozen=True)
class Channel:
    """One rail: its label without spaces, its chip ("1-0040"), its files and their unit scale."""

    label: str
    chip: str
    driver: str  # "ina3221x" or "ina3221"
    folder: Path
    number: str

    def file(self, quantity: str) -> Path:
        """Where a quantity ("voltage", "current", "power", "enable", "shunt") stands; it may be missing."""
        names = {
            "ina3221x": {
                "voltage": f"in_voltage{self.number}_input",
                "current": f"in_current{self.number}_input",
                "power": f"in_power{self.number}_input",
            },
            "ina3221": {
                "voltage": f"in{self.number}_input",
                "current": f"curr{self.number}_input",
                "enable": f"in{self.number}_enable",
                "shunt": f"shunt{self.number}_resistor",
            },
        }
        return self.folder / names[self.driver].get(quantity, f"no_{quantity}")


@dataclass(frozen=True)
class Scale:
    """What a channel's configuration says of its readings."""

    voltage_v: float
    step_w: float  # one step of the shunt voltage, as power
    offset_w: float  # the largest zero error, as power
    refresh_s: float  # until all channels of the chip are converted anew
    window_s: float  # how long one channel is converted


def read_channels(root: Path) -> list[Channel]:
    """Every channel with a rail, sorted by chip; "NC" is not connected, the seventh a sum of voltages."""
    found = []
    for pattern, driver, number in (
        ("ina3221x/*/iio:device*/rail_name_*", "ina3221x", r"rail_name_([0-2])"),
        ("ina3221/*/hwmon/hwmon*/in*_label", "ina3221", r"in([1-3])_label"),
    ):
        for path in sorted((root / DRIVERS).glob(pattern)):
            name = re.fullmatch(number, path.name)
            try:
                label = "".join(path.read_text(errors="replace").split())
            except OSError:
                label = path.name  # the reading will fail too, and tell why
            if name and label and label != "NC":
                # Folders: chip/iio:device0 or chip/hwmon/hwmon3.
                chip = path.relative_to(root / DRIVERS / driver).parts[0]
                found.append(Channel(label, chip, driver, path.parent, name[1]))
    return found


def look(channel: Channel) -> Scale:
    """What a channel's readings are worth, from its files and one reading.

    Raises:
        MeterError: it is switched off, or cannot be read; the ``OSError`` is its cause.
    """
    if _optional(channel.file("enable")) == 0:
        raise MeterError(f"{channel.label}: switched off ({channel.file('enable')} is 0)")
    with _File(channel.file("voltage"), channel.label) as voltage:
        voltage_v = voltage.number() / 1000
    for quantity in ("current", "power") if channel.file("power").exists() else ("current",):
        with _File(channel.file(quantity), channel.label) as file:
            file.number()
    shunt_ohm = (_optional(channel.file("shunt")) or 0) / 1e6 or USUAL_SHUNT_OHM
    interval_ms = _optional(channel.folder / "update_interval")
    refresh_s = interval_ms / 1000 if interval_ms is not None else UNTOLD_REFRESH_S
    return Scale(
        voltage_v,
        step_w=STEP_V / shunt_ohm * voltage_v,
        offset_w=OFFSET_V / shunt_ohm * voltage_v,
        refresh_s=refresh_s,
        window_s=refresh_s / 3,
    )


class Ina3221:
    """One rail's power, its files kept open."""

    def __init__(self, info: MeterInfo, channel: Channel) -> None:
        """Raises MeterError if a file cannot be opened."""
        self.info = info
        quantities = ("power",) if channel.file("power").exists() else ("current", "voltage")
        self._files: list[_File] = []
        try:
            for quantity in quantities:
                self._files.append(_File(channel.file(quantity), info.name))
        except MeterError:
            self.close()
            raise

    def read(self) -> float:
        """The power in W; a reading below zero by no more than the chip's zero error is 0."""
        numbers = [file.number() for file in self._files]
        if len(numbers) == 1:
            power_w = numbers[0] / 1000
        else:
            current_ma, voltage_mv = numbers
            if not 0 <= voltage_mv <= BUS_MAX_V * 1000:
                raise MeterError(f"{self.info.name}: {voltage_mv} mV is not a voltage an INA3221 can show")
            power_w = current_ma * voltage_mv / 1e6
        if power_w < -(self.info.offset_a_w + self.info.resolution):
            raise MeterError(f"{self.info.name}: {power_w:g} W is further below zero than its zero error")
        return max(0.0, power_w)

    def close(self) -> None:
        """Closes the files; a second call does nothing."""
        for file in self._files:
            file.close()


class _File:
    """A file of sysfs with one whole number."""

    def __init__(self, path: Path, name: str) -> None:
        self._path, self._name = path, name
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise MeterError(f"{name}: {path}: {error.strerror}") from error

    def number(self) -> int:
        """Its number now. Raises MeterError if there is none."""
        try:
            text = os.pread(self._file, 32, 0)
        except OSError as error:
            raise MeterError(f"{self._name}: {self._path}: {error.strerror}") from error
        if not re.fullmatch(rb"\s*-?\d{1,9}\s*", text):
            raise MeterError(f"{self._name}: {self._path}: {text[:20]!r} is not a whole number")
        return int(text)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _optional(path: Path) -> int | None:
    """The number in a file that a driver may lack."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
