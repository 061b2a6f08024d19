"""What is asked to be trained, before anything is looked up or started: a workload, a script or a program."""

from __future__ import annotations

from energyprof.profile.checkout import Checkout
from energyprof.profile.job import Job, program_job, script_job, with_levers, workload_job
from energyprof.profile.nodes.meeting import Part
from energyprof.profile.program import label_of
from energyprof.profile.script import Script
from energyprof.settings import Settings
from energyprof.storable.frozen import dataclass


@dataclass(frozen=True)
class WorkloadRequest:
    """A standard workload."""

    name: str
    settings: Settings
    python: str | None = None  # the interpreter; None: this one
    levers: tuple[str, ...] = ()  # what is turned for it
    part: Part | None = None  # what of it is here; None: all

    @property
    def label(self) -> str:
        """What its report is called."""
        return f"{self.name}-{self.settings.size}"

    @property
    def nproc(self) -> int:
        """How many processes are started here."""
        return self.settings.nproc

    def job(self, checkout: Checkout | None) -> Job:
        """The same as a job, of the code in ``checkout``."""
        job = workload_job(self.name, self.settings, self.python, checkout, self.part)
        return with_levers(job, self.levers)


@dataclass(frozen=True)
class ScriptRequest:
    """A training script of the user's own."""

    script: Script
    nproc: int = 1
    python: str | None = None  # the interpreter; None: this one
    levers: tuple[str, ...] = ()  # what is turned for it
    part: Part | None = None  # what of it is here; None: all

    @property
    def label(self) -> str:
        """What its report is called."""
        return self.script.path.stem

    def job(self, checkout: Checkout | None) -> Job:
        """The same as a job, of the code in ``checkout``."""
        job = script_job(self.script, self.nproc, self.python, checkout, self.part)
        return with_levers(job, self.levers)


@dataclass(frozen=True)
class ProgramRequest:
    """Any program."""

    command: tuple[str, ...]
    name: str | None = None  # in the report
    levers: tuple[str, ...] = ()  # what is turned for it

    @property
    def label(self) -> str:
        """What its report is called."""
        return label_of(self.command, self.name)

    def job(self, checkout: Checkout | None) -> Job:
        """The same as a job, of the code in ``checkout``."""
        return with_levers(program_job(self.command, self.name, checkout), self.levers)


TrainingRequest = WorkloadRequest | ScriptRequest | ProgramRequest
