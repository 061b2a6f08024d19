"""A fake machine in this program's own ``/sys``: a processor package and a GPU, both with an energy counter.

Not ``hardware.py``'s: there a process computes each value that is read, which costs readers more than the
kernel would. Here a file is renewed at a steady rate, whoever reads it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from fakes import nvml
from fakes.powercap import LivePowercap
from fakes.waveform import constant

INSIDE = "ENERGYPROF_OVERHEAD_NAMESPACE"
RENEW_S = 0.02
PACKAGE_W, GPU_W = 60, 250


def in_namespace() -> None:
    """Run this program again in a mount namespace of its own, so that nothing it mounts is left behind."""
    if os.environ.get(INSIDE):
        return
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        sys.exit(f"{sys.argv[0]}: needs root and unshare, to show the tools a machine of its own")
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", "--mount", sys.executable, *sys.argv])


def show_machine(folder: Path) -> LivePowercap:
    """Put a package's counter into this namespace's ``/sys``; who renews it comes back."""
    tree = folder / "tree"
    tree.mkdir()
    _mount("-t", "tmpfs", "none", str(tree))
    powercap = LivePowercap(tree, constant(PACKAGE_W), renew_s=RENEW_S)
    control = tree / "sys/devices/virtual/powercap/intel-rapl"
    (control / "subsystem").symlink_to("../../../../class/powercap")
    (tree / "sys/class/powercap/intel-rapl").symlink_to(control)
    for place in ("class", "devices/virtual", "bus"):
        _mount("-t", "tmpfs", "none", f"/sys/{place}")
        if (tree / "sys" / place).is_dir():
            _mount("--bind", str(tree / "sys" / place), f"/sys/{place}")
    return powercap


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


def environment(folder: Path) -> dict[str, str]:
    """Where a tool finds the GPU's library, and ``nvidia-smi``, without which CodeCarbon sees no GPU."""
    smi = folder / "bin/nvidia-smi"
    smi.parent.mkdir()
    smi.write_text("#!/bin/sh\n[ \"$1\" = --help ] && exit 0; echo 'GPU 0: a fake'\n")
    smi.chmod(0o755)
    found = nvml.environment(nvml.build(), wave=constant(GPU_W).spec())
    del found["PYTHONPATH"]
    return {**found, "PATH": f"{smi.parent}{os.pathsep}{found['PATH']}", "HOME": str(folder)}
