"""What other programs used of the machine's processors, from readings of its busy time and of our own.

Ours are the training's processes and the profiler. What is left is others' work, and the kernel's own
threads: about 1 % of an idle machine's processors. In a container /proc/stat is the host's: then others are
the host's other containers, too, whose energy the host's meters count alike.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from energyprof.report.energy import Energy
from energyprof.report.flags import Flag, flag
from energyprof.report.phases import PhaseInterval

# Of the machine's processor time: daemons and kernel threads stay below; above, a run's joules and seconds
# change by as much as verdicts are about.
MATTERS = 0.05
# Ticks are 10 ms: a shorter look at two processors would not tell 5 % from nothing.
SHORTEST_S = 0.5
# Readings begin and end within milliseconds of most stretches; the rest of one goes as what was seen of it.
LEAST_SEEN = 0.9
CPUS = "the CPUs"


class LoadReading(NamedTuple):
    """Processor time in s until then, of everything on the machine and of the training and its profiler."""

    time_s: float
    busy_s: float
    own_s: float
    cpus: int


class Others(NamedTuple):
    """How many processors others used on average, of how many."""

    used: float
    cpus: int

    @property
    def matter(self) -> bool:
        """Whether that is too much for the numbers to be the training's alone."""
        return self.used > MATTERS * self.cpus

    def __str__(self) -> str:
        return f"{self.used:.2g} of {self.cpus}"


def reading(time_s: float, fields: Mapping[str, Any]) -> LoadReading | None:
    """What the fields of an event say; ``None``: they are of a kernel, or a version, that did not tell."""
    if fields.get("busy_s") is None or not fields.get("cpus"):
        return None
    own_s = fields.get("cpu_s", 0.0) + fields.get("profiler_s", 0.0)
    return LoadReading(time_s, float(fields["busy_s"]), float(own_s), int(fields["cpus"]))


def others(readings: Sequence[LoadReading], start_s: float, end_s: float) -> Others | None:
    """What others used from ``start_s`` to ``end_s``, by ``readings`` in the order of their times.

    ``None``: the readings leave out too much of it, or it is too short to tell.
    """
    if not readings:
        return None
    from_s, to_s = max(start_s, readings[0].time_s), min(end_s, readings[-1].time_s)
    if to_s - from_s < max(SHORTEST_S, LEAST_SEEN * (end_s - start_s)):
        return None
    used_s = _at(readings, to_s) - _at(readings, from_s)
    return Others(max(0.0, used_s / (to_s - from_s)), readings[-1].cpus)


def in_training(readings: Sequence[LoadReading], start_s: float, end_s: float) -> tuple[Flag, ...]:
    """A flag if others used so much in the window that its joules are not the training's alone."""
    found = others(readings, start_s, end_s)
    return (flag("foreign", CPUS, str(found)),) if found is not None and found.matter else ()


def at_rest(
    readings: Sequence[LoadReading], looks: Sequence[tuple[PhaseInterval, Energy]]
) -> tuple[list[tuple[PhaseInterval, Energy]], tuple[Flag, ...]]:
    """The phases without looks at a machine that was not idle, and a flag for each of those."""
    kept, flags = [], []
    begun = False
    for phase, energy in looks:
        found = others(readings, phase.start_s, phase.end_s) if phase.name == "idle" else None
        if found is None or not found.matter:
            kept.append((phase, energy))
            begun |= phase.name != "idle"
        else:
            when = "after the run" if begun else "before the run"
            flags.append(flag("not_idle", detail=f"{when} ({found} CPUs in use)"))
    return kept, tuple(flags)


def _at(readings: Sequence[LoadReading], time_s: float) -> float:
    """Others' processor time in s until ``time_s``; between two readings it grows evenly."""
    i = bisect_left(readings, time_s, key=lambda one: one.time_s)
    after = readings[i]
    after_s = after.busy_s - after.own_s
    if i == 0 or after.time_s == time_s:
        return after_s
    before = readings[i - 1]
    before_s = before.busy_s - before.own_s
    return before_s + (after_s - before_s) * (time_s - before.time_s) / (after.time_s - before.time_s)
