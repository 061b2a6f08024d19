"""``energyprof show``: one report for people."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from energyprof.cli.options import Json


def show(
    report: Annotated[Path, typer.Argument(help="The report, a .json file.")],
    budget: Annotated[
        bool, typer.Option("--budget", help="Where the uncertainty of its energies comes from.")
    ] = False,
    json: Json = False,
) -> None:
    """Show one report: energy with its uncertainty, phases, meters, and power over time."""
    from rich.console import Console

    from energyprof.report import read, to_json

    content = read(report)
    if budget:
        from energyprof.budget import budgets
        from energyprof.formats.budget import budget_data, budget_table

        found = budgets(content)
        if json:
            _write_json(budget_data(content, found))
        else:
            Console().print(budget_table(content, found))
        return
    if json:
        sys.stdout.write(to_json(content))
        return
    from energyprof.formats.picture import picture
    from energyprof.formats.summary import summary

    console = Console()
    console.print(summary(content, report))
    drawn = picture(content, report, min(console.width, 100))
    if drawn is not None:
        console.print(drawn)


def _write_json(data: dict[str, object]) -> None:
    import json

    sys.stdout.write(json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
