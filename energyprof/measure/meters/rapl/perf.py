"""The perf PMU ``power``: RAPL's counters, their wraps undone by the kernel.

Linux, ``arch/x86/events/rapl.c`` and ``drivers/powercap/intel_rapl_common.c``: an event counts in 2⁻³² J from
the moment it is opened, on one CPU of each die that ``cpumask`` names, and for no process. Sampling and the
exclusion of users or kernel are refused.
"""

from __future__ import annotations

import errno
import os
import re
import struct
import sys
from pathlib import Path

from energyprof.errors import MeterError
from energyprof.measure import machine
from energyprof.meter import MeterInfo
from energyprof.storable.frozen import dataclass

# What the events count, in powercap's words: the first lie beside each other, the second inside the package.
DOMAINS = {"energy-pkg": "package", "energy-ram": "dram", "energy-psys": "psys"}
INSIDE = {"energy-cores": "core", "energy-gpu": "uncore"}

# arch/x86/events/rapl.c takes the 32-bit differences as signed: half a range (AMD: 33 kJ, 80 s at 400 W) must
# not pass between two looks. Its own timer allows for 200 W only.
MAX_INTERVAL_S = 10.0

# perf_event_open in the kernel's tables of system calls; libc has no function for it.
SYSCALLS = {"x86_64": 298, "aarch64": 241}

# include/uapi/linux/perf_event.h: the first and shortest perf_event_attr, which every kernel takes, and
# PERF_FLAG_FD_CLOEXEC.
ATTRIBUTES = struct.Struct("=IIQQQQQIIQ")
CLOSE_ON_EXEC = 8

SYSCTL = "sudo sysctl kernel.perf_event_paranoid=0"
LOAD = f"sudo modprobe rapl && {SYSCTL}  # the perf PMU, if this kernel has it"
# Documentation/admin-guide/perf-security.rst.
PARANOID = (
    f"{SYSCTL}  # until the next boot; or, for this Python alone:"
    f" sudo setcap cap_perfmon+ep {os.path.realpath(sys.executable)}"
)
# Docker lets perf_event_open pass with this capability only.
PERFMON = f"docker run --cap-add PERFMON …  # or, on the host: {SYSCTL}"

# A 64-bit sum of signed steps: in this half it has gone below zero.
NEGATIVE = 1 << 63


@dataclass(frozen=True)
class PerfEvent:
    """One counter: its domain is package, dram or psys, its name "dram-0", as of powercap's zones."""

    name: str
    domain: str
    cpu: int  # where it is counted
    pmu: int  # the type of the PMU
    config: int
    scale_j: float  # J a count


def read_events(root: Path) -> tuple[list[PerfEvent], set[str], list[str]]:
    """The events to open, the domains inside a package, and what is wrong with the others."""
    pmu = root / "sys/bus/event_source/devices/power"
    # A virtual machine may have the PMU without its events, and refuses to open them: ask for the files.
    listed = [event for event in DOMAINS if (pmu / "events" / event).exists()]
    inside = {domain for event, domain in INSIDE.items() if (pmu / "events" / event).exists()}
    if not listed:
        return [], inside, []
    try:
        kind = int((pmu / "type").read_text())
        places = _places(root, _cpus((pmu / "cpumask").read_text()))
    except (OSError, ValueError) as error:
        return [], inside, [f"perf: {pmu}: {error}"]
    events: list[PerfEvent] = []
    problems = []
    for event in listed:
        try:
            config, scale_j = _described(pmu / "events", event)
        except (OSError, ValueError) as error:
            problems.append(f"perf: {pmu}: {error}")
            continue
        domain = DOMAINS[event]
        events += [
            PerfEvent(_name(domain, places, cpu), domain, cpu, kind, config, scale_j) for cpu in places
        ]
    return events, inside, problems


def _described(folder: Path, event: str) -> tuple[int, float]:
    """An event's config and how many J a count is. Raises OSError, ValueError if it counts no joules."""
    config = re.fullmatch(r"event=(0x[0-9a-fA-F]+)", (folder / event).read_text().strip())
    unit = (folder / f"{event}.unit").read_text().strip()
    scale = float((folder / f"{event}.scale").read_text())
    if config is None or unit != "Joules" or not 0 < scale < 1:
        raise ValueError(f"{event} is not described as a count of joules")
    return int(config[1], 16), scale


def _cpus(text: str) -> list[int]:
    """The CPUs of a list as the kernel prints it: "0,24-26"."""
    cpus: list[int] = []
    for span in text.strip().split(","):
        first, _, last = span.partition("-")
        cpus += range(int(first), int(last or first) + 1)
    return cpus


def _places(root: Path, cpus: list[int]) -> dict[int, tuple[int, int]]:
    """The package and the die of each CPU. Raises OSError, ValueError if its package is not known."""
    places = {}
    for cpu in cpus:
        topology = root / f"sys/devices/system/cpu/cpu{cpu}/topology"
        try:
            die = int((topology / "die_id").read_text())
        except FileNotFoundError:
            die = 0  # Linux before 5.2, which knew one die a package
        places[cpu] = int((topology / "physical_package_id").read_text()), die
    return places


def _name(domain: str, places: dict[int, tuple[int, int]], cpu: int) -> str:
    """The counter's name as powercap has it, where only machines of several dies a package name the die."""
    package, die = places[cpu]
    if domain == "psys":
        return domain if cpu == min(places) else f"{domain}-{package}"
    # The PMU asks one CPU of each die: two CPUs of one package are two dies.
    several = len({package for package, _ in places.values()}) < len(places)
    return f"{domain}-{package}" + (f"-die-{die}" if several else "")


def remedy(root: Path) -> str:
    """What lets this user open the events."""
    return PERFMON if machine.container(root) else PARANOID


class PerfCounter:
    """One event, open and counting."""

    def __init__(self, info: MeterInfo, event: PerfEvent) -> None:
        """Raises MeterError if the kernel refuses it; its cause tells a lack of permission from the rest."""
        self.info = info
        self._scale_j = event.scale_j
        self._where = f"{info.name}: perf power/event={event.config:#x}/ on CPU {event.cpu}"
        try:
            self._file = _open(event)
        except OSError as error:
            raise MeterError(f"{self._where}: {error.strerror}") from error

    def read(self) -> float:
        """J since it was opened."""
        try:
            data = os.read(self._file, 8)
        except OSError as error:
            raise MeterError(f"{self._where}: {error.strerror}") from error
        count = int.from_bytes(data, sys.byteorder)
        if len(data) < 8 or count >= NEGATIVE:
            raise MeterError(f"{self._where}: {data.hex() or 'nothing'} is not an energy count")
        return count * self._scale_j

    def close(self) -> None:
        """Closes the event; a second call does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _open(event: PerfEvent) -> int:
    """The descriptor of an event that counts from now on. Raises OSError as the kernel refuses it."""
    import ctypes

    number = SYSCALLS.get(os.uname().machine)
    if number is None or ctypes.sizeof(ctypes.c_long) != 8:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    attributes = ATTRIBUTES.pack(event.pmu, ATTRIBUTES.size, event.config, *[0] * 7)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    every_process, no_group = ctypes.c_long(-1), ctypes.c_long(-1)
    file: int = libc.syscall(
        ctypes.c_long(number),
        ctypes.c_char_p(attributes),
        every_process,
        ctypes.c_long(event.cpu),
        no_group,
        ctypes.c_ulong(CLOSE_ON_EXEC),
    )
    if file < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return file
