"""Controls of a machine, made by hand: five sessions that vary by half a percent, and more like them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from energyprof.report.flags import Flag
from energyprof.report.record import Phase, Report
from reports import report, run

# Around 1, and their standard deviation: 0.5 %.
FIVE = (0.995, 1.005, 1.0, 0.995, 1.005)


def control(
    day: int,
    factor: float = 1.0,
    *,
    warm_c: float = 60.0,
    idle_w: float | None = 20.0,
    hour: int = 8,
    flags: Sequence[Flag] = (),
    **changes: Any,
) -> Report:
    """A day's control in January: 20 W at rest, 100 W and 2e8 rounds in 10 s of work, times ``factor``."""
    joules = 1000.0 * factor
    work = {"CPU": {"kind": "cpu", "rounds": 200_000_000, "seconds": 10.0 * factor}}
    facts = {"control": {"python": "3.11", "work": work, "about": {}, "cpu_mhz": 3000.0, "cpu_c": warm_c}}
    made = run(
        status="done",
        seed=None,
        phases=(Phase("cpu", 0.0, 10.0, None, joules, 0.0, {"rapl:package-0": joules}),),
        facts=facts,
        idle_before_w=None if idle_w is None else idle_w * factor,
        flags=tuple(flags),
    )
    wanted = {"name": "control", "size": None, "target": None, "config": {"version": 1}, **changes}
    return replace(report([made], **wanted), created=f"2026-01-{day:02}T{hour:02}:00:00Z")
