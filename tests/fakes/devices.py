"""Devices of a federated training: each a process with a meter of known power and folders of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from energyprof.report.file import read, trace_path
from energyprof.report.recompute import recompute
from energyprof.report.record import Run
from fakes.powercap import LivePowercap
from fakes.waveform import constant

# Where Flower's programs are forked from others of its.
FORKING = {"PYTHONPATH": str(Path(__file__).parent / "flower")}


class Device:
    """A machine with a meter of known power, and the energyprof that runs on it."""

    def __init__(
        self,
        folder: Path,
        name: str,
        power_w: float,
        on: Sequence[str] = (),
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.name, self.folder, self._on, self._environment = name, folder / name, on, environment
        self.home = self.folder / "home"
        self.home.mkdir(parents=True)
        self.temporary = Path(tempfile.mkdtemp(prefix="d-", dir="/tmp"))  # short, for addresses of sockets
        self._meter = LivePowercap(self.folder / "machine", constant(power_w), renew_s=0.01)
        self.process: subprocess.Popen[str] | None = None

    def start(self, *words: str) -> None:
        """``energyprof run`` with these words, in the device's folder."""
        environment = {k: v for k, v in os.environ.items() if k not in ("ENERGYPROF_WIRE", "COLUMNS")}
        environment |= {"ENERGYPROF_SYSFS_ROOT": str(self.folder / "machine"), "OMP_NUM_THREADS": "1"}
        environment |= {"HOME": str(self.home), "TMPDIR": str(self.temporary), **self._environment}
        own = ["--idle", "0", "--machine", self.name, "-o", "r.json", "--force"]
        self.process = subprocess.Popen(
            [*self._on, sys.executable, "-m", "energyprof", "run", *words, *own],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def ends(self) -> tuple[int, str]:
        """Its exit code, and what it said on stderr."""
        assert self.process is not None
        _, said = self.process.communicate(timeout=600)
        return self.process.returncode, said

    def signal(self, number: int) -> None:
        """To its energyprof alone."""
        assert self.process is not None
        self.process.send_signal(number)

    @property
    def report(self) -> Path:
        return self.folder / "r.json"

    def run(self) -> dict[str, Any]:
        """The first run of its report."""
        found: dict[str, Any] = json.loads(self.report.read_text())["runs"][0]
        return found

    def recorded(self) -> bytes:
        """What has been written of its trace until now."""
        return recorded(self.report)

    def until_recorded(self, words: bytes) -> None:
        """Wait until this stands in its trace, as long as it runs."""
        assert self.process is not None
        until(lambda: words in self.recorded() or self.process.poll() is not None)
        assert words in self.recorded(), self.process.communicate()

    def processes(self) -> dict[int, str]:
        """The processes that were started here and run, energyprof itself among them: their command lines.

        Some write over what they were started with: their open files and current folders tell, too.
        """
        marks = [os.fsencode(path) for path in (self.folder, self.temporary)]
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (process / "cmdline").read_bytes()
                links = [
                    os.fsencode(os.readlink(link)) for link in (process / "cwd", *(process / "fd").iterdir())
                ]
                told = b"\0".join([words, (process / "environ").read_bytes(), *links])
                if words and int(process.name) != os.getpid() and any(mark in told for mark in marks):
                    found[int(process.name)] = words.replace(b"\0", b" ").decode(errors="replace").strip()
        return found

    def outside(self) -> list[str]:
        """What lies in its folders beside its report and what its machine is."""
        places = (self.home, self.temporary, self.folder)
        there = [path for place in places for path in place.iterdir() if path not in (self.home,)]
        own = (self.report, trace_path(self.report), self.folder / "machine")
        return sorted(str(path) for path in there if path not in own)

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        self._meter.close()
        shutil.rmtree(self.temporary, ignore_errors=True)


@contextlib.contextmanager
def devices(
    folder: Path,
    powers_w: Sequence[float],
    on: Sequence[Sequence[str]] = (),
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[list[Device]]:
    """A server and its devices, one for each power."""
    found = [
        Device(
            folder,
            f"device-{number - 1}" if number else "server",
            power_w,
            on[number] if on else (),
            environment,
        )
        for number, power_w in enumerate(powers_w)
    ]
    try:
        yield found
    finally:
        for device in found:
            device.close()


def expect_nothing_but_a_report(device: Device, number: int) -> Run:
    """``number``: of the signal that ended it. One that is killed leaves a folder to the next profiler.

    What comes back is its run, computed anew.
    """
    assert device.process is not None
    device.process.communicate(timeout=60)
    until(lambda: not device.processes(), within_s=30)
    left = [path for path in device.outside() if not path.startswith(f"{device.temporary}/energyprof-")]
    assert left == []
    if number != signal.SIGKILL:
        assert device.outside() == []
    (run,) = read(device.report).runs
    assert run.status == "interrupted"
    (again,) = recompute(device.report).runs
    if number != signal.SIGKILL:  # which leaves all until then to the trace
        assert (again.samples, again.energy_j) == (run.samples, run.energy_j)
    return again


def recorded(report: Path) -> bytes:
    """What has been written of a report's trace until now."""
    with contextlib.suppress(OSError):
        return zlib.decompressobj(wbits=31).decompress(trace_path(report).read_bytes())
    return b""


def until(holds: Callable[[], bool], within_s: float = 500.0) -> None:
    """Wait until it holds."""
    deadline_s = time.monotonic() + within_s
    while True:
        begun_s = time.thread_time()
        if holds():
            return
        assert time.monotonic() < deadline_s
        # What a look costs, the devices lack.
        time.sleep(max(0.1, 9 * (time.thread_time() - begun_s)))


def free_port() -> int:
    """A port that nobody uses now."""
    with contextlib.closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
