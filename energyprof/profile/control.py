"""A control: the fixed work that a machine is held against itself by, metered as any program is."""

from __future__ import annotations

import os
import platform
import sys

from energyprof.profile.open_meters import MeasurementSettings, open_meters
from energyprof.profile.program import full_path
from energyprof.profile.run import train_all
from energyprof.profile.session import SessionResult, new_session
from energyprof.profile.training import Training
from energyprof.report.record import WorkloadRecord
from energyprof.workload import content_id

NAME = "control"
# What the work is: to be counted up where `cpu_load` or `gpu_load` do other work, or in other phases.
VERSION = 1
# Looks at the idle machine before and after.
IDLE_S = 8.0


def work(seconds: float) -> WorkloadRecord:
    """Its identity: the same exactly where its seconds can be held against each other's."""
    config = {
        "version": VERSION,
        "seconds": seconds,
        "cpus": len(os.sched_getaffinity(0)),
        "python": ".".join(platform.python_version_tuple()[:2]),  # which does the processors' work
    }
    identity = content_id({"program": NAME, **config})
    return WorkloadRecord(NAME, None, content_id({"program": NAME}), identity, config, None)


def run_control(settings: MeasurementSettings, seconds: float, python: str) -> SessionResult:
    """Load processors and GPUs for ``seconds`` each, and look at the idle machine; the report of it.

    ``python`` has the PyTorch that loads the GPUs.

    Raises:
        UsageError: there is no such interpreter, or no such meter.
        MissingPart: a meter that was asked for is not here.
        FileError: the report cannot be written, or its name is taken.
    """
    command = (
        *(sys.executable, "-m", "energyprof.profile.control_load", f"{seconds:g}"),
        *("--python", full_path(python)),
    )
    with open_meters(settings) as on:
        session = new_session(on, work(seconds), settings.path, taken="refused")
        return train_all(session, [Training(command, None, "startup", "keep", unmarked="run")])
