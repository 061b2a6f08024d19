"""The command line: one file a command, and here their table, and how an error is printed."""

from __future__ import annotations

import sys

import typer

from energyprof.cli import streams
from energyprof.cli.aa import aa
from energyprof.cli.ab import ab
from energyprof.cli.calibrate import calibrate
from energyprof.cli.check import check
from energyprof.cli.compare import compare
from energyprof.cli.doctor import doctor
from energyprof.cli.estimate import estimate
from energyprof.cli.exec import PASS_ON, exec_program
from energyprof.cli.import_ import import_files
from energyprof.cli.recompute import recompute
from energyprof.cli.run import run
from energyprof.cli.schema import schema
from energyprof.cli.show import show
from energyprof.cli.workloads import workloads
from energyprof.errors import EnergyprofError

HELP = """Measure how much energy it takes to train a model to a target accuracy on this machine.

Exit codes: 0 fine · 1 regression · 2 could not do it · 3 not comparable ·
4 measurement invalid or target missed · 5 inconclusive (with --strict).
`exec` exits as the program did.
"""

app = typer.Typer(
    name="energyprof",
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
# What follows the first word belongs to the command that trains.
TRAINING = {"allow_interspersed_args": False}

app.command("run")(run)
app.command("exec", context_settings=PASS_ON)(exec_program)
app.command("ab", context_settings=TRAINING)(ab)
app.command("aa", context_settings=TRAINING)(aa)
app.command("compare")(compare)
app.command("check")(check)
app.command("show")(show)
app.command("estimate")(estimate)
app.command("recompute")(recompute)
app.command("import")(import_files)
app.command("calibrate")(calibrate)
app.command("doctor")(doctor)
app.command("workloads")(workloads)
app.command("schema")(schema)


def version(wanted: bool) -> None:
    """Print the version and exit."""
    if wanted:
        from energyprof import __version__

        typer.echo(f"energyprof {__version__}")
        raise typer.Exit


@app.callback()
def options(
    show_version: bool = typer.Option(
        False, "--version", callback=version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Options that come before the command."""


def main() -> None:
    """The console entry point; each of our errors is one line on stderr."""
    streams.prepare()
    try:
        app()
    except EnergyprofError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
