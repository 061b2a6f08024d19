"""An estimate of the CPU's energy from the time its threads were busy, where there is no meter.

The model is linear with a floor: 0.74 W a hardware thread at idle, 3.5 W at full load. Linear in
utilisation: Fan, Weber & Barroso, "Power provisioning for a warehouse-sized computer", ISCA 2007.
The coefficients: Cloud Carbon Footprint, cloudcarbonfootprint.org/docs/methodology, AWS averages.
"""

from __future__ import annotations

import functools
import os
import re
from pathlib import Path

from energyprof.errors import MeterError
from energyprof.measure import machine
from energyprof.meter import Finding, MeterInfo, Role, Source
from energyprof.trace.gains import CPU_MODEL

ROLE: Role = "estimate"

IDLE_W = 0.74
FULL_W = 3.5

# proc(5), fields 1 to 8 of the line "cpu"; guest time is already in user and nice.
FIELDS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
BUSY = ("user", "nice", "system", "irq", "softirq")
# A thread that waits for I/O is idle. Stolen time went into another guest's work: only the floor is
# ours.
IDLE = ("idle", "iowait", "steal")

# The longest first line: "cpu " and ten counters of at most 20 digits.
LINE_BYTES = 256


def find(root: Path) -> Finding:
    """The estimate, wherever the kernel counts busy time in /proc/stat."""
    path = root / "proc/stat"
    try:
        threads = len(re.findall(r"^cpu\d+ ", path.read_text(), re.MULTILINE))
        meter = CpuModel(_info(root, threads), path)
    except OSError:
        return Finding(
            "cpu-model",
            ROLE,
            "absent",
            reason=f"no {path}: the CPU's busy time is counted on Linux only",
        )
    except MeterError as error:
        return Finding("cpu-model", ROLE, "absent", reason=str(error))
    meter.close()
    return Finding(
        "cpu-model",
        ROLE,
        "found",
        sources=(Source(meter.info, functools.partial(CpuModel, meter.info, path)),),
        notes=("an estimate from CPU time, not a measurement", *_limits(root)),
    )


def energy_j(ticks: dict[str, int], ticks_per_s: float) -> float:
    """The model over the counters of /proc/stat: idle thread-seconds at 0.74 W, busy ones at 3.5 W.

    The fields add up to threads times time: no clock is read, and offline threads cost nothing.
    """
    busy_s = sum(ticks[name] for name in BUSY) / ticks_per_s
    idle_s = sum(ticks[name] for name in IDLE) / ticks_per_s
    return IDLE_W * idle_s + FULL_W * busy_s


def _info(root: Path, threads: int) -> MeterInfo:
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    return MeterInfo(
        name="cpu-model",
        kind="cpu-model",
        part="cpu",
        boundary="component",
        reads="energy_j",
        method="linear model of CPU time in /proc/stat",
        resolution=FULL_W * tick_s,
        refresh_s=tick_s,
        **CPU_MODEL.info(),
        max_power_w=2 * FULL_W * max(threads, 1),
        device=machine.cpu_model(root),
        origin="modelled",
    )


def _limits(root: Path) -> list[str]:
    """What a container must know: /proc/stat counts the whole machine, not its share of it."""
    groups = root / "sys/fs/cgroup"
    for name in ("cpu.max", "cpu/cpu.cfs_quota_us"):
        try:
            quota = (groups / name).read_text().split()[0]
        except (OSError, IndexError):
            continue
        if quota not in ("max", "-1"):
            return ["this container has a CPU quota; the CPU time of the whole machine is counted"]
    return []


class CpuModel:
    """A counter in J that grows with the machine's CPU time."""

    def __init__(self, info: MeterInfo, path: Path) -> None:
        """Raises MeterError if ``path`` cannot be opened or is not a /proc/stat."""
        self.info = info
        self._path = path
        self._ticks_per_s = os.sysconf("SC_CLK_TCK")
        self._highest_j = 0.0
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise MeterError(f"cpu-model: {path}: {error.strerror}") from error
        try:
            self.read()
        except MeterError:
            self.close()
            raise

    def read(self) -> float:
        """J since the machine started. One ``pread`` of the first line."""
        try:
            line = os.pread(self._file, LINE_BYTES, 0).partition(b"\n")[0].split()
            ticks = dict(zip(FIELDS, map(int, line[1:9]), strict=True))
        except OSError as error:
            raise MeterError(f"cpu-model: {self._path}: {error.strerror}") from error
        except ValueError as error:
            raise MeterError(f"cpu-model: {self._path}: its first line is not eight CPU counters") from error
        if line[0] != b"cpu" or min(ticks.values()) < 0:
            raise MeterError(f"cpu-model: {self._path}: its first line is not eight CPU counters")
        # iowait may go down (proc(5)); energy may not.
        self._highest_j = max(self._highest_j, energy_j(ticks, self._ticks_per_s))
        return self._highest_j

    def close(self) -> None:
        """Closes the file; a second call does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
