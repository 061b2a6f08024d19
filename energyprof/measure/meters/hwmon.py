"""The kernel's own sensors: GPUs, server boards (ACPI), NVIDIA Grace, some power supplies."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from energyprof.errors import MeterError
from energyprof.measure.meters.denied import opening
from energyprof.measure.meters.sensors import Sensor, by_chip, read_sensors, read_text, step
from energyprof.meter import Boundary, Finding, MeterInfo, Part, Role, Source
from energyprof.storable.frozen import dataclass
from energyprof.trace.gains import BMC, BOARD_SENSOR, RAPL_AMD, Gain

ROLE: Role = "cross-check"

# Of a chip that does not say how often it measures.
REFRESH_S = 0.1
# An average whose driver does not tell over what: about a second in firmware that is known.
AVERAGE_S = 1.0


@dataclass(frozen=True)
class Chip:
    """What one kind of chip measures."""

    part: Part
    boundary: Boundary
    max_power_w: float  # twice the largest there are; the limits that a chip tells are settings
    counts: str  # the labels that are counted, as a pattern; "" is the first sensor alone
    gain: Gain = BOARD_SENSOR


# Linux, Documentation/hwmon and Documentation/ABI/testing/sysfs-driver-intel-{xe,i915}-hwmon. The first
# sensor holds the others: a card its package (xe), a power supply its rails.
CHIPS = {
    "amdgpu": Chip("gpu", "component", 2000.0, ""),
    "xe": Chip("gpu", "component", 2000.0, ""),
    "i915": Chip("gpu", "component", 2000.0, ""),
    "nouveau": Chip("gpu", "component", 2000.0, ""),
    "amd_energy": Chip("cpu", "component", 1000.0, r"Esocket\d+", RAPL_AMD),
    "corsairpsu": Chip("machine", "node_dc", 3000.0, ""),
}
BOARD = Chip("board", "component", 1000.0, "")
NODE = Chip("machine", "node_dc", 20_000.0, "", BMC)

# NVIDIA Grace Performance Tuning Guide, "Power Telemetry": the module holds the Grace socket (and the GPU,
# where there is one), and that its CPU, its system I/O and its memory.
GRACE = re.compile(r"(Module|Grace|CPU) Power Socket (\d+)|(SysIO) Power Socket \d+")
GRACE_CHIPS = {
    "Module": Chip("soc", "module", 4000.0, ""),
    "Grace": Chip("cpu", "component", 1000.0, ""),
    "CPU": Chip("cpu", "component", 1000.0, ""),
}


def find(root: Path) -> Finding:
    """Every sensor that holds no other one's joules; what lies within another is named in the notes."""
    folder = root / "sys/class/hwmon"
    sensors = read_sensors(folder)
    if not sensors:
        reason = f"no sensor of power or energy in {folder}"
        return Finding("hwmon", ROLE, "absent", reason=reason)
    chosen, notes = _choose(sensors)
    sources: list[Source] = []
    errors: list[MeterError] = []
    for sensor, chip in chosen:
        try:
            info = sensor_info(sensor, chip)
        except MeterError as error:
            errors.append(error)
            continue
        sources.append(Source(info, functools.partial(Hwmon, info, sensor.path), sensor.place))
        if info.part == "soc" and sensor.chip == "amdgpu":
            notes.append(f"{info.name} holds the CPU too: the GPU is part of the processor")
    missing, remedy = list(map(str, errors)), opening(errors)
    notes += missing
    if sources:
        return Finding(
            "hwmon",
            ROLE,
            "found",
            tuple(sources),
            remedy=remedy,
            notes=tuple(notes),
            missing=tuple(missing),
        )
    if chosen:
        return Finding("hwmon", ROLE, "blocked", reason="; ".join(notes), remedy=remedy)
    return Finding("hwmon", ROLE, "absent", reason="; ".join(notes))


def _choose(sensors: Sequence[Sensor]) -> tuple[list[tuple[Sensor, Chip]], list[str]]:
    """The sensors to read, none of which lies within another, and what is left out and why."""
    chosen, notes = _acpi([sensor for sensor in sensors if sensor.chip == "power_meter"])
    unknown: list[Sensor] = []
    for (name, _), parts in by_chip(sensors).items():
        if name == "power_meter" or name.startswith("i915_gt"):  # i915_gt0 is a tile of i915
            continue
        chip = CHIPS.get(name)
        if chip is None:
            unknown += parts
            continue
        counted = [s for s in parts if re.fullmatch(chip.counts, s.label)] if chip.counts else parts[:1]
        chosen += [(sensor, chip) for sensor in counted]
        inside = [sensor for sensor in parts if sensor not in counted]
        if inside and counted:
            notes.append(f"{_short(inside)} left out: inside {_short(counted)}")
    if len(unknown) == 1:
        chosen.append((unknown[0], BOARD))
        notes.append(f"{unknown[0].name}: nothing says what it feeds")
    elif unknown:
        notes.append(f"{_short(unknown)} left out: nothing says which of them feeds which")
    return chosen, notes


