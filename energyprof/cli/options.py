"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from energyprof.cli.checked import FOLDER
from energyprof.settings import MEASURING, WHERE

Meters = Annotated[
    str,
    typer.Option(
        "--meters",
        metavar="NAMES",
        help="Meters, separated by commas: auto, none, rapl, nvml:0, shelly=192.0.2.7, … (see doctor).",
        rich_help_panel=MEASURING,
    ),
]
RequirePower = Annotated[
    bool,
    typer.Option(
        "--require-power",
        help="Exit 4, before anything is trained, where no real meter measures the power.",
        rich_help_panel=MEASURING,
    ),
]
Interval = Annotated[
    float,
    typer.Option(
        "--interval",
        metavar="S",
        help="Seconds between reads of each meter.",
        rich_help_panel=MEASURING,
    ),
]
Idle = Annotated[
    float,
    typer.Option(
        "--idle",
        metavar="S",
        help="Seconds to measure the idle machine before and after each run; 0: do not.",
        rich_help_panel=MEASURING,
    ),
]
Calibrations = Annotated[
    list[Path] | None,
    typer.Option(
        "--calibration",
        metavar="FILE",
        help="A file from `calibrate`, for a meter or for the node; can be repeated.",
        rich_help_panel=MEASURING,
    ),
]
Levers = Annotated[
    list[str] | None,
    typer.Option(
        "--lever",
        metavar="NAME=VALUE",
        help="Turn this for the training, such as cpu.max_freq=2GHz (see levers); can be repeated.",
        rich_help_panel=WHERE,
    ),
]
Export = Annotated[
    list[str] | None,
    typer.Option(
        "--export",
        metavar="WHERE",
        help="Pass running values on: prometheus:9464, textfile:FILE.prom, otlp:URL, statsd:HOST:PORT;"
        " can be repeated.",
        rich_help_panel=MEASURING,
    ),
]
Targets = Annotated[
    str | None,
    typer.Option(
        "--targets",
        metavar="LIST",
        help="Also what each of these scores took, such as 0.7,0.75,0.81, from the evaluations on the way.",
    ),
]
MeterTest = Annotated[
    Path | None,
    typer.Option(
        "--meter-test",
        metavar="FILE",
        help="A file from `doctor --test`: its measured times replace those that are assumed of meters.",
        rich_help_panel=MEASURING,
    ),
]
Machine = Annotated[
    str,
    typer.Option(
        "--machine",
        metavar="NAME",
        help="This machine's name for comparisons, where its hardware does not tell it from others.",
        rich_help_panel=MEASURING,
    ),
]
Country = Annotated[
    str | None,
    typer.Option(
        "--country", metavar="CODE", help="Also emissions, at the mean of this country's grid, such as FR."
    ),
]
Intensity = Annotated[
    float | None,
    typer.Option("--intensity", metavar="G", help="Also emissions, at this many g CO2e/kWh, such as 56."),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help=f"The report (default: a new one in {FOLDER}).",
    ),
]
Limits = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="FIGURE:PERCENT%",
        help="How much more is too much, such as energy_per_sample:3% (the default); can be repeated.",
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="Inconclusive exits 5, not 0.")]
Distrust = Annotated[
    bool,
    typer.Option(
        "--distrust",
        help="Hold what programs say of phases and samples against their whole energy, as `gate` does.",
    ),
]
ControlFolder = Annotated[
    Path | None,
    typer.Option(
        "--control",
        metavar="DIR",
        help="A folder of `energyprof control`: where the machine was unfit, there is no verdict.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite an existing report.")]
Json = Annotated[bool, typer.Option("--json", help="Only JSON on stdout; text for people goes to stderr.")]
Page = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", help="Also write a page with charts, for any browser."),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet", "-q", help="No progress, remarks or summary, only errors; notes are in the report."
    ),
]


def given(context: typer.Context) -> set[str]:
    """The names of the parameters that were given on the command line."""
    return {
        name
        for name in context.params
        if (source := context.get_parameter_source(name)) is not None and source.name == "COMMANDLINE"
    }
