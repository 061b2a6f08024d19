"""``energyprof attach``: meter a program that runs already."""

from __future__ import annotations

import math
import sys
from typing import Annotated

import typer

from energyprof.cli.checked import checked_duration
from energyprof.cli.metering import USUAL, Metering
from energyprof.cli.metering_options import with_metering
from energyprof.cli.options import Export, Force, Json, Output, Quiet

# It runs already: there is no idle machine before it.
WITHOUT_IDLE = USUAL._replace(idle=0.0)


@with_metering
def attach(
    pid: Annotated[int, typer.Argument(metavar="PID", help="The process; what it starts belongs to it.")],
    for_time: Annotated[
        str | None,
        typer.Option(
            "--for", metavar="TIME", help="How long, such as 90, 10s, 5m or 2h (default: until it ends)."
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="Its name in the report; programs given one name are one task."),
    ] = None,
    metering: Metering = WITHOUT_IDLE,
    output: Output = None,
    force: Force = False,
    export: Export = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Meter a program that is already running, until it ends or Ctrl-C; it goes on.

    With --idle the machine is looked at when the program has ended. The report holds the program's command
    line: keep passwords out of it.
    """
    from energyprof.cli import profiling
    from energyprof.profile.attached import command_line
    from energyprof.profile.program import label_of
    from energyprof.profile.run import attach as meter

    label = label_of(command_line(pid), name)
    measuring = profiling.measuring(metering, output, label, force=force)

    seconds = math.inf if for_time is None else checked_duration("--for", for_time)

    def begun(wire: str) -> None:
        if not quiet:
            until = "until it ends" if for_time is None else f"for {seconds:g} s"
            print(f"metering process {pid} {until}; Ctrl-C ends it earlier", file=sys.stderr, flush=True)

    with profiling.exporting(export, label) as exporters:
        result = meter(pid, name, seconds, measuring, begun, exporters)
    profiling.tell(result, as_json=json, quiet=quiet)
    raise typer.Exit(profiling.exit_code(result))
