"""A control before a verdict: made, kept in its folder, and judged by those before it."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from platform import node
from typing import TYPE_CHECKING

import typer

from energyprof.cli import profiling
from energyprof.cli.checked import CONTROL_S, report_path
from energyprof.clock import utc_now
from energyprof.compare.gate.control import Control, Controls, Fitness, control_of, fitness
from energyprof.compare.gate.control_folder import controls_in
from energyprof.errors import FileError, TrainingError
from energyprof.profile.control import IDLE_S, NAME, run_control
from energyprof.profile.open_meters import MeasurementSettings

if TYPE_CHECKING:
    from energyprof.compare.gate.check import Check


def new_path(folder: Path) -> Path:
    """A name in the folder that no other control has: by time, host and process."""
    stamp, host = re.sub(r"[-:]|\.\d+", "", utc_now()), re.sub(r"[^\w-]+", "_", node().split(".")[0])[:80]
    return report_path(folder / f"{NAME}-{stamp}-{host}-{os.getpid()}.json", NAME, force=False)


def measured(
    folder: Path, settings: MeasurementSettings, seconds: float, python: str | None, *, quiet: bool
) -> tuple[Fitness, Path]:
    """A control made now, as the machine is judged by it; and where it lies.

    Raises:
        TrainingError: it could not be made.
        MissingPart: a meter that was asked for is not here.
        FileError: it cannot be written, or the earlier ones cannot be read.
    """
    (profiling.unsaid if quiet else profiling.say)(
        f"control: a fixed load and a look at idle, {2 * IDLE_S + seconds + _BESIDE_S:.0f} s or more"
    )
    result = run_control(settings, seconds, python or sys.executable)
    if result.stopped_by is not None:
        raise typer.Exit(128 + result.stopped_by)
    if result.path != result.asked:
        raise FileError(f"{settings.path}: the disk is full: the control is not kept")
    if result.report.runs[-1].status == "failed":
        raise TrainingError(f"{settings.path}: the control failed: {' '.join(result.tail[-1:])}")
    made = control_of(result.report, settings.path.stem)
    return fitness(made, _beside(controls_in(folder), made)), settings.path


# Warming up, and starting the loads.
_BESIDE_S = 5.0


def _beside(found: Controls, made: Control) -> Controls:
    return replace(found, controls=tuple(one for one in found.controls if one.name != made.name))


def before_verdict(folder: Path, settings: MeasurementSettings, label: str, *, quiet: bool) -> Check | None:
    """The verdict that an unfit machine makes, before anything is trained; ``None``: it is fit.

    Raises:
        EnergyprofError: see `measured`.
    """
    from energyprof.compare.gate.check import Check
    from energyprof.compare.reasons import at, lines

    own = replace(settings, path=new_path(folder), idle_s=IDLE_S, taken="refused", node_map=None)
    found, path = measured(folder, own, CONTROL_S, None, quiet=quiet)
    invalid = tuple(at(why, "this machine", f"control {path.stem}") for why in found.reasons)
    if not invalid:
        (profiling.unsaid if quiet else profiling.say)(f"control: {found.standing} ({path})")
        return None
    return Check("INVALID", label, "its machine's controls", (), lines(invalid), reasons=invalid)
