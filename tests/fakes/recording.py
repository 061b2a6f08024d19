"""A report with a trace beside it, as `exec` leaves them, of meters that follow a load of several levels."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from energyprof.meter import MeterInfo
from energyprof.report.file import trace_path, write
from energyprof.report.record import MeterRecord
from energyprof.trace.writer import new_trace
from reports import meter, report

INTERVAL_S = 0.5

# What a meter shows at a time, given the energy and the power of the device until then and at that time.
Shown = Callable[[float, float, float], float | None]


def nvml(name: str = "nvml:0", **changes: Any) -> MeterInfo:
    """A GPU's counter that may be off by 5 %."""
    return _info(name, part="gpu", device=f"GPU-{name}", **changes)


def rapl(name: str = "rapl:package-0", **changes: Any) -> MeterInfo:
    """A processor's counter that may be off by 5 %."""
    return _info(name, part="cpu", device="Xeon", **changes)


def shelly(name: str = "shelly:192.0.2.7", **changes: Any) -> MeterInfo:
    """A plug that may be off by 1 %."""
    plug = {"part": "machine", "boundary": "wall_ac", "reads": "power_w", "gain_a": 0.01, "refresh_s": 1.0}
    return _info(name, device="S3", **{**plug, **changes})


def _info(name: str, **changes: Any) -> MeterInfo:
    usual = {"method": "made by hand", "gain_source": "its maker", "max_power_w": 5000.0}
    return replace(meter(name).info, **{**usual, **changes})


def counter(gain: float = 1.0, offset_w: float = 0.0) -> Shown:
    """A counter that shows ``gain`` times the device's energy, and grows by ``offset_w`` in any case."""
    return lambda at_s, joules, watts: gain * joules + offset_w * at_s


def gauge(gain: float = 1.0, rest_w: float = 0.0, noise_w: float = 0.0) -> Shown:
    """A power of ``gain`` times the device's and what else there is, with noise."""
    rng = random.Random(1)
    return lambda at_s, joules, watts: gain * (watts + rest_w) + rng.gauss(0, noise_w)


def recording(
    path: Path,
    meters: Sequence[tuple[MeterInfo, Shown]],
    levels_w: Sequence[float] = (50, 250, 150, 50, 200, 100),
    each_s: float = 60.0,
) -> Path:
    """The report at ``path``: the device spends ``each_s`` on each of the levels, from 0 s on."""

    def energy_j(at_s: float) -> float:
        whole = min(len(levels_w), math.floor(at_s / each_s))
        rest_j = levels_w[whole] * (at_s - whole * each_s) if whole < len(levels_w) else 0.0
        return each_s * math.fsum(levels_w[:whole]) + rest_j

    records = tuple(_record(info) for info, _ in meters)
    write(report([], meters=records), path)
    trace = new_trace(trace_path(path))
    trace.begin_run()
    for i in range(int(len(levels_w) * each_s / INTERVAL_S)):
        at_s = i * INTERVAL_S
        for info, shown in meters:
            value = shown(at_s, energy_j(at_s), levels_w[math.floor(at_s / each_s)])
            trace.sample(0, info.name, at_s - 1e-4, at_s + 1e-4, value, "" if value is not None else "lost")
    trace.end_run()
    trace.close()
    return path


def _record(info: MeterInfo) -> MeterRecord:
    changes = {
        "part": info.part,
        "boundary": info.boundary,
        "method": info.method,
        "origin": info.origin,
    }
    return replace(meter(info.name), interval_s=INTERVAL_S, info=info, **changes)
