"""The table of commands, and what reads the words of each."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import typer

from energyprof.cli.usage import Commands

HELP = """Measure how much energy it takes to train a model to a target accuracy on this machine.

Exit codes: 0 fine · 1 regression · 2 could not do it · 3 not comparable ·
4 measurement invalid or target missed · 5 inconclusive (with --strict).
`exec` exits as the program did.
"""

# What follows the first word belongs to the command that trains.
TRAINING = {"allow_interspersed_args": False}
# What follows `--` belongs to the program, its -h and --help included.
PROGRAM = {"ignore_unknown_options": True, **TRAINING}
# What it does not know itself is of the run that it is given.
OF_RUN = {"ignore_unknown_options": True, "allow_extra_args": True}

# The groups that `--help` lists the commands by.
MEASURE, COMPARE, STUDY, SIMULATE, MACHINE = (
    "Measure",
    "Compare and judge",
    "Study: what would take less",
    "Simulate: what no meter sees",
    "This machine",
)

# The words that list the commands.
LISTED = (("--help",), ("-h",))

# Command -> its group, its file in this folder, its function there, and how its words are read.
COMMANDS: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "run": (MEASURE, "run", "run", {}),
    "exec": (MEASURE, "exec", "exec_program", PROGRAM),
    "attach": (MEASURE, "attach", "attach", {}),
    "monitor": (MEASURE, "monitor", "monitor", {}),
    "workloads": (MEASURE, "workloads", "workloads", {}),
    "import": (MEASURE, "import_", "import_files", {}),
    "join": (MEASURE, "join", "join", {}),
    "export": (MEASURE, "export", "export", {}),
    "recompute": (MEASURE, "recompute", "recompute", {}),
    "schema": (MEASURE, "schema", "schema", {}),
    "show": (COMPARE, "show", "show", {}),
    "compare": (COMPARE, "compare", "compare", {}),
    "check": (COMPARE, "check", "check", {}),
    "gate": (COMPARE, "gate", "gate", {}),
    "ab": (COMPARE, "ab", "ab", TRAINING),
    "aa": (COMPARE, "aa", "aa", TRAINING),
    "study": (STUDY, "study", "study", {}),
    "tune": (STUDY, "tune", "tune", OF_RUN),
    "estimate": (STUDY, "estimate", "estimate", {}),
    "levers": (STUDY, "levers", "levers", {}),
    "simulate": (SIMULATE, "simulate", "simulate", {}),
    "place": (SIMULATE, "place", "place", {}),
    "fleet": (SIMULATE, "fleet", "fleet", {}),
    "factors": (SIMULATE, "factors", "factors", {}),
    "doctor": (MACHINE, "doctor", "doctor", {}),
    "control": (MACHINE, "control", "control", {}),
    "template": (MACHINE, "template", "template", {}),
    "calibrate": (MACHINE, "calibrate", "calibrate", {}),
}


def application(words: Sequence[str] = ()) -> typer.Typer:
    """What reads the command line ``words``; a command that these do not begin with costs no time.

    Without a command among them it knows all, as for ``--help``.
    """
    asked = words[:1] if words and words[0] in COMMANDS else ()
    app = typer.Typer(
        name="energyprof",
        cls=Commands,
        help=HELP,
        no_args_is_help=True,
        add_completion=not asked,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(general_options)
    for name in asked or COMMANDS:
        group, file, function, settings = COMMANDS[name]
        found = getattr(importlib.import_module(f"energyprof.cli.{file}"), function)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name, rich_help_panel=group)
        elif tuple(words) in LISTED:
            app.command(name, help=found.__doc__, rich_help_panel=group)(_unread)
        else:
            app.command(name, context_settings=settings, rich_help_panel=group)(found)
    return app


def _unread() -> None:
    """A command in the list of all: what it takes is not read, which is a third of what the list costs."""


def version(wanted: bool) -> None:
    """Print the version and exit."""
    if wanted:
        from energyprof import __version__
        from energyprof.profile.installed_from import made_from
        from energyprof.report.record import SCHEMA

        typer.echo(f"energyprof {__version__}, {made_from()}, writes {SCHEMA}")
        raise typer.Exit


def manual_page(wanted: bool) -> None:
    """Print the manual and exit."""
    if wanted:
        from energyprof import __version__
        from energyprof.cli.manual import manual

        typer.echo(manual(application(), __version__), nl=False)
        raise typer.Exit


def general_options(
    show_version: bool = typer.Option(
        False,
        "--version",
        callback=version,
        is_eager=True,
        help="Print the version, the commit that it was made from, and the schema of its reports.",
    ),
    show_manual: bool = typer.Option(
        False,
        "--man",
        callback=manual_page,
        is_eager=True,
        help="Print the manual, for man: energyprof --man | man -l -",
    ),
) -> None:
    """Options that come before the command."""
