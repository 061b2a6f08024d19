"""``energyprof import``: files of other tools as reports."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from energyprof.cli import streams
from energyprof.cli.options import Force, Json, Output
from energyprof.errors import UsageError

if TYPE_CHECKING:
    from energyprof.meter import Boundary
    from energyprof.trace.logs.wanted import Wanted

# How they stand in the help: the columns, times and units of tables.
TABLES = "Power logs"


def import_files(
    files: Annotated[
        list[Path],
        typer.Argument(help="MLPerf results, files of codecarbon, Zeus and others, or power logs."),
    ],
    kind: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="mlperf, codecarbon, carbontracker, zeus, pyjoules, expetator, eco2ai, perun or power"
            " (default: by content).",
        ),
    ] = "",
    look: Annotated[
        bool,
        typer.Option("--look", help="Say what the files hold and what would be made of it; write nothing."),
    ] = False,
    only: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Which work, run or device to import if there are several (projects, tags, …).",
        ),
    ] = "",
    boundary: Annotated[
        str,
        typer.Option(
            metavar="WHAT",
            help="What the meters see: component, module, node_dc or wall_ac (default: as the file says).",
        ),
    ] = "",
    meter: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=WHAT", help="The same for one meter, as the report names it."),
    ] = None,
    power: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LOG",
            help="Of an MLPerf result: a power log or a folder of them (default: power/RESULT/ beside it)."
            " Of a power log: the column of powers; several are added.",
        ),
    ] = None,
    offset: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOURS", help="Hours to add to the power logs' times; LOG=HOURS for a single log."
        ),
    ] = None,
    time: Annotated[
        str, typer.Option(metavar="COLUMN", help="The column of times.", rich_help_panel=TABLES)
    ] = "",
    energy: Annotated[
        str,
        typer.Option(metavar="COLUMN", help="The column of a counter of energy.", rich_help_panel=TABLES),
    ] = "",
    unit: Annotated[
        str,
        typer.Option(
            metavar="UNIT", help="What the values are: W, mW, kW, J, Wh, kWh, …", rich_help_panel=TABLES
        ),
    ] = "",
    by: Annotated[
        str,
        typer.Option(
            metavar="COLUMN",
            help="Add up the devices that this column tells apart, or several with commas.",
            rich_help_panel=TABLES,
        ),
    ] = "",
    every: Annotated[
        float | None,
        typer.Option(
            metavar="S", help="The rows have no times: one every so many seconds.", rich_help_panel=TABLES
        ),
    ] = None,
    tz: Annotated[
        str,
        typer.Option(
            metavar="ZONE",
            help="The zone of times without one, such as Europe/Paris (default: UTC).",
            rich_help_panel=TABLES,
        ),
    ] = "",
    output: Output = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Turn measurements by other tools into a report for `show`, `compare` and `recompute`.

    What the files do not say is listed in the report's notes; nothing is guessed
    silently. A power log is read on its own, too: of nvidia-smi, tegrastats, jtop,
    perf stat -I, turbostat, powermetrics, Power Gadget, ipmitool, kwollect, Shelly,
    Tasmota, Home Assistant, Kasa, PowerJoular, Scaphandre, Alumet, W&B, Prometheus,
    or any table with times and watts or joules.
    """
    from energyprof.cli.checked import report_path, taken
    from energyprof.clock import utc_now
    from energyprof.compare.exclusions import unmetered
    from energyprof.formats.console import Screen
    from energyprof.formats.summary import summary
    from energyprof.report import importers
    from energyprof.report.file import to_json
    from energyprof.report.importers.imported import Request
    from energyprof.report.importers.save import save

    request = Request(
        tuple(files),
        tuple(power or ()),
        offsets(offset or ()),
        only,
        known_boundary("--boundary", boundary) if boundary else None,
        boundaries(meter or ()),
        wanted(time, energy, unit, by, every, tz),
    )
    if look:
        from energyprof.formats.look import look_lines

        found, several = importers.look(request, kind)
        Screen(sys.stdout).print("\n".join(look_lines(found, several, files)), soft_wrap=True)
        return
    imported = importers.read(request, kind).dated(utc_now())
    path = report_path(output, imported.report.workload.name.replace("/", "_"), force=force)
    report = save(imported, path, taken(force=force))
    if json:
        streams.write_json(to_json(report))
    Screen(sys.stderr if json else sys.stdout).print(summary(report, path))
    if all(unmetered(run) for run in report.runs):
        print("error: imported, but no run has a usable energy", file=sys.stderr)
        raise typer.Exit(4)


def wanted(time: str, energy: str, unit: str, by: str, every: float | None, tz: str) -> Wanted:
    """What was said of the columns of a table.

    Raises:
        UsageError: an unknown unit or zone, or a time that cannot be.
    """
    from datetime import timedelta, timezone, tzinfo
    from zoneinfo import ZoneInfo

    from energyprof.trace.logs.quantities import UNITS
    from energyprof.trace.logs.wanted import Wanted

    if unit and unit not in UNITS:
        raise UsageError(f"--unit {unit}: choose from {', '.join(UNITS)}")
    if every is not None and not 0 < every < 1e6:
        raise UsageError(f"--every {every:g}: give a number of seconds, such as 1")
    # What was said is told from what is assumed.
    zone: tzinfo = timezone(timedelta(0), "UTC") if tz == "UTC" else timezone.utc
    if tz not in ("", "UTC"):
        try:
            zone = ZoneInfo(tz)
        except (ValueError, OSError, KeyError):
            raise UsageError(
                f"--tz {tz}: not a known time zone: give UTC, or one such as Europe/Paris"
            ) from None
    return Wanted(time, (), energy, unit, zone, by, "", every or 0.0, any_start=True, style="option")


def known_boundary(option: str, word: str) -> Boundary:
    """The boundary that the user named. Raises UsageError if there is none of that name."""
    from energyprof.meter import BOUNDARIES

    found = next((boundary for boundary in BOUNDARIES if boundary == word), None)
    if found is None:
        raise UsageError(f"{option} {word}: choose from {', '.join(BOUNDARIES)}")
    return found


def boundaries(words: Sequence[str]) -> dict[str, Boundary]:
    """The boundary of each meter that was named. Raises UsageError: not NAME=WHAT."""
    found = {}
    for word in words:
        name, equals, what = word.rpartition("=")
        if not equals or not name:
            raise UsageError(f"--meter {word}: give NAME=WHAT, such as node_0=wall_ac")
        found[name] = known_boundary(f"--meter {name}:", what)
    return found


def offsets(words: Sequence[str]) -> dict[str, float]:
    """The hours for each power log; "" stands for all that are not named.

    Raises:
        UsageError: not a number of hours, or more than a day or two.
    """
    found = {}
    for word in words:
        name, _, hours = word.rpartition("=")
        try:
            found[name] = float(hours)
        except ValueError:
            found[name] = float("nan")
        if not abs(found[name]) <= 48:
            raise UsageError(f"--offset {word}: give hours, such as -5, or LOG=HOURS, such as sw_0=5")
    return found
