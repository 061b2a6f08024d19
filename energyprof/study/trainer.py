"""Cells trained one after the other with the same open meters, each into its report."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import field
from pathlib import Path
from statistics import fmean

from energyprof.errors import EnergyprofError, FileError, UsageError
from energyprof.files import write_text
from energyprof.measure.lever import LeverError
from energyprof.profile.cooldown import Cooldown
from energyprof.profile.inbox import Inbox
from energyprof.profile.job import Job
from energyprof.profile.open_meters import OpenMeters, idle_gpus
from energyprof.profile.session import SessionResult, new_session
from energyprof.profile.watchers import Watcher
from energyprof.report.record import Run
from energyprof.storable.frozen import dataclass
from energyprof.study.folder import Cell, Trained, path_of, problem_path
from energyprof.study.plan import Budget
from energyprof.study.scanning import settled
from energyprof.units import joules, seconds

# From a command's words to what is trained; raises what is wrong with them.
MakeJob = Callable[[Sequence[str]], Job]


@dataclass(frozen=True)
class SweepScreen:
    """How people follow a study."""

    watching: Callable[[Job, str], AbstractContextManager[Sequence[Watcher]]]  # one training, by its title
    say: Callable[[str], None]


@dataclass(frozen=True)
class SweepResult:
    """How a study ended."""

    done: tuple[Trained, ...]
    left: int  # cells that are still to be trained
    stopped_by: int | None = None  # the signal that ended it
    over_budget: bool = False
    lost: tuple[str, ...] = ()  # what could not be saved, or was not put back


@dataclass
class Trainer:
    """Trains cells; what was lost on the way, and the signal that ended it, are told afterwards."""

    folder: Path
    on: OpenMeters
    cooldown: Cooldown
    inbox: Inbox
    screen: SweepScreen
    lost: list[str] = field(default_factory=list)
    stopped_by: int | None = None
    # Seconds that each took beside the training: cooling down, looking at the idle machine, writing.
    beside_s: list[float] = field(default_factory=list)

    def train(self, cell: Cell, job: Job, title: str) -> Trained | None:
        """The cell when it is done; ``None``: a signal came.

        A training that fails, or cannot be begun, is a result of its cell.

        Raises:
            FileError: the disk is full.
        """
        self.screen.say(title)
        begun_s = time.monotonic()
        settled = self.cooldown.settle(self.inbox, self.screen.say)
        self.stopped_by = settled.stopped_by
        if self.stopped_by is not None:
            return None
        notes = [f"started warm: {settled.still_warm}"] if settled.still_warm else []
        result = self._session(cell, job, notes, title)
        if isinstance(result, str):
            return self.refused(cell, result)
        self.lost += result.lost
        self.stopped_by = result.stopped_by
        if self.stopped_by is not None:
            return None
        if result.path != result.asked:
            raise FileError(f"{result.asked}: the disk is full; the report is at {result.path}")
        for line in unlucky(result):
            self.screen.say(f"  {line}")
        trained = Trained(cell, result.report)
        took_s = sum(run.total_time_s or 0.0 for run in runs([trained]))
        self.beside_s.append(max(0.0, time.monotonic() - begun_s - took_s))
        return trained

    def about(self, done: Sequence[Trained], left: int) -> str:
        """Such as "; about 12 min 30 s and 40.1 kJ left"; empty before anything is known.

        Of what was trained before this started nobody knows what it took beside the training.
        """
        ended = [run for run in runs(done) if run.status != "failed"]
        times_s = [run.total_time_s for run in ended if run.total_time_s]
        energies_j = [run.total_energy_j for run in ended if run.total_energy_j]
        if not times_s or not left:
            return ""
        beside_s = fmean(self.beside_s) if self.beside_s else 0.0
        parts = [seconds(left * (fmean(times_s) + beside_s))]
        parts += [joules(left * fmean(energies_j))] if energies_j else []
        return f"; about {' and '.join(parts)} left"

    def refused(self, cell: Cell, problem: str) -> Trained:
        """The cell as one that could not be trained, which is written down."""
        problem_path(self.folder, cell).parent.mkdir(parents=True, exist_ok=True)
        write_text(problem_path(self.folder, cell), f"{problem}\n")
        self.screen.say(f"  {problem}")
        return Trained(cell, None, problem)

    def _session(self, cell: Cell, job: Job, notes: Sequence[str], title: str) -> SessionResult | str:
        """One cell's report, or why it could not be trained."""
        try:
            job.check()
        except EnergyprofError as error:
            return str(error)
        notes = [*notes, *idle_gpus(self.on.selection, job.gpus)]
        # What an interrupted training left is not kept: its cell is trained anew.
        path = path_of(self.folder, cell)
        session = new_session(self.on, job.work, path, notes, commit=job.commit, taken="replaced")
        with contextlib.closing(session), self.screen.watching(job, title) as watchers:
            try:
                session.train(settled(job.training(cell.seed), self.on), 1, self.inbox, watchers)
            except LeverError as error:  # it may be read, and does not take this value
                session.withdraw()
                return str(error)
            return session.result()


def check_base(job: Job) -> None:
    """Look whether the base can be trained here: without it there is nothing to hold the others against.

    Raises:
        UsageError: it cannot; a lever or what it needs is not here.
    """
    try:
        job.check()
    except EnergyprofError as error:
        raise UsageError(f"base: {error}") from None


def trainer(folder: Path, on: OpenMeters, cooldown_s: float, inbox: Inbox, screen: SweepScreen) -> Trainer:
    """One that waits for at most ``cooldown_s`` before each training."""
    counted = [meter for meter in on.meters if meter.info.name in on.selection.counted]
    return Trainer(folder, on, Cooldown(on.probes, counted, cooldown_s), inbox, screen)


def unlucky(result: SessionResult) -> list[str]:
    """Why a training came to nothing: such as "failed with exit code 1: no such file"; empty: it did not."""
    run = result.report.runs[-1]
    if run.status in ("reached", "done"):
        return []
    if run.status != "failed":
        score = "" if run.score is None else f" at {run.score:.4g}"
        return [f"{run.status}{score} after {run.samples or 0:,} samples"]
    said = [flag.detail for flag in run.flags if flag.kind == "said"] or list(result.tail[-1:])
    code = "" if run.exit_code is None else f" with exit code {run.exit_code}"
    return [": ".join([f"failed{code}", *said])]


def spent(budget: Budget, done: Sequence[Trained]) -> bool:
    """Whether the budget is spent."""
    took_s = sum(run.total_time_s or 0.0 for run in runs(done))
    took_j = sum(run.total_energy_j or 0.0 for run in runs(done))
    over_s = budget.hours is not None and took_s >= budget.hours * 3600
    return over_s or (budget.joules is not None and took_j >= budget.joules)


def runs(done: Sequence[Trained]) -> list[Run]:
    """All runs of the cells."""
    return [run for cell in done if cell.report is not None for run in cell.report.runs]
