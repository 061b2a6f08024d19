"""The steps of a meter test: what was loaded when, and what the meters read meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Literal

from energyprof.decode import Amount, Count, Name, NonNegative, Share
from energyprof.meter import MeterInfo
from energyprof.report.foreign_load import LoadReading
from energyprof.storable.frozen import dataclass
from energyprof.trace.rows import Sample

IDLE, HALF, FULL = 0.0, 0.5, 1.0


@dataclass(frozen=True)
class Target:
    """A processor or a GPU that can be loaded alone."""

    name: Name  # "CPU package 0", "GPU 1"
    kind: Literal["cpu", "gpu"]
    device: str = ""  # the package's number, the GPU's UUID; "": not known
    cpus: Count = 0  # processors that its load is to keep busy
    about: str = ""  # how it is loaded: "2 of 2 CPUs", "NVIDIA A100, cuda:0 of PyTorch"


@dataclass(frozen=True)
class PlannedStep:
    """Which targets are loaded together, and by how much; the others rest."""

    targets: tuple[str, ...]
    share: Share


@dataclass(frozen=True)
class Step:
    """A step as it was: from its first moment to the next one's, in s from the test's zero."""

    start_s: NonNegative
    end_s: NonNegative
    targets: tuple[str, ...]
    share: Share
    used_cpus: float | None = None  # processor time of the load's processes a second; None: not known


@dataclass(frozen=True)
class LoadTest:
    """What a test recorded; the samples of each meter are in order of time, those of ``closeups`` come later.

    ``closeups``: so fast a look at each meter that its renewals show, if it can be read so fast.
    """

    targets: tuple[Target, ...]
    steps: tuple[Step, ...]
    meters: tuple[MeterInfo, ...]
    samples: Sequence[Sequence[Sample]]
    closeups: Sequence[Sequence[Sample]]
    problems: Mapping[str, str] = field(default_factory=dict)  # by meter: why it could not be read
    away: Mapping[str, str] = field(default_factory=dict)  # what was asked for and is not there: why
    unloaded: tuple[str, ...] = ()  # what could not be loaded, and why
    notes: tuple[str, ...] = ()
    load: tuple[LoadReading, ...] = ()  # the machine's processor time, ours and all
    foreign: tuple[str, ...] = ()  # programs of others that used a GPU meanwhile
    limits_w: Mapping[str, Amount] = field(default_factory=dict)  # by meter: what its device may draw


def plan(targets: Sequence[Target]) -> tuple[PlannedStep, ...]:
    """Idle; for each kind all its targets half, each alone in full, idle again."""
    idle = PlannedStep((), IDLE)
    steps = [idle]
    for kind in ("cpu", "gpu"):
        names = tuple(target.name for target in targets if target.kind == kind)
        if names:
            steps += [PlannedStep(names, HALF), *(PlannedStep((name,), FULL) for name in names), idle]
    return tuple(steps)
