"""A node of a GPU, a processor and a plug: what each reads while the loads go through levels."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from energyprof.compare.node_fit import NodeWindow
from energyprof.meter import MeterInfo
from energyprof.report.file import trace_path, write
from energyprof.report.node_map import MapTerm, NodeMap
from energyprof.report.rebuild import Rebuild
from energyprof.report.record import MeterRecord, Report
from energyprof.trace.rows import Row, Sample
from energyprof.trace.writer import new_trace
from fakes.recording import nvml, rapl, shelly
from reports import meter, report

START_S = 1_800_000_000.0  # 2027-01-15T08:00:00Z
UTC = "2027-01-15T08:00:00Z"

# GPU and processor in W: each alone, both, at levels, idle between.
APART = ((40, 30), (200, 40), (40, 150), (120, 90), (320, 60), (200, 150), (40, 30), (320, 140), (40, 90))


@dataclass(frozen=True)
class Truth:
    """What the node draws: ``rest_w`` + ``gpu`` · the GPU's + ``cpu`` · the processor's."""

    rest_w: float = 90.0
    gpu: float = 1.18
    cpu: float = 1.09

    def node_w(self, gpu_w: float, cpu_w: float) -> float:
        return self.rest_w + self.gpu * gpu_w + self.cpu * cpu_w


def windows(
    truth: Truth, rng: random.Random, together: float, count: int = 40, noise: float = 0.005
) -> list[NodeWindow]:
    """Windows of 20 s, four a level. ``together``: how much of the processor's load follows the GPU's.

    The node wanders around the truth by ``noise``, relative, and windows that follow each other do so alike.
    """
    found, wander, gpu_w, own = [], 0.0, 40.0, 0.0
    for i in range(count):
        if i % 4 == 0:
            gpu_w, own = rng.choice([40.0, 150.0, 250.0, 400.0]), rng.random()
        cpu_w = 40 + 160 * (together * (gpu_w - 40) / 360 + (1 - together) * own)
        wander = 0.7 * wander + math.sqrt(1 - 0.7**2) * rng.gauss(0, noise)
        seen_w = (gpu_w * (1 + rng.gauss(0, 0.003)), cpu_w * (1 + rng.gauss(0, 0.003)))
        start_s = START_S + 20 * i
        found.append(NodeWindow(start_s, start_s + 20, seen_w, truth.node_w(*seen_w) * (1 + wander)))
    return found


def node_recording(
    path: Path,
    truth: Truth = Truth(),  # frozen
    levels: Sequence[tuple[float, float]] = APART,
    each_s: float = 60.0,
    utc: str = UTC,
    plug: MeterInfo | None = None,
    temperature_c: float | None = None,
) -> Path:
    """The report of `exec` at ``path`` and its trace: ``each_s`` on each of ``levels`` (GPU, CPU in W)."""
    infos = (nvml(), rapl(), plug or shelly())
    made: Report = report([], meters=tuple(record(info) for info in infos))
    write(made, path)
    trace = new_trace(trace_path(path))
    trace.begin_run()
    trace.event(0, "run", 0.0, {"seed": None, "monotonic_s": 0.0, "utc": utc})
    if temperature_c is not None:
        trace.event(0, "condition", 1.0, {"device": "nvml:0", "temperature_c": temperature_c})
    joules = [0.0, 0.0]
    step_s = 0.5
    for i in range(int(len(levels) * each_s / step_s)):
        at_s = i * step_s
        gpu_w, cpu_w = levels[int(at_s / each_s)]
        values = (joules[0], joules[1], truth.node_w(gpu_w, cpu_w))
        for info, value in zip(infos, values, strict=True):
            trace.sample(0, info.name, at_s - 1e-4, at_s + 1e-4, value, "")
        joules = [joules[0] + gpu_w * step_s, joules[1] + cpu_w * step_s]
    trace.end_run()
    trace.close()
    return path


def record(info: MeterInfo, *, counted: bool = True) -> MeterRecord:
    """The record of a meter that is read every half second."""
    return replace(
        meter(info.name),
        interval_s=0.5,
        info=info,
        part=info.part,
        boundary=info.boundary,
        method=info.method,
        origin=info.origin,
        counted=counted,
    )


MAP = NodeMap(
    machine="sha256:here",
    boundary="wall_ac",
    intercept_w=90.0,
    terms=(
        MapTerm("gpu", ("nvml:0",), ("GPU-nvml:0",), 1.18, 40.0, 320.0, "moved"),
        MapTerm("cpu", ("rapl:package-0",), ("Xeon",), 1.09, 30.0, 150.0, "moved"),
    ),
    covariance=((4.0, 0.0, 0.0), (0.0, 1e-4, 0.0), (0.0, 0.0, 4e-4)),
    misfit_u=0.01,
    reference="shelly:192.0.2.7",
    reference_u=0.005,
    start="2027-01-15T07:00:00Z",
    end="2027-01-15T08:00:00Z",
    drift_u=0.012,
    slope_u=0.015,
    source="by hand",
)


def rows(powers_w: Sequence[tuple[MeterRecord, float]], span_s: float = 60.0, utc: str = UTC) -> list[Row]:
    """A run of ``span_s`` of a program, its meters at constant powers."""

    def event(time_s: float, kind: str, **fields: Any) -> Row:
        return Row(0, f"@{kind}", Sample(time_s, time_s, None), "", fields)

    found = [event(0.0, "run", seed=None, monotonic_s=0.0, utc=utc), event(10.0, "started")]
    found.append(event(10.0, "phase", name="train", samples=None))
    for i in range(int(2 * (span_s + 20))):
        at_s = i / 2
        for of, power_w in powers_w:
            value = power_w * at_s if of.info.reads == "energy_j" else power_w
            found.append(Row(0, of.name, Sample(at_s, at_s, value), ""))
    return [*found, event(10 + span_s, "exit", code=0)]


def rebuilt(made: Report, powers_w: Sequence[tuple[MeterRecord, float]], **options: Any) -> Report:
    rebuild = Rebuild(made)
    rebuild.add(lambda: rows(powers_w, **options))
    return rebuild.report()


def of_parts(gpu_w: float, cpu_w: float, by: NodeMap | None = MAP, **options: Any) -> Report:
    gpu, cpu = record(nvml()), record(rapl())
    made = report([], meters=(gpu, cpu), boundary="component", node_map=by)
    return rebuilt(made, [(gpu, gpu_w), (cpu, cpu_w)], **options)


GPU, CPU = record(nvml(), counted=False), record(rapl(), counted=False)
BMC = record(shelly("redfish:bmc", boundary="node_dc", gain_a=0.05))


def below(*node_w: float, whole: MeterInfo | None = None) -> Report:
    """Parts of 400 W, and a run for each power that the node's meter shows."""
    bmc = replace(BMC, info=whole or BMC.info)
    rebuild = Rebuild(report([], meters=(bmc, GPU, CPU), boundary="node_dc"))
    for number, power_w in enumerate(node_w):
        found = rows([(bmc, power_w), (GPU, 300.0), (CPU, 100.0)])
        rebuild.add(lambda number=number, found=found: [row._replace(run=number) for row in found])  # type: ignore[misc]
    return rebuild.report()
