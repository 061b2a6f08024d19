"""``energyprof compare``: reports side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from energyprof.cli.options import Json

FormatName = Annotated[str, typer.Option("--format", metavar="NAME", help="text, markdown or json.")]


def compare(
    reports: Annotated[
        list[Path],
        typer.Argument(help="Reports; changes are against the first."),
    ],
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow",
            metavar="DIFFERENCE",
            help="A difference to overlook: work, boundary, estimated or meters; may be given several times.",
        ),
    ] = None,
    format: FormatName = "text",
    json: Json = False,
) -> None:
    """Compare reports figure by figure, with intervals.

    Exits 3, and names every difference, if they do not measure the same thing.
    """
    import sys

    from energyprof import compare as comparing
    from energyprof import formats
    from energyprof.report import read

    writer = formats.load("json" if json else format)
    names = labels(reports)
    overlooked = comparing.parse_allowed(allow or ())
    comparison = comparing.compare([read(path) for path in reports], names, overlooked)
    writer.write_comparison(comparison, sys.stdout)


def labels(paths: Sequence[Path]) -> list[str]:
    """A name for each path: its stem if that tells all apart, else the path, numbered if twice."""
    stems = [path.stem for path in paths]
    names = stems if len(set(stems)) == len(stems) else [str(path) for path in paths]
    seen: dict[str, int] = {}
    numbered = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        numbered.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return numbered
