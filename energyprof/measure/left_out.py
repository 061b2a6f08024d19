"""GPUs whose power can be read and is not in the total: named with their watts, never left out in silence."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from energyprof.errors import MeterError
from energyprof.measure.meters import find
from energyprof.measure.meters.hwmon import CHIPS, Hwmon, part_of, sensor_info
from energyprof.measure.meters.nvidia.library import nvidia_library
from energyprof.measure.meters.sensors import Sensor, by_chip, read_sensors
from energyprof.measure.selection import Selection
from energyprof.meter import Meter, MeterInfo, Source

# Between two looks at a counter, to tell a power.
LOOK_S = 0.2


def with_left_out(selection: Selection, root: Path) -> Selection:
    """The selection with a note for each such GPU; none where nothing is measured or a whole machine is.

    Those that a variable such as ``HIP_VISIBLE_DEVICES`` hides are among them.
    """
    infos = [source.info for source in selection.sources if source.info.name in selection.counted]
    if not infos or any(info.part == "machine" for info in infos):
        return selection
    lines = tuple(
        f"{name} is not in the total: a GPU that now draws {watts}; --meters auto counts it,"
        " unless a variable hides it"
        for name, watts in (*_kernels(selection, root), *_nvidias(selection, root))
    )
    return replace(selection, notes=(*selection.notes, *lines), left_out=lines)


def _kernels(selection: Selection, root: Path) -> Iterator[tuple[str, str]]:
    """The kernel's sensors of cards that no counted meter reads."""
    counted = {s.address for s in selection.sources if s.info.name in selection.counted}
    for (chip, place), sensors in by_chip(read_sensors(root / "sys/class/hwmon")).items():
        if chip in CHIPS and place not in counted and part_of(sensors[0], CHIPS[chip]) == "gpu":
            yield sensors[0].name, _watts_of(sensors[0])


def _watts_of(sensor: Sensor) -> str:
    try:
        info = sensor_info(sensor, CHIPS[sensor.chip])
        return _watts(Hwmon(info, sensor.path), info)
    except MeterError as error:
        return f"no power that can be read ({error})"


def _nvidias(selection: Selection, root: Path) -> Iterator[tuple[str, str]]:
    """NVIDIA's GPUs, where they were not asked for."""
    if any(source.info.kind == "nvml" for source in selection.sources) or not nvidia_library():
        return
    sources: dict[str, Source] = {}
    for source in find("nvml", root).sources:  # what a power is held against comes before it
        sources[source.info.checks or source.info.name] = source
    for name, source in sources.items():
        try:
            meter = source.open()
            assert not source.info.external
            yield name, _watts(meter, source.info)  # type: ignore[arg-type]
        except MeterError as error:
            yield name, f"no power that can be read ({error})"


def _watts(meter: Meter, info: MeterInfo) -> str:
    """What a meter reads now, or over ``LOOK_S``; closes it. Raises MeterError."""
    try:
        begin_s, first = time.monotonic(), meter.read()
        if info.reads == "power_w":
            return f"{first:.3g} W"
        time.sleep(LOOK_S)
        joules, end_s = meter.read() - first, time.monotonic()
    finally:
        meter.close()
    return f"{joules / (end_s - begin_s):.3g} W"
