"""``energyprof join``: the reports of several nodes as one."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from energyprof.cli import streams
from energyprof.cli.options import Force, Json, Output
from energyprof.errors import UsageError

if TYPE_CHECKING:
    from energyprof.report.join import Ahead


def join(
    reports: Annotated[list[Path], typer.Argument(help="Each node's report, its trace beside it.")],
    ahead: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NODE=S[:U]",
            help="By how many seconds a node's clock was ahead of true time (chronyc tracking, ntpq -p), and"
            " its standard uncertainty; can be repeated.",
        ),
    ] = None,
    output: Output = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Make one report of what several nodes recorded of one training.

    Each was metered under run, exec or attach on its own node. Joules are added where
    the nodes' meters see the same; `recompute` gives the same again from the joined trace.
    """
    from energyprof import __version__
    from energyprof.cli.checked import report_path, taken
    from energyprof.clock import utc_now
    from energyprof.formats.console import Screen
    from energyprof.formats.summary import summary
    from energyprof.report.file import to_json
    from energyprof.report.join import join as joined

    path = report_path(output, "joined", force=force)
    report = joined(reports, path, taken(force=force), offsets(ahead or ()), utc_now(), __version__)
    if json:
        streams.write_json(to_json(report))
    Screen(sys.stderr if json else sys.stdout).print(summary(report, path))


def offsets(words: Sequence[str]) -> dict[str, Ahead]:
    """By node how far its clock was ahead. Raises UsageError: not NODE=S or NODE=S:U, or a node twice."""
    from energyprof.report.join import Ahead

    found: dict[str, Ahead] = {}
    for word in words:
        name, equals, text = word.rpartition("=")
        ahead, colon, doubt = text.partition(":")
        try:
            ahead_s, u_s = float(ahead), float(doubt) if colon else None
        except ValueError:
            ahead_s, u_s = math.nan, None
        if not equals or not name or not abs(ahead_s) < 1e9 or not (u_s is None or 0 <= u_s < 1e9):
            raise UsageError(
                f"--ahead {word}: give NODE=SECONDS, such as node-2=0.013, or node-2=0.013:0.002"
            )
        if name in found:
            raise UsageError(f"--ahead {word}: {name} is given twice")
        found[name] = Ahead(ahead_s, u_s)
    return found
