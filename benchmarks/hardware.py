"""Machines that do not exist, for tools that do not know it: powercap, NVML and Jetson rails of known energy.

Every tool runs unmodified in a mount namespace of its own, where ``/sys`` has the machine's counters
(``filesystem.py``) and the loader finds a ``libnvidia-ml.so.1`` (``tests/fakes/nvml.c``). All follow a
waveform of the monotonic clock, so that the truth is its integral between two stamps of that clock.
Needs Linux, root (``unshare``, ``mount``), /dev/fuse and a C compiler.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from fakes import nvml
from fakes.sysfs import INTEL_RANGE_UJ
from fakes.waveform import Waveform

BENCHMARKS = Path(__file__).resolve().parent
INSIDE = "ENERGYPROF_BENCHMARK_NAMESPACE"
UP_S = 10.0  # until the file system is there

ENTER = """
tree=$1; etc=$2; shift 2
mount -t tmpfs none /sys/class
mount -t tmpfs none /sys/devices/virtual
mount -t tmpfs none /sys/bus
for folder in class/powercap devices/virtual/powercap bus/i2c; do
  if [ -d "$tree/sys/$folder" ]; then
    mkdir -p "/sys/$folder"
    mount --bind "$tree/sys/$folder" "/sys/$folder"
  fi
done
if [ -d "$tree/etc" ]; then
  mkdir -p "$etc/upper" "$etc/work"
  cp "$tree"/etc/* "$etc/upper/"
  mount -t overlay overlay -o "lowerdir=/etc,upperdir=$etc/upper,workdir=$etc/work" /etc
fi
exec "$@"
"""


@dataclass(frozen=True)
class Zone:
    """One powercap zone: ``entry`` is ``intel-rapl:0:0``; ``faults`` are those of ``counters.EnergyUj``."""

    entry: str
    name: str
    wave: Waveform
    range_uj: int = INTEL_RANGE_UJ
    faults: Mapping[str, Any] = field(default_factory=dict)

    def nodes(self) -> dict[str, dict[str, Any]]:
        """Its files, and the links to it, as the kernel lays them out."""
        control, *numbers = self.entry.split(":")
        inside = "/".join([control, *(":".join([control, *numbers[: k + 1]]) for k in range(len(numbers)))])
        here = f"sys/devices/virtual/powercap/{inside}"
        counter = {"wave": asdict(self.wave), "range_uj": self.range_uj, **self.faults}
        return {
            f"{here}/name": {"text": self.name},
            f"{here}/energy_uj": {"energy_uj": counter},
            f"{here}/max_energy_range_uj": {"text": str(self.range_uj)},
            f"sys/class/powercap/{self.entry}": {"link": f"../../devices/virtual/powercap/{inside}"},
            f"sys/class/powercap/{control}": {"link": f"../../devices/virtual/powercap/{control}"},
            f"sys/devices/virtual/powercap/{control}/subsystem": {"link": "../../../../class/powercap"},
        }


@dataclass(frozen=True)
class Rail:
    """One channel of a Jetson's INA3221 behind 19 V, as JetPack 4 lays it out."""

    address: str
    channel: int
    name: str
    wave: Waveform

    def nodes(self) -> dict[str, dict[str, Any]]:
        """Its name, voltage, current and power."""
        here = f"sys/bus/i2c/drivers/ina3221x/1-00{self.address}/iio:device{int(self.address) - 40}"
        wave = asdict(self.wave)
        return {
            f"{here}/rail_name_{self.channel}": {"text": self.name},
            f"{here}/in_voltage{self.channel}_input": {"text": "19000"},
            f"{here}/in_current{self.channel}_input": {"power_mw": {"wave": wave, "at_v": 19.0}},
            f"{here}/in_power{self.channel}_input": {"power_mw": {"wave": wave}},
            "etc/nv_tegra_release": {"text": "# R32 (release), REVISION: 7.1, BOARD: t186ref"},
        }


@dataclass(frozen=True)
class Machine:
    """What a tool finds: zones, rails, and what the NVML library is told (``None``: there is none)."""

    zones: Sequence[Zone] = ()
    rails: Sequence[Rail] = ()
    gpu: Mapping[str, object] | None = None

    def nodes(self) -> dict[str, dict[str, Any]]:
        """All files below its root."""
        return {path: node for part in (*self.zones, *self.rails) for path, node in part.nodes().items()}


def in_namespace() -> None:
    """Run this program again in a mount namespace of its own, so that nothing it mounts is left behind."""
    if os.environ.get(INSIDE):
        return
    if os.geteuid() != 0 or not Path("/dev/fuse").exists() or shutil.which("unshare") is None:
        sys.exit(f"{sys.argv[0]}: needs root, /dev/fuse and unshare, to show the tools a machine of its own")
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", "--mount", sys.executable, *sys.argv])


def entering(tree: Path, scratch: Path) -> list[str]:
    """The words before a command that let it run on the machine whose files lie in ``tree``."""
    return ["unshare", "--mount", "sh", "-ec", ENTER, "sh", str(tree), str(scratch)]


def environment(machine: Machine, library: Path, own_programs: Path) -> dict[str, str]:
    """What a program's environment is on the machine; ``library``: the folder of its libnvidia-ml.so.1."""
    variables = {name: text for name, text in os.environ.items() if name != "LD_LIBRARY_PATH"}
    path = [variables["PATH"]]
    if machine.gpu is not None:
        given = nvml.environment(library, **machine.gpu)
        variables.update({n: t for n, t in given.items() if n.startswith(("FAKE_", "LD_", "CUDA_"))})
        path.insert(0, str(own_programs / "nvidia"))
    if machine.rails:
        path.insert(0, str(own_programs / "jetson"))
    return {**variables, "PATH": os.pathsep.join(path)}


@contextlib.contextmanager
def mounted(folder: Path, tree: Mapping[str, Any]) -> Iterator[Path]:
    """``folder`` with the files of ``tree`` (``filesystem.py``), for as long as the context lasts."""
    folder.mkdir()
    server = subprocess.Popen(
        [sys.executable, str(BENCHMARKS / "filesystem.py"), str(folder)], stdin=subprocess.PIPE, text=True
    )
    assert server.stdin is not None
    json.dump(tree, server.stdin)
    server.stdin.close()
    try:
        until_s = time.monotonic() + UP_S
        while not os.path.ismount(folder):
            if server.poll() is not None or time.monotonic() > until_s:
                sys.exit("hardware: the file system did not come up")
            time.sleep(0.01)
        yield folder
    finally:
        # Unmounted first: whoever asks a dead server waits for good.
        subprocess.run(["umount", "--lazy", str(folder)], check=False)
        server.kill()
        server.wait()


def programs(folder: Path) -> Path:
    """A folder with a folder for each kind of machine, of programs that only it has."""
    scripts = {
        "nvidia/nvidia-smi": '[ "$1" = --help ] && exit 0; echo "GPU 0: a fake"',
        "jetson/uname": 'case "$1" in -p|-m) echo aarch64;; *) exec /usr/bin/uname "$@";; esac',
    }
    for name, text in scripts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
    return folder
