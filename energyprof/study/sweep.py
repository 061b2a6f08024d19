"""A study's cells trained one after the other; what was interrupted goes on where it stopped."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from energyprof.errors import EnergyprofError, FileError, UsageError
from energyprof.files import write_text
from energyprof.profile.cooldown import Cooldown
from energyprof.profile.inbox import Inbox
from energyprof.profile.job import Job
from energyprof.profile.open_meters import MeasurementSettings, OpenMeters, idle_gpus, open_meters
from energyprof.profile.session import SessionResult, new_session
from energyprof.profile.watchers import Watcher
from energyprof.report.record import Run
from energyprof.study.folder import Cell, Trained, cells, opened, path_of, problem_path, trained
from energyprof.study.plan import Plan, settings, words_of
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


def sweep(
    plan: Plan,
    folder: Path,
    measuring: MeasurementSettings,
    make_job: MakeJob,
    cooldown_s: float,
    inbox: Inbox,
    screen: SweepScreen,
) -> SweepResult:
    """Train what the folder does not hold yet, block by block, until all is done or something ends it.

    A training that fails, or cannot be begun, is a result of its cell.

    Raises:
        UsageError: a cell's command is invalid; nothing is trained then, or the folder is another plan's.
        MissingPart: a meter or a lever that was asked for is not here.
        FileError: a report cannot be written or read.
    """
    jobs = _jobs(plan, make_job)
    opened(folder, plan)
    order = cells(plan)
    done = {cell.name: found for cell in order if (found := trained(folder, cell)) is not None}
    lost: list[str] = []
    with open_meters(measuring) as on:
        counted = [meter for meter in on.meters if meter.info.name in on.selection.counted]
        cooldown = Cooldown(on.probes, counted, cooldown_s)
        for number, cell in enumerate(order):
            begins_block = number == 0 or order[number - 1].block != cell.block
            if begins_block and _spent(plan, done):
                return _result(order, done, lost, over_budget=True)
            if cell.name in done:
                continue
            title = _title(plan, cell, number, order, done)
            screen.say(title)
            settled = cooldown.settle(inbox, screen.say)
            if settled.stopped_by is not None:
                return _result(order, done, lost, settled.stopped_by)
            notes = [f"started warm: {settled.still_warm}"] if settled.still_warm else []
            result = _train(cell, jobs[cell.setting.values], folder, on, notes, inbox, screen, title)
            if isinstance(result, str):
                problem_path(folder, cell).parent.mkdir(parents=True, exist_ok=True)
                write_text(problem_path(folder, cell), f"{result}\n")
                done[cell.name] = Trained(cell, None, result)
                screen.say(f"  {result}")
                continue
            lost += result.lost
            if result.stopped_by is not None:
                return _result(order, done, lost, result.stopped_by)
            if result.path != result.asked:
                raise FileError(f"{result.asked}: the disk is full; the report is at {result.path}")
            done[cell.name] = Trained(cell, result.report)
    return _result(order, done, lost)


def _jobs(plan: Plan, make_job: MakeJob) -> dict[object, Job]:
    """The job of each setting, all made before the first is trained."""
    jobs: dict[object, Job] = {}
    for setting in settings(plan):
        words = words_of(plan.command, setting)
        try:
            jobs[setting.values] = make_job(words)
        except EnergyprofError as error:
            raise UsageError(f"{setting.label(settings(plan)[0])}: {error}") from None
    return jobs


def _train(
    cell: Cell,
    job: Job,
    folder: Path,
    on: OpenMeters,
    notes: Sequence[str],
    inbox: Inbox,
    screen: SweepScreen,
    title: str,
) -> SessionResult | str:
    """One cell's report, or why it could not be trained."""
    try:
        job.check()
    except EnergyprofError as error:
        return str(error)
    notes = [*notes, *idle_gpus(on.selection, job.gpus)]
    # What an interrupted training left is not kept: its cell is trained anew.
    path = path_of(folder, cell)
    session = new_session(on, job.work, path, notes, commit=job.commit, taken="replaced")
    with contextlib.closing(session), screen.watching(job, title) as watchers:
        session.train(job.training(cell.seed), 1, inbox, watchers)
        return session.result()


def _title(plan: Plan, cell: Cell, number: int, order: Sequence[Cell], done: dict[str, Trained]) -> str:
    """Such as "5 of 12, block 2: precision=bf16; about 12 min 30 s and 40.1 kJ left"."""
    head = f"{number + 1} of {len(order)}, block {cell.block + 1}: {cell.setting.label(settings(plan)[0])}"
    times = [run.total_time_s for run in _runs(done) if run.total_time_s]
    energies = [run.total_energy_j for run in _runs(done) if run.total_energy_j]
    left = len(order) - len(done)
    if not times:
        return head
    about = [seconds(left * sum(times) / len(times))]
    about += [joules(left * sum(energies) / len(energies))] if energies else []
    return f"{head}; about {' and '.join(about)} left"


def _spent(plan: Plan, done: dict[str, Trained]) -> bool:
    """Whether the budget is spent."""
    hours, most_j = plan.budget.hours, plan.budget.joules
    took_s = sum(run.total_time_s or 0.0 for run in _runs(done))
    took_j = sum(run.total_energy_j or 0.0 for run in _runs(done))
    return (hours is not None and took_s >= hours * 3600) or (most_j is not None and took_j >= most_j)


def _runs(done: dict[str, Trained]) -> list[Run]:
    return [run for trained_cell in done.values() if trained_cell.report for run in trained_cell.report.runs]


def _result(
    order: Sequence[Cell],
    done: dict[str, Trained],
    lost: Sequence[str],
    stopped_by: int | None = None,
    *,
    over_budget: bool = False,
) -> SweepResult:
    kept = tuple(done[cell.name] for cell in order if cell.name in done)
    return SweepResult(kept, len(order) - len(kept), stopped_by, over_budget, tuple(lost))
