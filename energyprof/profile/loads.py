"""Processors and GPUs kept as busy as a test of the meters wants them: a process for each."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from energyprof.measure import machine
from energyprof.meter import MeterInfo
from energyprof.profile import cpu_load
from energyprof.profile.island import pythonpath
from energyprof.profile.processes import stat_of
from energyprof.profile.room import room
from energyprof.report.meter_test.steps import Target
from energyprof.report.meter_test.verdict import gpu_number, of_gpu, same_device
from energyprof.storable.frozen import dataclass

# An interpreter with PyTorch on a network's disk, and the first use of a GPU, take tens of seconds.
READY_S = 90.0
STOP_S = 2.0
# It answers between two slices of its work, on a busy machine later.
ANSWER_S = 5.0
REMEDY = "--python PATH names an interpreter whose PyTorch can"
# Of /proc/PID/stat, from its third field on: user and system time, in ticks.
UTIME, STIME = 11, 12
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Load:
    """A process that keeps a processor or a GPU busy."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start it. Raises OSError."""
        self._process = subprocess.Popen(
            list(command),
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            bufsize=0,
        )

    def said(self, until_s: float) -> str:
        """Its first line, or "" if it says none until then; whether it lives on is another matter."""
        assert self._process.stdout is not None
        line = b""
        while not line.endswith(b"\n"):
            if not select.select([self._process.stdout], [], [], max(0.0, until_s - time.monotonic()))[0]:
                return ""
            more = self._process.stdout.read(4096)
            if not more:
                break
            line += more
        return line.decode(errors="replace").strip()

    @property
    def lives(self) -> bool:
        """Whether it goes on."""
        return self._process.poll() is None

    def share(self, share: float) -> None:
        """Be busy for that share of the time from now on; one that has ended is not."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.write(b"%.3f\n" % share)

    def done(self) -> int | None:
        """How much of its work it has done until now; ``None``: it has ended, or does not answer."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.write(b"?\n")
        said = self.said(time.monotonic() + ANSWER_S)
        return int(said) if said.isdecimal() else None

    def used_s(self) -> float:
        """Its processor time until now; 0 once it has ended."""
        stat = stat_of(self._process.pid)
        return (int(stat[UTIME]) + int(stat[STIME])) / _TICKS_PER_S if stat is not None else 0.0

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


@dataclass(frozen=True)
class Loads:
    """What can be loaded, and what cannot."""

    of: Mapping[Target, tuple[Load, ...]]
    unloaded: tuple[str, ...] = ()  # each with its reason
    notes: tuple[str, ...] = ()

    @property
    def targets(self) -> tuple[Target, ...]:
        """What can be loaded."""
        return tuple(self.of)

    def ended(self) -> list[Target]:
        """What is no longer loaded, since a process of its load has ended."""
        return [target for target, loads in self.of.items() if not all(load.lives for load in loads)]

    def used_s(self, target: Target | None = None) -> float:
        """The processor time of a target's processes, or of all, until now."""
        return sum(load.used_s() for one, loads in self.of.items() for load in loads if target in (None, one))


