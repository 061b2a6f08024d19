"""``energyprof export``: a report in the formats of others."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from energyprof.cli import streams
from energyprof.cli.options import Country, Intensity
from energyprof.errors import FileError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from energyprof.formats.interchange import Format
    from energyprof.formats.interchange.contract import Source

# The table's keys: every command loads this file for its help.
NAMES = "csv, parquet, mlflow, wandb, eco-ci, boamps, eu-model-form, mlperf-json, ro-crate"


def export(
    report: Annotated[Path, typer.Argument(help="The report, a .json file.")],
    to: Annotated[str, typer.Option("--to", metavar="FORMAT", help=f"One of {NAMES}.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="PATH",
            help="The file or folder to write (default: stdout, where the format is text).",
        ),
    ] = None,
    country: Country = None,
    intensity: Intensity = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what lies there.")] = False,
) -> None:
    """Write a report in a format of others: tables, trackers, forms, research objects.

    Each number has the ends of its 95 % interval, its origin and its boundary beside it.
    What the format asks for and the report does not know stays empty, and is named on
    stderr. Emissions are in it only with --country or --intensity.
    """
    from energyprof.compare.emissions import chosen
    from energyprof.formats.interchange import format_of
    from energyprof.formats.interchange.contract import Source
    from energyprof.report.file import read

    wanted = format_of(to)
    if output is None and wanted.place != "text":
        raise UsageError(f"--to {to} writes a {wanted.place}: name it with --output")
    source = Source(read(report), report, chosen(country, intensity))
    if not source.report.runs:
        raise FileError(f"{report}: it has no runs to export")
    if output is not None and wanted.place == "folder":
        lacking = _folder(to, wanted, source, output, force=force)
    else:
        lacking = _file(to, source, output, force=force)
    if lacking:
        print(f"{to} asks for what the report does not know: {'; '.join(lacking)}", file=sys.stderr)


def _file(to: str, source: Source, output: Path | None, *, force: bool) -> Sequence[str]:
    from energyprof.files import write_bytes, write_new_bytes
    from energyprof.formats.interchange import file_writer

    content, lacking = file_writer(to).content(source)
    if output is not None:
        (write_bytes if force else write_new_bytes)(output, content)
    elif content.startswith(b"{"):
        streams.write_json(content.decode())
    else:
        sys.stdout.write(content.decode())
    return lacking


def _folder(to: str, wanted: Format, source: Source, output: Path, *, force: bool) -> Sequence[str]:
    from energyprof.files import TAKEN
    from energyprof.formats.interchange import folder_writer

    if output.exists() and not output.is_dir():
        raise UsageError(f"{output}: --to {to} writes a folder, and this is not one")
    if not wanted.shared and not force and output.is_dir() and any(output.iterdir()):
        raise UsageError(f"{output}: {TAKEN}")
    return folder_writer(to).save(source, output)
