"""One cell of a study trained on this machine: what a job of a cluster does."""

from __future__ import annotations

from pathlib import Path

from energyprof.errors import EnergyprofError, UsageError
from energyprof.profile.inbox import Inbox
from energyprof.profile.open_meters import MeasurementSettings, open_meters
from energyprof.study.folder import Cell, cells, read_study, trained
from energyprof.study.plan import Plan
from energyprof.study.trainer import MakeJob, SweepScreen, trainer
from energyprof.study.words import words_of


def train_cell(
    folder: Path,
    name: str,
    measuring: MeasurementSettings,
    make_job: MakeJob,
    cooldown_s: float,
    inbox: Inbox,
    screen: SweepScreen,
) -> int | None:
    """Train the cell ``name`` if it is not done; the signal that ended it, if one did.

    Raises:
        UsageError: the study has no such cell.
        MissingPart: a meter or a lever that was asked for is not here.
        FileError: a report cannot be written or read, or another job is training the cell.
    """
    plan = read_study(folder)
    cell = cell_named(folder, plan, name)
    if trained(folder, cell) is not None:
        screen.say(f"{name}: is done already")
        return None
    with open_meters(measuring) as on:
        trains = trainer(folder, on, cooldown_s, inbox, screen)
        try:
            job = make_job(words_of(plan.command, cell.setting))
        except EnergyprofError as error:
            trains.refused(cell, str(error))
            return None
        trains.train(cell, job, name)
    return trains.stopped_by


def cell_named(folder: Path, plan: Plan, name: str) -> Cell:
    """The study's cell of that name. Raises UsageError: it has none."""
    cell = next((cell for cell in cells(plan) if cell.name == name), None)
    if cell is None:
        raise UsageError(f"{folder}: has no cell {name}")
    return cell
