"""Builds ``nvml.c`` and gives the environment in which a child process finds it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("nvml.c")
SONAME = "libnvidia-ml.so.1"


def build(folder: Path, *flags: str) -> Path:
    """Compiles the library into ``folder``, which comes back; ``flags`` go to the compiler.

    ``-DWITHOUT_ENERGY`` leaves the energy counter's symbol out, as drivers before 384 do.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("the fake libnvidia-ml.so.1 needs Linux and a C compiler")
    folder.mkdir(parents=True, exist_ok=True)
    command = [compiler, "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", *flags]
    command += [f"-Wl,-soname,{SONAME}", "-o", str(folder / SONAME), str(SOURCE), "-lm"]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return folder


def environment(folder: Path | None, **settings: object) -> dict[str, str]:
    """The environment of a child that finds the library and what this process can import.

    ``gpus=2`` becomes ``FAKE_NVML_GPUS=2``; names that start with ``CUDA_`` stay as they are. Without
    a folder there is no library.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FAKE_NVML_", "CUDA_")) and name != "LD_LIBRARY_PATH"
    }
    kept["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    if folder is not None:
        kept["LD_LIBRARY_PATH"] = str(folder)
    for name, value in settings.items():
        kept[name if name.startswith("CUDA_") else f"FAKE_NVML_{name.upper()}"] = str(value)
    return kept
