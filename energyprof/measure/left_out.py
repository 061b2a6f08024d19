"""GPUs whose power is not in the total: named with their watts, or with what keeps these from being read."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from energyprof.errors import MeterError
from energyprof.measure.meters import find
from energyprof.measure.meters.denied import opening
from energyprof.measure.meters.hwmon import CHIPS, Hwmon, part_of, sensor_info
from energyprof.measure.meters.nvidia.library import nvidia_library
from energyprof.measure.meters.sensors import Sensor, by_chip, read_sensors
from energyprof.measure.selection import Selection, why
from energyprof.meter import Meter, MeterInfo, Source

# The chips whose cards ``auto`` counts, as kinds of their own.
BY_AUTO = ("amdgpu", "xe", "i915")

# Between two looks at a counter, to tell a power.
LOOK_S = 0.2


def with_left_out(selection: Selection, root: Path) -> Selection:
    """The selection with a note for each such GPU; none where nothing is measured or a whole machine is.

    Those that a variable such as ``HIP_VISIBLE_DEVICES`` hides are among them.
    """
    infos = [source.info for source in selection.sources if source.info.name in selection.counted]
    if not infos or any(info.part == "machine" for info in infos):
        return selection
    lines = (*_kernels(selection, root), *_nvidias(selection, root))
    return replace(selection, notes=(*selection.notes, *lines), left_out=(*selection.left_out, *lines))


def _draws(name: str, watts: str, counted_by: str = "auto") -> str:
    hidden = ", unless a variable hides it" if counted_by == "auto" else ""
    return (
        f"{name} is not in the total: a GPU that now draws {watts}; --meters {counted_by} counts it{hidden}"
    )


def _is_closed(name: str, error: MeterError, remedy: str) -> str:
    reason = str(error).removeprefix(f"{name}: ")
    words = f"{name} is not in the total: a GPU whose power cannot be read: {reason}"
    return f"{words}; try: {remedy}" if remedy else words


def _kernels(selection: Selection, root: Path) -> Iterator[str]:
    """Of the kernel's sensors of cards that no counted meter reads."""
    counted = {s.address for s in selection.sources if s.info.name in selection.counted}
    for (chip, place), sensors in by_chip(read_sensors(root / "sys/class/hwmon")).items():
        if chip in CHIPS and place not in counted and part_of(sensors[0], CHIPS[chip]) == "gpu":
            yield from _of_sensor(sensors[0], selection)


def _of_sensor(sensor: Sensor, selection: Selection) -> Iterator[str]:
    try:
        info = sensor_info(sensor, CHIPS[sensor.chip])
        watts = _watts(Hwmon(info, sensor.path), info)
    except MeterError as error:
        if not any(str(error) in note for note in selection.notes):  # of the card's own kind
            yield _is_closed(sensor.name, error, opening([error]))
        return
    yield _draws(sensor.name, watts, "auto" if sensor.chip in BY_AUTO else f"auto,{sensor.name}")


def _nvidias(selection: Selection, root: Path) -> Iterator[str]:
    """Of NVIDIA's GPUs, where they were not asked for."""
    if any(source.info.kind == "nvml" for source in selection.sources) or not nvidia_library():
        return
    finding = find("nvml", root)
    if finding.state == "blocked" and why(finding) not in selection.notes:
        yield f"{why(finding)}: NVIDIA's GPUs are not in the total"
    sources: dict[str, Source] = {}
    for source in finding.sources:  # what a power is held against comes before it
        sources[source.info.checks or source.info.name] = source
    for name, source in sources.items():
        try:
            meter = source.open()
            assert not source.info.external
            yield _draws(name, _watts(meter, source.info))  # type: ignore[arg-type]
        except MeterError as error:
            yield _is_closed(name, error, "")


def _watts(meter: Meter, info: MeterInfo) -> str:
    """What a meter reads now, or over ``LOOK_S``; closes it. Raises MeterError."""
    try:
        begin_s, first = time.monotonic(), meter.read()
        if info.reads == "power_w":
            if not info.is_reading(first):
                raise MeterError(f"{info.name}: it shows {first:g} W")
            return f"{first:.3g} W"
        time.sleep(LOOK_S)
        joules, end_s = meter.read() - first, time.monotonic()
    finally:
        meter.close()
    return f"{joules / (end_s - begin_s):.3g} W"
