"""Settings searched for instead of all tried: optuna proposes, what may lie on the front is measured again.

First every trial is trained once, from seed 0. Then all that may lie on the front, given what is known of the
noise, are trained from the next seed, and so on until it is known of each whether it does, or the blocks are
used up. What was tried is on the disk before it is trained: whatever interrupts it, the search goes on as it
would have, since each proposal is seeded by its number and made from the trials before it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from energyprof.compare.effects import ByBlock
from energyprof.errors import EnergyprofError
from energyprof.profile.inbox import Inbox
from energyprof.profile.open_meters import MeasurementSettings, open_meters
from energyprof.study.folder import Cell, Trained, all_trained, cells, is_of, opened, read_study, remember
from energyprof.study.objectives import figures_of, undecided
from energyprof.study.plan import Plan, Setting, settings
from energyprof.study.proposals import check_installed, proposed, trials
from energyprof.study.trainer import (
    MakeJob,
    SweepResult,
    SweepScreen,
    Trainer,
    check_base,
    spent,
    trainer,
)
from energyprof.study.words import words_of


def search(
    plan: Plan,
    folder: Path,
    measuring: MeasurementSettings,
    make_job: MakeJob,
    cooldown_s: float,
    inbox: Inbox,
    screen: SweepScreen,
) -> SweepResult:
    """Try settings until the plan's trials are done, and the front is told from the noise if it can be.

    Raises:
        MissingPart: optuna, a meter or a lever that was asked for is not here.
        UsageError: the base's command is invalid or cannot be trained here, or the folder is another plan's.
        FileError: a report cannot be written or read.
    """
    check_installed()
    base = make_job(words_of(plan.command, settings(plan)[0]))
    if is_of(folder, plan):
        plan = read_study(folder)
    done = {found.cell.name: found for found in all_trained(folder, plan)}
    if _next(plan, done) is not None:
        check_base(base)
    opened(folder, plan)
    with open_meters(measuring) as on:
        trains = trainer(folder, on, cooldown_s, inbox, screen)
        while (following := _next(plan, done)) is not None:
            if spent(plan.budget, list(done.values())):
                return _result(plan, done, trains, over_budget=True)
            plan, cell = following
            remember(folder, plan)
            found = _trained(plan, cell, make_job, trains, done)
            if found is None:
                return _result(plan, done, trains)
            done[cell.name] = found
    return _result(plan, done, trains)


def _next(plan: Plan, done: Mapping[str, Trained]) -> tuple[Plan, Cell] | None:
    """The cell to train next, and the plan that knows of it; ``None``: the search is over."""
    waiting = [cell for cell in cells(plan) if cell.block == 0 and cell.name not in done]
    if waiting:
        return plan, waiting[0]
    if len(settings(plan)) < trials(plan):
        tried = [(setting, _of(plan, setting, done)) for setting in settings(plan)]
        setting = proposed(plan, tried)
        if setting is not None:
            plan = dataclasses.replace(plan, tried=(*plan.tried, setting))
            return plan, next(c for c in cells(plan) if c.block == 0 and c.setting == setting)
    return next(((plan, cell) for cell in _again(plan, done) if cell.name not in done), None)


def _of(plan: Plan, setting: Setting, done: Mapping[str, Trained]) -> list[ByBlock]:
    """The setting's figures, one for each objective; those that failed have no block."""
    return figures_of(plan.objectives, [t for t in done.values() if t.cell.setting == setting])


def _again(plan: Plan, done: Mapping[str, Trained]) -> Iterator[Cell]:
    """What is measured again, block by block; each block's settings follow from those before it."""
    order = cells(plan)
    left = [setting for setting in settings(plan) if all(_of(plan, setting, done))]
    for block in range(1, plan.repeats):
        known = [_until(_of(plan, setting, done), block) for setting in left]
        left = [left[i] for i in undecided(known, block)]
        yield from (cell for cell in order if cell.block == block and cell.setting in left)
        # One that failed now is not tried any further.
        left = [setting for setting in left if all(block in f for f in _of(plan, setting, done))]


def _until(figures: Sequence[ByBlock], block: int) -> list[ByBlock]:
    return [{b: x for b, x in figure.items() if b < block} for figure in figures]


def _trained(
    plan: Plan, cell: Cell, make_job: MakeJob, trains: Trainer, done: Mapping[str, Trained]
) -> Trained | None:
    everything = settings(plan)
    first = cell.block == 0
    head = (
        f"trial {everything.index(cell.setting) + 1} of {trials(plan)}"
        if first
        else f"block {cell.block + 1}"
    )
    left = trains.about(list(done.values()), trials(plan) - len(done)) if first else ""
    try:
        job = make_job(words_of(plan.command, cell.setting))
    except EnergyprofError as error:  # these values do not go together
        return trains.refused(cell, str(error))
    return trains.train(cell, job, f"{head}: {cell.setting.label(everything[0])}{left}")


def _result(
    plan: Plan, done: Mapping[str, Trained], trains: Trainer, *, over_budget: bool = False
) -> SweepResult:
    kept = tuple(done[cell.name] for cell in cells(plan) if cell.name in done)
    left = max(0, trials(plan) - len({found.cell.setting for found in kept}))
    return SweepResult(kept, left, trains.stopped_by, over_budget, tuple(trains.lost))
