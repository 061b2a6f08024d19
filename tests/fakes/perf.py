"""Builds ``perf.c`` and gives the environment in which a child process has it for its kernel."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from fakes.compiled import compiled

SOURCE = Path(__file__).with_name("perf.c")


def build() -> Path:
    """The library's path."""
    return compiled("libperf.so", [SOURCE], ["-ldl", "-lm"])


def environment(library: Path | None, **settings: object) -> dict[str, str]:
    """The environment of a child that finds the library and what this process can import.

    ``events="2,3"`` becomes ``FAKE_PERF_EVENTS=2,3``. Without a library the kernel is the real one.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FAKE_PERF_")}
    kept["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    if library is not None:
        kept["LD_PRELOAD"] = str(library)
    for name, value in settings.items():
        kept[f"FAKE_PERF_{name.upper()}"] = str(value)
    return kept
