"""Weights & Biases: a run of its own for each run, offline, in a folder; ``wandb sync`` sends it."""

from __future__ import annotations

from pathlib import Path

import wandb
from wandb.errors import Error

from energyprof.errors import FileError
from energyprof.files import make_folder
from energyprof.formats.interchange.contract import Source
from energyprof.formats.interchange.tracked import Tracked, tracked

PROJECT = "energyprof"


def save(source: Source, place: Path) -> list[str]:
    """Add the runs to the folder; nothing is asked for that may be missing."""
    make_folder(place / "wandb")
    try:
        for run in tracked(source):
            _add(run, place)
        wandb.teardown()  # what its service has in memory is on the disk afterwards
    except (Error, OSError) as error:
        raise FileError(f"{place}: W&B cannot write there: {str(error).splitlines()[0]}") from None
    return []


def _add(run: Tracked, place: Path) -> None:
    quiet = wandb.Settings(
        silent=True,
        console="off",
        x_disable_stats=True,
        x_disable_meta=True,
        x_save_requirements=False,
        disable_git=True,
        disable_code=True,
    )
    config = {**run.settings, **{name.replace(".", "/"): tag for name, tag in run.tags.items()}}
    made = wandb.init(
        project=PROJECT,
        name=run.name,
        mode="offline",
        dir=str(place),
        config=config,
        settings=quiet,
        reinit="create_new",
    )
    made.define_metric("course/*", step_metric="course/samples")
    for point in run.history:
        course = {"course/samples": point.samples, "course/score": point.score}
        course |= {"course/energy_j": point.energy_j, "course/time_s": point.time_s}
        made.log({name: value for name, value in course.items() if value is not None})
    for name, value in run.figures.items():
        made.summary[name] = value
    made.finish()
