"""``energyprof control``: whether this machine is what it was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from energyprof.cli.checked import CONTROL_S, INTERVAL_S
from energyprof.cli.options import Interval, Json, Machine, Meters, Quiet
from energyprof.errors import FileError, UsageError

if TYPE_CHECKING:
    from energyprof.compare.gate.control import Controls, Fitness

FOLDER = Path("energyprof-control")
RANGE_S = (2.0, 600.0)


def control(
    folder: Annotated[
        Path, typer.Option("--folder", metavar="DIR", help="Where controls are kept, of several machines.")
    ] = FOLDER,
    seconds: Annotated[
        float, typer.Option(metavar="S", help="How long the processors are loaded, and then the GPUs.")
    ] = CONTROL_S,
    history: Annotated[
        bool, typer.Option("--history", help="Draw the controls in the folder; measure nothing.")
    ] = False,
    accept: Annotated[
        str | None,
        typer.Option(
            "--accept",
            metavar="WHY",
            help="From the newest control on the machine is another; measure nothing.",
        ),
    ] = None,
    meters: Meters = "auto",
    interval: Interval = INTERVAL_S,
    python: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Interpreter whose PyTorch loads the GPUs (default: this one)."),
    ] = None,
    machine: Machine = "",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run a fixed load of half a minute and a look at idle; tell whether this machine has drifted.

    Idle power, joules and seconds of the work, clocks and heat are held against
    the earlier controls in the folder; five sessions tell how much the machine
    varies by itself. `check`, `ab` and `aa` take the folder with --control.
    Exits 0 if the machine is fit or too few controls can tell, 4 if it is not.
    """
    import sys

    from energyprof.cli import profiling, streams
    from energyprof.compare.gate.control_folder import accept_newest, controls_in
    from energyprof.formats.console import Screen
    from energyprof.formats.control import as_json, control_data, control_table

    if history and accept is not None:
        raise UsageError("--history and --accept: one at a time")
    if accept is not None:
        if not accept.strip():
            raise UsageError("--accept: say why, such as --accept 'a new driver'")
        mark, name = accept_newest(folder, accept.strip())
        print(f"from {name} on the machine is another: {mark}")
        return
    if history:
        _history(controls_in(folder), folder, json=json)
        return
    if not RANGE_S[0] <= seconds <= RANGE_S[1]:
        raise UsageError(f"--seconds {seconds:g}: give {RANGE_S[0]:g} to {RANGE_S[1]:g} s")
    from energyprof.cli.fit import measured, new_path
    from energyprof.cli.metering import Metering
    from energyprof.profile.control import IDLE_S, NAME

    metering = Metering(meters=meters, interval=interval, idle=IDLE_S, machine=machine)
    settings = profiling.measuring(metering, new_path(folder), NAME, force=False)
    found, path = measured(folder, settings, seconds, python, quiet=quiet)
    if json:
        streams.write_json(as_json(control_data(found, path)))
    if not quiet:
        Screen(sys.stderr if json else sys.stdout).print(control_table(found, path))
    raise typer.Exit(_EXIT_CODES[found.standing])


_EXIT_CODES = {"fit": 0, "unknown": 0, "drifted": 4, "disturbed": 4}


def _history(found: Controls, folder: Path, *, json: bool) -> None:
    """The controls of each machine in the folder."""
    import sys

    from energyprof.cli import streams
    from energyprof.compare.gate.control import fitness
    from energyprof.formats.console import Screen
    from energyprof.formats.control import as_json, control_data, control_history

    if not found.controls:
        raise FileError(f"{folder}: no control in this folder; `energyprof control` makes one")
    if json:
        judged: list[Fitness] = [fitness(one, found) for one in found.controls]
        data = {
            "schema": "energyprof.controls/1",
            "controls": [{"name": one.control.name, **control_data(one, None)} for one in judged],
            "accepted": [{"created": mark.created, "why": mark.why} for mark in found.marks],
        }
        streams.write_json(as_json(data))
        return
    console = Screen(sys.stdout)
    left = list(found.controls)
    while left:
        of_one = [one for one in left if one is left[0] or one.same_machine(left[0].nodes)]
        left = [one for one in left if one not in of_one]
        if len(of_one) < len(found.controls):
            console.print(of_one[0].nodes[0].name if of_one[0].nodes else "an unknown machine")
        console.print(control_history(of_one, found, console.room))
