"""``energyprof recompute``: a report from its trace."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from energyprof.cli import streams
from energyprof.cli.options import Force, Json, Output


def recompute(
    report: Annotated[Path, typer.Argument(help="The report, with its trace beside it.")],
    output: Output = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Rebuild a report from its trace: the same numbers, or what was measured before a crash."""
    from energyprof.cli.checked import report_path
    from energyprof.files import write_new, write_text
    from energyprof.formats.console import Screen
    from energyprof.formats.summary import summary
    from energyprof.report import recompute as recomputing
    from energyprof.report.file import read, to_json

    again = recomputing.recompute(report)
    same = recomputing.is_given_back(read(report), again)
    console = Screen(sys.stderr if json else sys.stdout)
    if output is not None:
        write = write_text if force else write_new
        write(report_path(output, report.stem, force=force), to_json(again))
    if json:
        streams.write_json(to_json(again))
    else:
        console.print(summary(again, output or report))
    if same:
        console.print("The trace gives the same report, digit for digit.")
    elif output is None:
        console.print("The trace gives a different report from the file's; --output FILE saves it.")
