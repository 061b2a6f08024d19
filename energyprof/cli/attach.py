"""``energyprof attach``: meter a program that runs already."""

from __future__ import annotations

import json as to_text
import math
import sys
from typing import Annotated

import typer

from energyprof.cli.options import (
    INTERVAL_S,
    Calibrations,
    Force,
    Idle,
    Interval,
    Json,
    Machine,
    Meters,
    MeterTest,
    Output,
    Quiet,
    RequirePower,
    checked_wait,
)


def attach(
    pid: Annotated[int, typer.Argument(metavar="PID", help="The process; what it starts belongs to it.")],
    for_s: Annotated[
        float | None,
        typer.Option("--for", metavar="S", help="Measure it for so many seconds (default: until it ends)."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="Its name in the report; programs given one name are one task."),
    ] = None,
    meters: Meters = "auto",
    require_power: RequirePower = False,
    interval: Interval = INTERVAL_S,
    idle: Idle = 0.0,
    calibration: Calibrations = None,
    meter_test: MeterTest = None,
    machine: Machine = "",
    output: Output = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
    announce: Annotated[bool, typer.Option("--announce", hidden=True)] = False,
) -> None:
    """Meter a program that runs already, until it ends or Ctrl-C; it goes on either way.

    With --idle the machine is looked at when the program has ended. The report holds the program's command
    line: keep passwords out of it.
    """
    from energyprof.cli import profiling
    from energyprof.profile.attached import command_line
    from energyprof.profile.program import label_of
    from energyprof.profile.run import attach as meter

    label = label_of(command_line(pid), name)
    measuring = profiling.measuring(
        meters,
        interval,
        idle,
        output,
        label,
        force=force,
        require_power=require_power,
        calibrations=calibration,
        meter_test=meter_test,
        machine=machine,
    )

    def begun(wire: str) -> None:
        # For energyprof.measure(), which started this.
        if announce:
            print(to_text.dumps({"wire": wire, "report": str(measuring.path)}), flush=True)
        elif not quiet:
            until = f"for {for_s:g} s" if for_s is not None else "until it ends"
            print(f"metering process {pid} {until}; Ctrl-C ends it earlier", file=sys.stderr, flush=True)

    seconds = math.inf if for_s is None else checked_wait("--for", for_s)
    result = meter(pid, name, seconds, measuring, begun)
    profiling.tell(result, as_json=json, quiet=quiet)
    raise typer.Exit(profiling.exit_code(result))
