"""``energyprof check``: the gate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from energyprof.cli.compare import FormatName, labels
from energyprof.cli.options import Json


def check(
    new: Annotated[Path, typer.Argument(help="The report to judge.")],
    baseline: Annotated[Path, typer.Option("--baseline", "-b", help="The report to judge it by.")],
    limit: Annotated[
        list[str] | None,
        typer.Option(
            "--limit",
            metavar="FIGURE:PERCENT%",
            help="How much more is too much, such as energy_per_sample:3% (the default); may be "
            "given several times.",
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Inconclusive exits 5, not 0.")] = False,
    allow_missing_baseline: Annotated[
        bool, typer.Option("--allow-missing-baseline", help="No baseline yet exits 0, not 2.")
    ] = False,
    format: FormatName = "text",
    json: Json = False,
) -> None:
    """Judge a report by a baseline: PASS, FAIL or INCONCLUSIVE for each limit.

    Exits 0 on a pass, 1 on a regression, 3 if the reports do not compare,
    4 if a run is invalid or missed its target, 5 with --strict if the runs
    are too few to tell.
    """
    import sys

    from energyprof import check as checking
    from energyprof import formats
    from energyprof.report import read

    writer = formats.load("json" if json else format)
    limits = [checking.parse_limit(text) for text in limit or ()]
    report, (name, baseline_name) = read(new), labels([new, baseline])
    if allow_missing_baseline and not baseline.exists():
        result = checking.without_baseline(name, str(baseline))
    else:
        result = checking.check(report, read(baseline), limits, (name, baseline_name))
    writer.write_check(result, sys.stdout)
    if json or format == "json":
        formats.load("text").write_check(result, sys.stderr)
    raise typer.Exit(checking.exit_code(result, strict=strict))
