"""``energyprof levers``: what of this machine can be turned for a training, and put back."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

from energyprof.cli import streams
from energyprof.cli.options import Json


def levers(
    action: Annotated[
        Literal["list", "restore"],
        typer.Argument(help="list, or restore: put back what a killed run left turned."),
    ] = "list",
    json: Json = False,
) -> None:
    """List what `run --lever NAME=VALUE` can turn here: its value now, and which it may have.

    What is turned is written down first and put back when the training ends.
    If it was killed, the next start of energyprof puts it back, or `levers restore`.
    """
    import json as json_text

    from energyprof.formats.console import Screen
    from energyprof.formats.levers import lever_data, lever_table
    from energyprof.measure.levers import find_all
    from energyprof.measure.meters import sysfs_root
    from energyprof.profile.lever_journal import restore_left

    if action == "restore":
        lines = restore_left()
        for line in lines or ["nothing was left turned"]:
            typer.echo(line)
        raise typer.Exit(2 if any(line.startswith("not put back") for line in lines) else 0)
    findings = find_all(sysfs_root())
    if json:
        streams.write_json(json_text.dumps(lever_data(findings), indent=2, ensure_ascii=False) + "\n")
    else:
        Screen(sys.stdout).print(lever_table(findings))
