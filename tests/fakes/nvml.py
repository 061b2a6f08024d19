"""Builds ``nvml*.c`` and gives the environment in which a child process finds it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import warm
from fakes.compiled import compiled

PARTS = ("nvml", "nvml_devices", "nvml_facts", "nvml_set", "nvml_load", "gpu_load")
SOURCES = [Path(__file__).with_name(f"{part}.c") for part in PARTS]
SONAME = "libnvidia-ml.so.1"


def build(*flags: str) -> Path:
    """The folder that holds the library; ``flags`` go to the compiler.

    ``-DWITHOUT_ENERGY`` leaves the energy counter's symbol out, as old drivers do;
    ``-DWITHOUT_EVENT_REASONS`` and ``-DWITHOUT_PROCESSES_V3`` leave out newer names of what they have.
    """
    return compiled(SONAME, SOURCES, [*flags, f"-Wl,-soname,{SONAME}", "-lm"]).parent


def environment(folder: Path | None, **settings: object) -> dict[str, str]:
    """The environment of a child that finds the library and what this process can import.

    ``gpus=2`` becomes ``FAKE_NVML_GPUS=2`` (``nvml.h`` has them all); names that start with ``CUDA_`` stay as
    they are. Without a folder there is no library.
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


def uuid(index: int) -> str:
    """The fake's UUID of a board."""
    return f"GPU-{0xA0 + index:02x}000000-0000-4000-8000-0000000000{index:02x}"


def python(script: str, environment: dict[str, str]) -> Any:
    """What the script prints as JSON; it must print nothing else, on stderr neither."""
    child = warm.run(["-c", script], environment)
    assert child.returncode == 0, child.stderr
    assert child.stderr == ""
    return json.loads(child.stdout)
