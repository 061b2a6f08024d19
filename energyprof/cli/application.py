"""The table of commands, and what reads the words of each."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

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


class Row(NamedTuple):
    """One command."""

    group: str
    file: str  # in this folder
    function: str  # there
    does: str  # the first line of its help: who only wants the list need not load the file
    words: Mapping[str, Any] = {}  # how its words are read


COMMANDS: Mapping[str, Row] = {
    "run": Row(MEASURE, "run", "run", "Train to a target, and report how much energy that took."),
    "exec": Row(
        MEASURE,
        "exec",
        "exec_program",
        "Meter any program, leaving its input, output and exit code alone.",
        PROGRAM,
    ),
    "attach": Row(
        MEASURE,
        "attach",
        "attach",
        "Meter a program that is already running, until it ends or Ctrl-C; it goes on.",
    ),
    "monitor": Row(
        MEASURE,
        "monitor",
        "monitor",
        "Show the power of this machine second by second, meter by meter; nothing is stored.",
    ),
    "workloads": Row(
        MEASURE,
        "workloads",
        "workloads",
        "List the standard workloads: sizes, targets, data and reference runs.",
    ),
    "import": Row(
        MEASURE,
        "import_",
        "import_files",
        "Turn measurements by other tools into a report for `show`, `compare` and `recompute`.",
    ),
    "join": Row(MEASURE, "join", "join", "Make one report of what several nodes recorded of one training."),
    "export": Row(
        MEASURE,
        "export",
        "export",
        "Write a report in a format of others: tables, trackers, forms, research objects.",
    ),
    "recompute": Row(
        MEASURE,
        "recompute",
        "recompute",
        "Rebuild a report from its trace: the same numbers, or what was measured before a crash.",
    ),
    "schema": Row(MEASURE, "schema", "schema", "Print the JSON Schema (draft 2020-12) of reports."),
    "show": Row(
        COMPARE,
        "show",
        "show",
        "Show one report: energy with its uncertainty, phases, meters and power over time; or a folder's.",
    ),
    "compare": Row(COMPARE, "compare", "compare", "Compare reports figure by figure, with intervals."),
    "check": Row(
        COMPARE,
        "check",
        "check",
        "Judge a report against a baseline: PASS, FAIL or INCONCLUSIVE for each limit.",
    ),
    "gate": Row(
        COMPARE, "gate", "gate", "Measure a command, judge it by its base, and exit as `check` does."
    ),
    "ab": Row(
        COMPARE,
        "ab",
        "ab",
        "Train A (before) and B (after) in alternation, until it is clear whether B takes more.",
        TRAINING,
    ),
    "aa": Row(
        COMPARE,
        "aa",
        "aa",
        "Train the same work as both sides of an `ab`, to learn how much runs vary on this machine.",
        TRAINING,
    ),
    "study": Row(
        STUDY,
        "study",
        "study",
        "Train many settings by one plan, and say which change saves how many joules.",
    ),
    "tune": Row(
        STUDY,
        "tune",
        "tune",
        "Find the value of a machine's lever that takes the least energy to the target.",
        OF_RUN,
    ),
    "estimate": Row(
        STUDY,
        "estimate",
        "estimate",
        "Predict what training to the target would cost on a report's machine, without training.",
    ),
    "levers": Row(
        STUDY,
        "levers",
        "levers",
        "List what `run --lever NAME=VALUE` can turn here: its value now, and which it may have.",
    ),
    "simulate": Row(
        SIMULATE,
        "simulate",
        "simulate",
        "Compute what no meter at one machine sees: network, data centre, manufacture, grid; all SIMULATED.",
    ),
    "place": Row(
        SIMULATE,
        "place",
        "place",
        "Plan how many machines train a job, where and when; policies side by side, all SIMULATED.",
    ),
    "fleet": Row(
        SIMULATE,
        "fleet",
        "fleet",
        "Train with a fleet of 1 to 1,000,000 clients drawn from a seed; all SIMULATED.",
    ),
    "factors": Row(
        SIMULATE,
        "factors",
        "factors",
        "Show the table of factors: value, low, high, unit, source, year and licence of each.",
    ),
    "doctor": Row(
        MACHINE,
        "doctor",
        "doctor",
        "Show what this machine is, what its meters read, and how to unblock those that are blocked.",
    ),
    "control": Row(
        MACHINE,
        "control",
        "control",
        "Run a fixed load of half a minute and a look at idle; tell whether this machine has drifted.",
    ),
    "template": Row(
        MACHINE,
        "template",
        "template",
        "Print a job script or a container's description, right for this machine's meters.",
    ),
    "calibrate": Row(
        MACHINE,
        "calibrate",
        "calibrate",
        "Find a meter's gain and zero from a recording of it beside a better meter.",
    ),
}


class _InOrder(Commands):
    """Commands as the table has them, whether their files are loaded or not."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names."""
        return [name for name in COMMANDS if name in self.commands]


def application(words: Sequence[str] = ()) -> typer.Typer:
    """What reads the command line ``words``; a command that these do not begin with costs no time.

    Without a command among them it knows all, as for ``--help``.
    """
    asked = words[:1] if words and words[0] in COMMANDS else ()
    app = typer.Typer(
        name="energyprof",
        cls=_InOrder,
        help=HELP,
        no_args_is_help=True,
        add_completion=not asked,
        pretty_exceptions_enable=False,
        # Colours are rich's, whose codes the streams know; typer's own would be taken for another's.
        context_settings={"help_option_names": ["-h", "--help"], "color": False},
    )
    app.callback()(general_options)
    for name in asked or COMMANDS:
        row = COMMANDS[name]
        if tuple(words) in LISTED:
            app.command(name, help=row.does, rich_help_panel=row.group)(_listed)
            continue
        found = getattr(importlib.import_module(f"energyprof.cli.{row.file}"), row.function)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name, rich_help_panel=row.group)
        else:
            app.command(name, context_settings=dict(row.words), rich_help_panel=row.group)(found)
    return app


def _listed() -> None:
    """A command in the list of all, whose file is not loaded for that."""


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
