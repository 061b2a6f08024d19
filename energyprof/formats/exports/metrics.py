"""What of a run is passed on, with names by Prometheus' conventions; one table for all exporters."""

from __future__ import annotations

from collections.abc import Callable

from energyprof.profile.live import Snapshot
from energyprof.storable.frozen import dataclass


@dataclass(frozen=True)
class Metric:
    """One value of a run; its unit is the end of its name."""

    name: str
    help: str
    value: Callable[[Snapshot], float | None]  # None: not known, and therefore not passed on


METRICS = (
    Metric("energyprof_power_watts", "Power now, over the counted meters.", lambda now: now.watts),
    Metric("energyprof_energy_joules", "Energy since the training began.", lambda now: now.joules),
    Metric("energyprof_train_seconds", "Time since the training began.", lambda now: now.train_s),
    Metric("energyprof_samples", "Samples trained.", lambda now: now.samples),
    Metric("energyprof_score", "The newest score.", lambda now: now.score),
    Metric("energyprof_run", "Which of the runs it is, from 1.", lambda now: now.run + 1),
)


def known(now: Snapshot) -> dict[str, float]:
    """The values that are known, by name."""
    found = {metric.name: metric.value(now) for metric in METRICS}
    return {name: float(value) for name, value in found.items() if value is not None}


def of_run(now: Snapshot) -> dict[str, str]:
    """What a run is told by: its seed, its phase, and whether its energy is measured or an estimate."""
    return {
        "seed": "" if now.seed is None else str(now.seed),
        "phase": now.phase,
        "origin": now.origin,
    }
