"""Options that several commands share."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from energyprof.errors import UsageError
from energyprof.settings import MEASURING, WHERE

# Every command loads this file, --help included: what a report needs is loaded where one is written.
if TYPE_CHECKING:
    from energyprof.report.file import Taken

# Where reports go by default.
FOLDER = Path("energyprof-reports")
# Not a round number: the sensors of A100 and H100 sample 25 ms of every 100 ms, and a load or a meter with
# such a period would always be read at the same phase (Yang et al., SC'24, arXiv 2312.02741).
INTERVAL_S = 0.097
IDLE_S = 2.0
# Of a control, for each kind of device: the slowest meters renew once a second.
CONTROL_S = 12.0

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
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary.")]


def given(context: typer.Context) -> set[str]:
    """The names of the parameters that were given on the command line."""
    return {
        name
        for name in context.params
        if (source := context.get_parameter_source(name)) is not None and source.name == "COMMANDLINE"
    }


def taken(*, force: bool) -> Taken:
    """What becomes of a file that lies where one is to be written."""
    return "replaced" if force else "refused"


def report_path(asked: Path | None, name: str, *, force: bool) -> Path:
    """The path that the report will have, if nobody takes it before: it is made when it is written.

    A name of ours tells runs apart that start in the same second in one folder, on this machine or others.

    Raises:
        UsageError: it or its trace exists and may not be overwritten, or it is a folder.
    """
    from energyprof.files import TAKEN, sweep

    if asked is None:
        from platform import node

        from energyprof.clock import utc_now

        stamp, host = re.sub(r"[-:]|\.\d+", "", utc_now()), re.sub(r"[^\w-]+", "_", node().split(".")[0])
        stem = f"{_short(name)}-{stamp}-{_short(host)}-{os.getpid()}"
        path, number = FOLDER / f"{stem}.json", 1
        while _lies_at(path):
            number += 1
            path = FOLDER / f"{stem}-{number}.json"
    else:
        path = asked
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name a file in it, such as {path / 'report.json'}")
    if not force and (there := _lies_at(path)):
        raise UsageError(f"{there}: {TAKEN}")
    sweep(path.parent)
    return path


def _lies_at(path: Path) -> Path | None:
    """Which file of a report at ``path`` is there already, even if it is a link that leads nowhere."""
    from energyprof.report.file import trace_path

    return next((file for file in (path, trace_path(path)) if os.path.lexists(file)), None)


def _short(name: str) -> str:
    """A name that leaves room for the others in the 255 bytes that a file's may have."""
    return name.encode(errors="replace")[:80].decode(errors="ignore")


def checked_interval(interval_s: float) -> float:
    """``interval_s`` if meters can be read that often.

    Raises:
        UsageError: it is not between 1 ms and an hour.
    """
    if not 0.001 <= interval_s <= 3600:
        raise UsageError(f"--interval {interval_s:g}: give seconds between 0.001 and 3600")
    return interval_s


def checked_duration(option: str, text: str) -> float:
    """The seconds that a text such as 90, 10s, 5m or 2h says.

    Raises:
        UsageError: it says none.
    """
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*(s|m|min|h)?", text.strip())
    if found is None or float(found[1]) == 0:
        raise UsageError(f"{option} {text}: give a time such as 90, 10s, 5m or 2h")
    return float(found[1]) * {"m": 60, "min": 60, "h": 3600}.get(found[2] or "s", 1)


def checked_wait(option: str, wait_s: float) -> float:
    """``wait_s``, which ``option`` was given, if it is a sensible time to wait.

    Raises:
        UsageError: it is negative, or longer than a day.
    """
    if not 0 <= wait_s <= 86400:
        raise UsageError(f"{option} {wait_s:g}: give seconds between 0 and 86400")
    return wait_s
