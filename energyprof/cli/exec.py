"""``energyprof exec``: meter any program."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Annotated

import typer

from energyprof.cli.metering import USUAL, Metering
from energyprof.cli.metering_options import with_metering
from energyprof.cli.options import Export, Force, Json, Levers, Output, Quiet
from energyprof.cli.together import Nnodes, NodeRank, Rdzv, asked_of, continued, own_path

if TYPE_CHECKING:
    from energyprof.profile.request import ProgramRequest


@with_metering
def exec_program(
    context: typer.Context,
    command: Annotated[
        list[str], typer.Argument(metavar="COMMAND", help="The program and its arguments, after `--`.")
    ],
    name: Annotated[
        str | None,
        typer.Option(
            help="Its name in the report; commands given one name are one task (default: the program's name)."
        ),
    ] = None,
    nnodes: Nnodes = 1,
    node_rank: NodeRank = None,
    rdzv: Rdzv = None,
    lever: Levers = None,
    metering: Metering = USUAL,
    output: Output = None,
    force: Force = False,
    export: Export = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Meter any program, leaving its input, output and exit code alone.

    The report holds the command line: keep passwords out of it.
    A Python program can report its progress: energyprof.mark("epoch 3"),
    energyprof.progress(samples=4096, score=0.71).
    """
    from dataclasses import replace

    from energyprof.cli import profiling
    from energyprof.profile.child import exit_status
    from energyprof.profile.company import company
    from energyprof.profile.program import label_of
    from energyprof.profile.run import gathered, run_program
    from energyprof.profile.unwinding import Ended

    asked, local = asked_of(nnodes, node_rank, rdzv)
    if local is not None and not local.elected:
        from energyprof.profile.follow import become

        become(command)
    label = label_of(command, name)
    again = continued(output)
    new, resumed = (None, output) if again else (output, None)
    measuring = profiling.measuring(metering, new, label, force=force, resume=resumed)
    to = measuring.path
    others = company(local, asked, to.parent, 0)
    measuring = replace(measuring, path=own_path(others, to))
    resume = again and measuring.path.exists()
    # No live display: the terminal belongs to the program.
    with others.told(), profiling.exporting(export, label) as exporters:
        result = run_program(command, label, measuring, lever or (), exporters, others, resume=resume)
    code = result.report.runs[-1].exit_code if result.report.runs else None
    result = gathered(result, others, to, "replaced" if again or force else "refused")
    profiling.tell(result, as_json=json, quiet=quiet, program_on_stdout=True)
    if code == -signal.SIGINT or (code is None and result.stopped_by == signal.SIGINT):
        raise Ended(signal.SIGINT)
    if code is None:
        raise typer.Exit(128 + (result.stopped_by or 0))
    # The program's own failure matters more than our failure to write its report.
    raise typer.Exit(exit_status(code) or (0 if result.path is not None else 2))


def program_request(context: typer.Context) -> ProgramRequest:
    """What a command line that has been read asks to run."""
    from energyprof.profile.request import ProgramRequest

    words = context.params
    return ProgramRequest(tuple(words["command"]), words["name"], tuple(words["lever"] or ()))
