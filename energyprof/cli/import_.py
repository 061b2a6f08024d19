"""``energyprof import``: files of other tools as reports."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from energyprof.cli import streams
from energyprof.cli.options import Force, Json, Output
from energyprof.errors import UsageError


def import_files(
    files: Annotated[
        list[Path],
        typer.Argument(help="MLPerf results, or files of codecarbon, Zeus and others (see --kind)."),
    ],
    kind: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="mlperf, codecarbon, carbontracker, zeus, pyjoules or expetator (default: by content).",
        ),
    ] = "",
    power: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="LOG",
            help="An MLPerf power log, a CSV, or a folder of them (default: power/RESULT/ beside RESULT).",
        ),
    ] = None,
    offset: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOURS", help="Hours to add to the power logs' times; LOG=HOURS for a single log."
        ),
    ] = None,
    only: Annotated[
        str,
        typer.Option(metavar="NAME", help="Which work to import if there are several (projects, tags, …)."),
    ] = "",
    output: Output = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Turn measurements by other tools into a report for `show`, `compare` and `recompute`.

    What the files do not say is listed in the report's notes; nothing is guessed silently.
    """
    from energyprof.cli.options import report_path, taken
    from energyprof.clock import utc_now
    from energyprof.compare.figures import unmetered
    from energyprof.formats.console import Screen
    from energyprof.formats.summary import summary
    from energyprof.report import importers
    from energyprof.report.file import to_json
    from energyprof.report.importers.imported import Request
    from energyprof.report.importers.save import save

    request = Request(tuple(files), tuple(power or ()), offsets(offset or ()), only)
    imported = importers.read(request, kind).dated(utc_now())
    path = report_path(output, imported.report.workload.name.replace("/", "_"), force=force)
    report = save(imported, path, taken(force=force))
    if json:
        streams.write_json(to_json(report))
    Screen(sys.stderr if json else sys.stdout).print(summary(report, path))
    if all(unmetered(run) for run in report.runs):
        print("error: imported, but no run has a usable energy", file=sys.stderr)
        raise typer.Exit(4)


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
