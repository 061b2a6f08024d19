"""A run as it stands in the report while it goes on: what is found there if the profiler is killed."""

from __future__ import annotations

import dataclasses
import time

from energyprof.clock import utc_now
from energyprof.report.flags import flag
from energyprof.report.record import Clock, Run

_NOTHING = Run(
    seed=None,
    status="interrupted",
    samples=None,
    score=None,
    clock=Clock(0.0, ""),
    energy_j=None,
    energy_u_j=None,
    time_s=None,
    total_energy_j=None,
    total_energy_u_j=None,
    total_time_s=None,
    coverage=None,
    exit_code=None,
    phases=(),
    history=(),
    facts={},
    profiler=None,
    flags=(flag("unfinished"),),
)


def unfinished(seed: int | None) -> Run:
    """The run that begins now, of which nothing is known yet."""
    return dataclasses.replace(_NOTHING, seed=seed, clock=Clock(time.monotonic(), utc_now()))
