"""``energyprof compare``: reports side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from energyprof.cli.checked import checked_page
from energyprof.cli.options import Country, Intensity, Json, Page
from energyprof.formats import COMPARISON_FORMATS

if TYPE_CHECKING:
    from energyprof.compare.compared import Comparison
    from energyprof.report.record import Report


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
            help="A difference to allow: task, boundary, origin, meters or machine; can be repeated.",
        ),
    ] = None,
    target: Annotated[
        float | None,
        typer.Option(
            metavar="SCORE", help="As if all had been trained to this score, from the evaluations they hold."
        ),
    ] = None,
    country: Country = None,
    intensity: Intensity = None,
    format: Annotated[
        str, typer.Option("--format", metavar="NAME", help=f"One of {', '.join(COMPARISON_FORMATS)}.")
    ] = "text",
    json: Json = False,
    html: Page = None,
) -> None:
    """Compare reports figure by figure, with intervals.

    Exits 3 and names every difference if they do not measure the same thing.
    """
    import dataclasses
    import gc
    import sys

    from energyprof import formats
    from energyprof.compare import comparison as comparing
    from energyprof.compare import emissions
    from energyprof.compare.gate import noise
    from energyprof.report.file import read_all

    checked_page(html)
    writer = formats.comparison_format("json" if json else format)
    names = labels(reports)
    overlooked, grid = comparing.parse_allowed(allow or ()), emissions.chosen(country, intensity)
    gc.disable()  # reports have no cycles; searching a thousand for them takes a fifth of the time
    contents = read_all(reports)
    if target is not None:
        from energyprof.compare.at_target import all_at_target

        contents = all_at_target(contents, target, names)
    comparison = comparing.compare(contents, names, overlooked, grid, noise.beside(reports[0]))
    if target is not None:
        line = f"as if trained to {target:g}: from the evaluations that the reports hold"
        comparison = dataclasses.replace(comparison, notes=(line, *comparison.notes))
    if html is not None:
        write_html(html, comparison, contents, reports)
    writer.write_comparison(comparison, sys.stdout)


def write_html(page: Path, comparison: Comparison, reports: Sequence[Report], paths: Sequence[Path]) -> None:
    """Write the page of a comparison, using the traces that lie beside the reports.

    Raises:
        FileError: it cannot be written.
    """
    from energyprof.formats.html.page import write_page
    from energyprof.report.file import trace_path

    traces = [trace_path(path) for path in paths]
    write_page(page, comparison, reports, traces)


def labels(paths: Sequence[Path]) -> list[str]:
    """A name for each path: its stem if all stems differ, else the path, numbered if it occurs twice."""
    stems = [path.stem for path in paths]
    names = stems if len(set(stems)) == len(stems) else [str(path) for path in paths]
    seen: dict[str, int] = {}
    numbered = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        numbered.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return numbered
