"""``energyprof check``: the gate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from energyprof.cli.options import ControlFolder, Distrust, Json, Limits, Strict
from energyprof.errors import UsageError
from energyprof.formats import VERDICT_FORMATS

if TYPE_CHECKING:
    from energyprof.compare.gate.limits import Claims


def check(
    new: Annotated[Path, typer.Argument(help="The report to judge, or a folder of reports.")],
    baseline: Annotated[
        Path | None,
        typer.Option("--baseline", "-b", help="The report to judge it by, or the folder of reports."),
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option(
            "--history",
            metavar="FOLDER",
            help="Judge it by the earlier reports in this folder; beside --baseline they only tell how much "
            "sessions differ.",
        ),
    ] = None,
    accept: Annotated[
        str | None,
        typer.Option(
            "--accept",
            metavar="WHY",
            help="With --history: from this report on a new level is accepted; marked in the folder.",
        ),
    ] = None,
    limit: Limits = None,
    last: Annotated[
        int, typer.Option("--last", metavar="N", min=2, help="How many earlier reports predict the next.")
    ] = 30,
    strict: Strict = False,
    distrust: Distrust = False,
    allow_missing_baseline: Annotated[
        bool, typer.Option("--allow-missing-baseline", help="No baseline yet exits 0, not 2.")
    ] = False,
    allow_changed: Annotated[
        bool, typer.Option("--allow-changed", help="For folders: list changed work and exit 0, not 3.")
    ] = False,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow",
            metavar="machine",
            help="Judge although the reports are not known to be of one machine.",
        ),
    ] = None,
    waivers: Annotated[
        Path | None,
        typer.Option(
            "--waivers", metavar="FILE", help="Reasons of invalidity that are overlooked, each until a day."
        ),
    ] = None,
    control: ControlFolder = None,
    require_power: Annotated[
        bool,
        typer.Option(
            "--require-power", help="Exit 4 where no real meter measured the power of a report's runs."
        ),
    ] = False,
    base: Annotated[
        str,
        typer.Option(
            "--base",
            metavar="REVISION",
            help="Judge by files as this commit has them, and by no folder under version control.",
        ),
    ] = "",
    format: Annotated[
        str, typer.Option("--format", metavar="NAME", help=f"One of {', '.join(VERDICT_FORMATS)}.")
    ] = "text",
    json: Json = False,
) -> None:
    """Judge a report against a baseline: PASS, FAIL or INCONCLUSIVE for each limit.

    Exits 0 on a pass, 1 on a regression, 3 if the reports are not comparable,
    4 if a run is invalid or missed its target (or no real meter measured it, with
    --require-power), 5 with --strict if there are
    too few runs to tell.
    """
    import contextlib
    import sys

    from energyprof import formats
    from energyprof.cli import checks
    from energyprof.compare.gate import check as checking
    from energyprof.compare.gate.limits import parse_limit, parse_overlooked

    writer = formats.verdict_format("json" if json else format)
    limits, overlooked = [parse_limit(text) for text in limit or ()], parse_overlooked(allow or ())
    if baseline is None and history is None:
        raise UsageError("give --baseline REPORT or --history FOLDER to judge it by")
    if accept is not None and (history is None or baseline is not None):
        raise UsageError("--accept: marks a level in the folder of --history; give that, and no --baseline")
    with contextlib.ExitStack() as copies:
        if base:
            from energyprof.cli.of_base import of_base

            wanted = (baseline, waivers, history, control)
            baseline, waivers, history, control = copies.enter_context(
                of_base(base, wanted, allow_missing=allow_missing_baseline)
            )
        if require_power:
            checks.require_power([new, *([baseline] if baseline is not None and baseline.exists() else [])])
        beside = checks.beside(waivers, control)
        if history is not None and accept is not None:
            result = checks.accepted(new, history, accept)
        elif history is not None and baseline is None:
            result = checks.by_history(
                new, history, limits, last, overlooked, beside, allow_missing=allow_missing_baseline
            )
        elif baseline is not None and new.is_dir():
            if history is not None:
                raise UsageError("--history: beside --baseline for two reports, not for two folders")
            result = checks.folders(
                new,
                baseline,
                limits,
                overlooked,
                beside,
                allow_missing=allow_missing_baseline,
                allow_changed=allow_changed,
            )
        elif baseline is not None:
            claims: Claims = "doubted" if distrust else "believed"
            result = checks.by_baseline(
                new,
                baseline,
                history,
                limits,
                overlooked,
                claims,
                beside,
                allow_missing=allow_missing_baseline,
            )
    writer.write_check(result, sys.stdout)
    if json or format == "json":
        formats.verdict_format("text").write_check(result, sys.stderr)
    raise typer.Exit(checking.exit_code(result, strict=strict))
