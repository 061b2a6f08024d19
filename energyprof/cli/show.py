"""``energyprof show``: one report for people."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from energyprof.cli.options import Json


def show(
    report: Annotated[Path, typer.Argument(help="The report, a .json file.")],
    json: Json = False,
) -> None:
    """Show one report: energy with its uncertainty, phases, meters, and power over time."""
    from rich.console import Console

    from energyprof.formats.picture import picture
    from energyprof.formats.summary import summary
    from energyprof.report import read, to_json

    content = read(report)
    if json:
        sys.stdout.write(to_json(content))
        return
    console = Console()
    console.print(summary(content, report))
    drawn = picture(content, report, min(console.width, 100))
    if drawn is not None:
        console.print(drawn)
