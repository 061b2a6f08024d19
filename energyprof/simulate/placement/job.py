"""A job to be placed, the sites that may take it, and what limits both."""

from __future__ import annotations

from typing import Literal

from energyprof.decode import NonNegative
from energyprof.simulate.placement.workers import Course
from energyprof.simulate.traces.trace import IntensityTrace
from energyprof.storable.frozen import dataclass

Objective = Literal["carbon", "energy", "money"]


@dataclass(frozen=True)
class Level:
    """So many machines, and what they do together."""

    machines: int
    samples_per_s: float
    power_w: float  # of all of them
    said: str = ""  # the report that measured or estimated it


@dataclass(frozen=True)
class Budget:
    """What the job may take at most; ``None``: as much as it takes."""

    carbon_kg: NonNegative | None = None
    energy_kwh: NonNegative | None = None
    money: NonNegative | None = None


@dataclass(frozen=True)
class Job:
    """What is to be trained."""

    name: str
    samples: float  # to the target
    levels: tuple[Level, ...]  # in the order of their machines
    start_s: float  # s since 1970
    deadline_s: float
    step_s: float  # a plan says what is done in each of these
    checkpoint_j: float = 0.0  # each time that it is put down and taken up again
    move_j: float = 0.0  # beside that, where it is taken up at another site
    budget: Budget = Budget()
    objective: Objective = "carbon"
    course: Course | None = None  # of the training, where the number of machines follows it
    batch: float = 1.0  # samples of one machine in a step of training, with a course

    @property
    def steps(self) -> int:
        """How many whole steps there are until the deadline."""
        return int((self.deadline_s - self.start_s) / self.step_s + 1e-9)


@dataclass(frozen=True)
class Site:
    """Where machines are."""

    name: str
    machines: int
    pue: float
    trace: IntensityTrace | None  # None: ``g_per_kwh`` all the time
    g_per_kwh: float
    price_per_kwh: float | None = None  # None: nobody said
    domain: str = ""  # sites of one name share ``domain_w``
    domain_w: float | None = None
    levels: tuple[Level, ...] | None = None  # None: the job's
    said: str = ""  # the intensity's source