def _acpi(meters: Sequence[Sensor]) -> tuple[list[tuple[Sensor, Chip]], list[str]]:
    """The node's meter, or each Grace socket's outermost one."""
    sockets: dict[str, dict[str, Sensor]] = {}
    plain, notes = [], []
    for sensor in meters:
        match = GRACE.fullmatch(sensor.label)
        if match is None:
            plain.append(sensor)
        elif match[1]:
            sockets.setdefault(match[2], {})[match[1]] = sensor
    chosen: list[tuple[Sensor, Chip]] = []
    for socket in sorted(sockets, key=int):
        kind = next(kind for kind in GRACE_CHIPS if kind in sockets[socket])
        chosen.append((sockets[socket][kind], GRACE_CHIPS[kind]))
    inside = [s for s in meters if s not in plain and all(s is not counted for counted, _ in chosen)]
    if inside:
        notes.append(f"{_short(inside)} left out: inside {_short([sensor for sensor, _ in chosen])}")
    if any(chip.boundary == "module" for _, chip in chosen):
        notes.append("a module's power holds its GPU, where it has one")
    if len(plain) == 1:
        chosen.append((plain[0], NODE))
    elif plain:
        notes.append(f"{_short(plain)} left out: nothing says which of them holds which")
    return chosen, notes


def sensor_info(sensor: Sensor, chip: Chip) -> MeterInfo:
    """What the sensor's files tell. Raises MeterError if it has no reading."""
    draft = MeterInfo(
        name=sensor.name,
        kind="hwmon",
        part=part_of(sensor, chip),
        boundary=chip.boundary,
        reads=sensor.reads,
        method=f"hwmon {sensor.chip} {sensor.path.name}",
        resolution=1.0,
        refresh_s=REFRESH_S,
        **chip.gain.info(),
        max_power_w=chip.max_power_w,
        device=sensor.address,
        may_be_zero=part_of(sensor, chip) == "board",  # a rail can be switched off
    )
    meter = Hwmon(draft, sensor.path)
    try:
        first = meter.read()
    finally:
        meter.close()
    interval_s, update_ms = sensor.interval_s(), read_text(sensor.path.with_name("update_interval"))
    averages = sensor.path.name.endswith("_average")
    gain = _accuracy(sensor) or chip.gain.info()
    socket = re.fullmatch(r"Esocket(\d+)", sensor.label)
    return replace(
        draft,
        resolution=step(round(first * 1e6)),
        refresh_s=interval_s or (int(update_ms) / 1000 if update_ms.isdigit() else 0.0) or REFRESH_S,
        window_s=interval_s or (AVERAGE_S if averages else 0.0),
        window_assumed=averages and not interval_s,
        **gain,
        max_power_w=chip.max_power_w,
        # amd_energy reads the register that RAPL reads.
        checks=f"rapl:package-{socket[1]}" if socket else "",
        tolerance=0.01 if socket else 0.0,
    )


def part_of(sensor: Sensor, chip: Chip) -> Part:
    """The chip's part; amdgpu's power on an APU holds the CPU (Linux, amdgpu_pm.c, "hwmon").

    An APU has no limit to set, or two of them with other labels (Van Gogh).
    """
    if sensor.chip == "amdgpu" and (sensor.label not in ("", "PPT") or not sensor.attribute("cap")):
        return "soc"
    return chip.part


def _accuracy(sensor: Sensor) -> Mapping[str, Any] | None:
    """A half-width from "98.500%", which ACPI means as 98.5 % right; some firmware claims to be perfect."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)%", sensor.attribute("accuracy"))
    if match is None or not 50 <= float(match[1]) < 100:
        return None
    words = f"the firmware's own figure: {match[0]} accurate"
    half_width = 1 - float(match[1]) / 100
    return {"gain_a": half_width, "gain_below": None, "gain_above": None, "gain_source": words}


def _short(sensors: Sequence[Sensor]) -> str:
    return ", ".join(sensor.name.removeprefix("hwmon:") for sensor in sensors)


class Hwmon:
    """One sensor, its file kept open."""

    def __init__(self, info: MeterInfo, path: Path) -> None:
        """Raises MeterError if the file may not be read."""
        self.info = info
        self._path = path
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise MeterError(f"{info.name}: {path}: {error.strerror}") from error

    def read(self) -> float:
        """W or J, now."""
        try:
            text = os.pread(self._file, 32, 0).strip()
        except OSError as error:
            # EPERM: a GPU that sleeps is not woken for this.
            raise MeterError(f"{self.info.name}: {self._path}: {error.strerror}") from error
        if not text.isdigit():
            raise MeterError(f"{self.info.name}: {self._path}: {text[:20]!r} is not a number of µW or µJ")
        if int(text) == 0 and not self.info.is_reading(0.0):
            raise MeterError(f"{self.info.name}: {self._path}: it shows 0 W")
        return int(text) / 1e6

    def close(self) -> None:
        """Closes the file; a second call does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
