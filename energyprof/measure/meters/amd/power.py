"""The kernel's power of an AMD GPU: held against its energy counter, or read in its place."""

from __future__ import annotations

from dataclasses import replace

from energyprof.measure.meters.amd.gpus import Gpu
from energyprof.measure.meters.hwmon import CHIPS, part_of, sensor_info
from energyprof.measure.meters.sensors import Sensor
from energyprof.meter import MeterInfo

# power1_average is the firmware's mean; over how long it does not say.
AVERAGED_S = 1.0

# Over 5 s power and counter agree to 5 %, if both work as they should.
TOLERANCE = 0.05


def inside_processor(sensor: Sensor) -> bool:
    """Whether the card is part of a processor, whose power the sensor then shows."""
    return part_of(sensor, CHIPS["amdgpu"]) == "soc"


def power_alone(gpu: Gpu, sensor: Sensor) -> MeterInfo:
    """The power as the card's only meter. Raises MeterError if it has no reading."""
    return replace(
        sensor_info(sensor, CHIPS["amdgpu"]),
        name=f"amdgpu:{gpu.index}",
        kind="amdgpu",
        part="soc" if gpu.superchip else "gpu",
        boundary="module" if gpu.superchip else "component",
        window_s=AVERAGED_S if sensor.path.name.endswith("_average") else 0.0,
        device=gpu.device,
    )


def power_cross_check(gpu: Gpu, sensor: Sensor) -> MeterInfo:
    """The power to hold against the card's counter. Raises MeterError if it has no reading."""
    name = f"amdgpu:{gpu.index}"
    return replace(power_alone(gpu, sensor), name=f"{name}:power", checks=name, tolerance=TOLERANCE)
