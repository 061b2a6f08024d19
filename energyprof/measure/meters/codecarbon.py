"""codecarbon as a meter: what this widely used tracker says about the same run, for comparison.

One tracker runs for all its meters, silent and without any output. Its figures move once a second.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from energyprof.errors import MeterError
from energyprof.measure.meters.ref_counted import RefCounted
from energyprof.meter import Finding, MeterInfo, Part, Role, Source
from energyprof.trace.gains import CODECARBON_MODEL, NVIDIA

ROLE: Role = "cross-check"

J_PER_KWH = 3.6e6

# The shortest time between two of codecarbon's own measurements that it documents.
PERIOD_S = 1.0

# After so many missed periods its figures do not stand still: its thread has died.
MISSED_PERIODS = 5

# codecarbon models the memory from its size, and the CPU from its load wherever it cannot read
# RAPL, without saying so to the program that asked: seen 22.6 J for 136 J. So neither passes for a
# measurement.
MODEL = CODECARBON_MODEL

# Its GPU figure is NVML's energy counter, and so is its uncertainty.
GPU = NVIDIA

# A whole that is held against a part: they may differ by any factor.
WHOLE_TOLERANCE = 1e6

# Given one by one, so that neither the user's ~/.codecarbon.config nor the environment changes what
# is measured (pue multiplies all energies) or sends it anywhere. No figure depends on the country.
SETTINGS: dict[str, Any] = {
    "country_iso_code": "USA",
    "measure_power_secs": PERIOD_S,
    "api_call_interval": -1,
    "allow_multiple_runs": True,
    "log_level": "critical",
    "logger_preamble": "",
    "output_methods": [],
    "output_handlers": [],
    "emissions_endpoint": False,
    "tracking_mode": "machine",
    "pue": 1.0,
    "force_cpu_power": None,
    "force_ram_power": None,
    "force_mode_cpu_load": False,
    "rapl_include_dram": False,
    "rapl_prefer_psys": False,
}


def find(root: Path) -> Finding:
    """Its CPU, memory, GPU and total figures, without importing (0.15 s) or starting it (1 to 2 s)."""
    if importlib.util.find_spec("codecarbon") is None:
        reason = "codecarbon is not installed: pip install 'energyprof[codecarbon]'"
        return Finding("codecarbon", ROLE, "absent", reason=reason)
    names = ["cpu", "ram"]
    # It looks for GPUs only where nvidia-smi answers.
    if shutil.which("nvidia-smi") and any((root / "proc/driver/nvidia/gpus").glob("*")):
        names.append("gpu")
    infos = [*map(_info, names), _total()]
    sources = tuple(Source(info, functools.partial(CodecarbonMeter, info)) for info in infos)
    notes = ("the CPU figure is a model unless codecarbon can read RAPL; the memory's always is",)
    return Finding("codecarbon", ROLE, "found", sources, notes=notes)


def _info(name: str) -> MeterInfo:
    parts: dict[str, Part] = {"cpu": "cpu", "ram": "dram", "gpu": "gpu"}
    measured = name == "gpu"
    return MeterInfo(
        name=f"codecarbon:{name}",
        kind="codecarbon",
        part=parts[name],
        boundary="component",
        reads="energy_j",
        method="OfflineEmissionsTracker",
        resolution=1e-6,  # floating point: no step of its own
        refresh_s=PERIOD_S,
        **(GPU if measured else MODEL).info(),
        max_power_w=20_000.0,  # a whole node with eight GPUs, twice
        origin="measured" if measured else "modelled",
    )


def _total() -> MeterInfo:
    """The figure that codecarbon's own reports lead with. It holds the others, so it never adds to them."""
    cpu = _info("cpu")
    return replace(
        cpu,
        name="codecarbon:total",
        part="machine",
        # Counted only where it is asked for alone. It does not duplicate the CPU's figure, but that is
        # always there; the two are not expected to agree.
        checks=cpu.name,
        tolerance=WHOLE_TOLERANCE,
    )


def _start() -> Any:
    """Imports codecarbon and starts a tracker, which takes 1 to 2 s. Raises MeterError."""
    level = os.environ.get("CODECARBON_LOG_LEVEL")
    # It logs while it is imported, before any setting reaches it. Put back, since children inherit
    # it.
    os.environ["CODECARBON_LOG_LEVEL"] = "critical"
    try:
        import codecarbon

        tracker = codecarbon.OfflineEmissionsTracker(**SETTINGS)
        tracker.start()
    except ImportError as error:
        raise MeterError(f"codecarbon: {error}: pip install 'energyprof[codecarbon]'") from error
    finally:
        if level is None:
            del os.environ["CODECARBON_LOG_LEVEL"]
        else:
            os.environ["CODECARBON_LOG_LEVEL"] = level
    # Both calls swallow their own exceptions: only its first measurement shows that it runs.
    if getattr(tracker, "_power_measurement_count", 0) < 1:
        _stop(tracker)
        raise MeterError("codecarbon: it did not start; run it by itself with log_level='debug'")
    return tracker


def _stop(tracker: Any) -> None:
    """Stops the tracker and waits for its threads, so that none runs on into what comes after."""
    for name in ("_scheduler", "_scheduler_monitor_power"):
        scheduler = getattr(tracker, name, None)
        # Twice, since a timer that fires while it is stopped starts the next one.
        for _ in range(2):
            if scheduler is not None and scheduler._timer is not None:
                scheduler.stop()
                scheduler._timer.join(timeout=PERIOD_S)
    tracker.stop()


TRACKER = RefCounted(_start, _stop)


class CodecarbonMeter:
    """One of the tracker's figures."""

    def __init__(self, info: MeterInfo) -> None:
        """Raises MeterError if codecarbon does not start or does not track this part."""
        self.info = info
        name = info.name.partition(":")[2]
        self._total = "_total_energy" if name == "total" else f"_total_{name}_energy"
        self._held = False
        self._tracker = TRACKER.acquire()
        self._held = True
        kinds = {type(hardware).__name__ for hardware in self._tracker._hardware}
        if info.part == "gpu" and "GPU" not in kinds:
            self.close()
            raise MeterError(f"{info.name}: codecarbon found no GPU")

    def read(self) -> float:
        """J since it was started, as of its last measurement at most a second ago."""
        age_s = time.perf_counter() - self._tracker._last_measured_time
        if age_s > MISSED_PERIODS * PERIOD_S:
            raise MeterError(f"{self.info.name}: codecarbon has not measured for {age_s:.0f} s")
        return float(getattr(self._tracker, self._total).kWh) * J_PER_KWH

    def close(self) -> None:
        """Lets go of the tracker; a second call does nothing."""
        if self._held:
            self._held = False
            TRACKER.release()
