"""A machine whose power follows what the load of a meter test really does, and meters that show it or not.

A processor draws power while the load's process on it wants to run, whether or not it gets to: so what the
meters should show does not depend on how fast this machine is, nor on what else it does.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fakes import sysfs

RENEW_S = 0.005
LOAD = b"cpu_load.py"

# What a file shows at a time; the truth's energy in J until a time comes from ``LoadedMachine.energy_j``.
Shown = Callable[[float], str]


@contextmanager
def one_processor() -> Iterator[None]:
    """Programs that are started meanwhile see one processor, and load no other: each worker has its own."""
    before = os.sched_getaffinity(0)
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    os.sched_setaffinity(0, {sorted(before)[worker % len(before)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class LoadedMachine:
    """``idle_w`` a package, and ``cpu_w`` more for each of its processors that the load keeps busy."""

    def __init__(self, root: Path, packages: int = 1, idle_w: float = 12.0, cpu_w: float = 24.0) -> None:
        self.root, self.idle_w, self.cpu_w = root, idle_w, cpu_w
        cpus = os.cpu_count() or 1
        # One thread a core: processor n is in package n % packages, whatever this machine is.
        blocks = [
            f"processor\t: {cpu}\nvendor_id\t: {sysfs.INTEL}\nmodel name\t: Fake CPU\n"
            f"physical id\t: {cpu % packages}\ncore id\t\t: {cpu}\nflags\t\t: fpu\n"
            for cpu in range(cpus)
        ]
        sysfs.write(root / "proc/cpuinfo", "\n".join(blocks) + "\n")
        self._package_of = {cpu: cpu % packages for cpu in range(cpus)}
        self._packages = packages
        self._times_s: list[float] = [time.monotonic()]
        self._joules: list[list[float]] = [[0.0] for _ in range(packages)]
        self._files: list[tuple[Path, Shown]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)

    def shows(self, path: Path, shown: Shown) -> None:
        """From its start on the file has what ``shown`` says."""
        self._files.append((path, shown))

    def zone(self, package: int, joules: Callable[[float], float] | None = None) -> None:
        """A powercap zone of the package; ``joules``: what it shows at a time instead of the truth."""
        folder = sysfs.zone(self.root, f"intel-rapl:{package}", f"package-{package}", 0)
        shown = joules or (lambda at_s: self.energy_j(package, at_s))
        self.shows(
            folder / "energy_uj", lambda at_s: f"{int(1e6 * shown(at_s)) % (sysfs.INTEL_RANGE_UJ + 1)}"
        )

    def energy_j(self, package: int, at_s: float) -> float:
        """What the package has used until then, from 1 kJ on."""
        times_s, joules = self._times_s, self._joules[package]
        i = min(max(1, bisect_left(times_s, at_s)), len(joules) - 1)
        if i < 1 or times_s[i] == times_s[i - 1]:
            return 1000.0 + joules[-1]
        share = min(1.0, max(0.0, (at_s - times_s[i - 1]) / (times_s[i] - times_s[i - 1])))
        return 1000.0 + joules[i - 1] + share * (joules[i] - joules[i - 1])

    def power_w(self, at_s: float, window_s: float = 0.05, package: int = 0) -> float:
        """Its mean power over the window before a time."""
        at_s = min(at_s, self._times_s[-1])
        joules = self.energy_j(package, at_s) - self.energy_j(package, at_s - window_s)
        return joules / window_s

    @contextmanager
    def running(self) -> Iterator[LoadedMachine]:
        """The machine, switched on."""
        now_s = time.monotonic()
        for path, shown in self._files:
            sysfs.write(path, shown(now_s) + "\n")
        self._thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            self._thread.join()

    def _renew(self) -> None:
        with contextlib.ExitStack() as stack:
            files = [
                (stack.enter_context(open(path, "r+b", buffering=0)), shown) for path, shown in self._files
            ]
            last_s = time.monotonic()
            looked_s = -1.0
            loads: dict[int, int] = {}
            while not self._ended.wait(RENEW_S):
                now_s = time.monotonic()
                if now_s - looked_s > 0.2:
                    loads, looked_s = self.loads(), now_s
                busy = [0] * self._packages
                for pid, package in loads.items():
                    busy[package] += _wants_to_run(pid)
                for package, joules in enumerate(self._joules):
                    power_w = self.idle_w + self.cpu_w * busy[package]
                    joules.append(joules[-1] + power_w * (now_s - last_s))
                self._times_s.append(now_s)
                last_s = now_s
                for file, shown in files:
                    file.seek(0)
                    file.write(f"{shown(now_s):<24}\n".encode())

    def loads(self) -> dict[int, int]:
        """The processes that load this machine, and the package of each."""
        mark = b"ENERGYPROF_SYSFS_ROOT=" + os.fsencode(self.root)
        found = {}
        for name in os.listdir("/proc"):
            if not name.isdecimal():
                continue
            with contextlib.suppress(OSError, ValueError, IndexError):
                words = _content(f"/proc/{name}/cmdline").split(b"\0")
                ours = len(words) > 3 and words[-3].endswith(LOAD)
                if ours and mark in _content(f"/proc/{name}/environ").split(b"\0"):
                    found[int(name)] = self._package_of[int(words[-2])]
        return found


def _wants_to_run(pid: int) -> bool:
    """Whether a process runs, or would if there were a processor for it."""
    try:
        return _content(f"/proc/{pid}/stat").rpartition(b")")[2].split()[0] == b"R"
    except (OSError, IndexError):
        return False


def _content(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read()