@contextmanager
def loads(infos: Sequence[MeterInfo], root: Path, python: str) -> Iterator[Loads]:
    """Processes that load every processor package and every metered GPU, ready and at rest.

    ``python`` has the PyTorch that loads the GPUs.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(room())
        environment = {**os.environ, "PYTHONPATH": pythonpath(folder, os.environ.get("PYTHONPATH"), None)}
        gpus = gpu_meters(infos)
        # What takes longest to start goes first.
        words = [python, "-m", "energyprof.workloads.gpu_load"]
        starting = [_start(stack, [*words, str(place)], environment) for place in range(len(gpus))]
        of: dict[Target, tuple[Load, ...]] = {}
        for target, cpus in _packages(root).items():
            # Without site-packages it starts in a fiftieth of a second.
            command = [sys.executable, "-I", "-S", str(cpu_load.__file__)]
            started = [_start(stack, [*command, str(cpu)], os.environ) for cpu in cpus]
            of[target] = tuple(load for load in started if isinstance(load, Load))
        until_s = time.monotonic() + READY_S
        for load in [load for ones in of.values() for load in ones]:
            load.said(until_s)
        refused: dict[str, list[str]] = {}
        for place, (number, one) in enumerate(zip(gpus, starting, strict=True)):
            said = one.said(until_s) if isinstance(one, Load) else one
            found = _gpu(said, place, gpus)
            if isinstance(found, Target) and isinstance(one, Load):
                of[found] = (one,)
            else:
                refused.setdefault(str(found), []).append(f"GPU {number}")
        unloaded = tuple(f"{', '.join(names)} not loaded: {why}; {REMEDY}" for why, names in refused.items())
        yield Loads(of, unloaded, _order(of, gpus))


def gpu_meters(infos: Sequence[MeterInfo]) -> dict[int, MeterInfo]:
    """The meters that stand for a GPU each, by their numbers; those without one only where no other does."""
    found = [info for info in infos if of_gpu(info) and not info.checks]
    numbers = [gpu_number(info) for info in found]
    numbered = {n: info for n, info in zip(reversed(numbers), reversed(found), strict=True) if n is not None}
    return dict(sorted(numbered.items())) or dict(enumerate(found))


def _start(stack: ExitStack, command: Sequence[str], environment: Mapping[str, str]) -> Load | str:
    """A process that loads something, or why it cannot be started."""
    try:
        load = Load(command, environment)
    except OSError as error:
        return f"{command[0]} cannot be started: {error.strerror}"
    stack.callback(load.close)
    return load


def _packages(root: Path) -> dict[Target, list[int]]:
    """The processors of each package that this process may use."""
    usable, packages = sorted(os.sched_getaffinity(0)), machine.packages(root)
    of: dict[str, list[int]] = {}
    for cpu in usable:
        of.setdefault(packages.get(cpu, ""), []).append(cpu)
    if len(of) > 1:
        of.pop("", None)
    found = {}
    for package, cpus in sorted(of.items()):
        all_of_it = sum(one == package for one in packages.values()) if package else os.cpu_count()
        about = f"{len(cpus)} of {max(len(cpus), all_of_it or 0)} CPUs"
        found[Target(f"CPU package {package}" if package else "CPU", "cpu", package, len(cpus), about)] = cpus
    return found


def _order(of: Mapping[Target, object], gpus: Mapping[int, MeterInfo]) -> tuple[str, ...]:
    """A note if PyTorch numbers the GPUs otherwise than their meters do."""
    names = [target.name for target in of if target.kind == "gpu"]
    theirs = [f"GPU {number}" for number in gpus][: len(names)]
    if names == theirs:
        return ()
    pairs = ", ".join(f"cuda:{number} is {name}" for number, name in enumerate(names))
    return (f"PyTorch counts GPUs in another order: {pairs}; CUDA_DEVICE_ORDER=PCI_BUS_ID makes it the same",)


def _gpu(said: str, place: int, gpus: Mapping[int, MeterInfo]) -> Target | str:
    """The GPU that PyTorch calls ``cuda:PLACE``, by its UUID if it tells that; or why there is none.

    PyTorch's numbers follow CUDA's order, which may be another than NVML's.
    """
    try:
        facts: Any = json.loads(said)
        name, uuid, torch = str(facts["name"]), str(facts["uuid"]), str(facts["torch"])
    except (ValueError, TypeError, KeyError):
        return said or f"it was not ready within {READY_S:g} s"
    meant = next((n for n, info in gpus.items() if uuid and same_device(info.device, uuid)), None)
    number = list(gpus)[place] if meant is None else meant
    about = f"{name}, cuda:{place} of PyTorch {torch}"
    return Target(f"GPU {number}", "gpu", "" if meant is None else gpus[meant].device, about=about)
