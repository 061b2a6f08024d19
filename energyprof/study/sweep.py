"""A study's cells trained one after the other; what was interrupted goes on where it stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from energyprof.errors import EnergyprofError, UsageError
from energyprof.profile.inbox import Inbox
from energyprof.profile.job import Job
from energyprof.profile.open_meters import MeasurementSettings, open_meters
from energyprof.study.folder import Cell, Trained, cells, is_of, opened, trained
from energyprof.study.plan import Plan, settings
from energyprof.study.trainer import MakeJob, SweepResult, SweepScreen, check_base, spent, trainer
from energyprof.study.words import words_of


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
        UsageError: a cell's command is invalid or the base cannot be trained here; nothing is trained then.
            Or the folder is another plan's.
        MissingPart: a meter or a lever that was asked for is not here.
        FileError: a report cannot be written or read.
    """
    jobs = jobs_of(plan, make_job)
    is_of(folder, plan)
    order = cells(plan)
    done = {cell.name: found for cell in order if (found := trained(folder, cell)) is not None}
    if len(done) < len(order):
        check_base(jobs[settings(plan)[0].values])
    opened(folder, plan)
    with open_meters(measuring) as on:
        trains = trainer(folder, on, cooldown_s, inbox, screen)
        for number, cell in enumerate(order):
            begins_block = number == 0 or order[number - 1].block != cell.block
            if begins_block and spent(plan.budget, list(done.values())):
                return _result(order, done, trains.lost, over_budget=True)
            if cell.name in done:
                continue
            left = trains.about(list(done.values()), len(order) - len(done))
            title = _title(plan, cell, number, order) + left
            found = trains.train(cell, jobs[cell.setting.values], title)
            if found is None:
                return _result(order, done, trains.lost, trains.stopped_by)
            done[cell.name] = found
    return _result(order, done, trains.lost)


def jobs_of(plan: Plan, make_job: MakeJob) -> dict[object, Job]:
    """The job of each setting, all made before the first is trained. Raises UsageError."""
    jobs: dict[object, Job] = {}
    for setting in settings(plan):
        words = words_of(plan.command, setting)
        try:
            jobs[setting.values] = make_job(words)
        except EnergyprofError as error:
            raise UsageError(f"{setting.label(settings(plan)[0])}: {error}") from None
    return jobs


def _title(plan: Plan, cell: Cell, number: int, order: Sequence[Cell]) -> str:
    """Such as "5 of 12, block 2: precision=bf16"."""
    return f"{number + 1} of {len(order)}, block {cell.block + 1}: {cell.setting.label(settings(plan)[0])}"


def _result(
    order: Sequence[Cell],
    done: Mapping[str, Trained],
    lost: Sequence[str],
    stopped_by: int | None = None,
    *,
    over_budget: bool = False,
) -> SweepResult:
    kept = tuple(done[cell.name] for cell in order if cell.name in done)
    return SweepResult(kept, len(order) - len(kept), stopped_by, over_budget, tuple(lost))
