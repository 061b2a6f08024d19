"""``energyprof check``: the gate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from energyprof.cli.options import ControlFolder, Distrust, Json, Limits, Strict
from energyprof.formats import VERDICT_FORMATS

New = Annotated[Path, typer.Argument(help="The report to judge, or a folder of reports.")]
Baseline = Annotated[
    Path | None,
    typer.Option("--baseline", "-b", help="The report to judge it by, or the folder of reports."),
]
HistoryFolder = Annotated[
    Path | None,
    typer.Option(
        "--history",
        metavar="FOLDER",
        help="Judge it by the earlier reports in this folder; beside --baseline they only tell how much "
        "sessions differ.",
    ),
]
Accept = Annotated[
    str | None,
    typer.Option(
        "--accept",
        metavar="WHY",
        help="With --history: from this report on a new level is accepted; marked in the folder.",
    ),
]
Last = Annotated[
    int, typer.Option("--last", metavar="N", min=2, help="How many earlier reports predict the next.")
]
AllowMissingBaseline = Annotated[
    bool, typer.Option("--allow-missing-baseline", help="No baseline yet exits 0, not 2.")
]
AllowChanged = Annotated[
    bool, typer.Option("--allow-changed", help="For folders: list changed work and exit 0, not 3.")
]
Allow = Annotated[
    list[str] | None,
    typer.Option(
        "--allow", metavar="machine", help="Judge although the reports are not known to be of one machine."
    ),
]
WaiversFile = Annotated[
    Path | None,
    typer.Option(
        "--waivers", metavar="FILE", help="Reasons of invalidity that are overlooked, each until a day."
    ),
]
PowerRequired = Annotated[
    bool,
    typer.Option("--require-power", help="Exit 4 where no real meter measured the power of a report's runs."),
]
Base = Annotated[
    str,
    typer.Option(
        "--base",
        metavar="REVISION",
        help="Judge by files as this commit has them, and by no folder under version control.",
    ),
]
Format = Annotated[
    str, typer.Option("--format", metavar="NAME", help=f"One of {', '.join(VERDICT_FORMATS)}.")
]


def check(
    new: New,
    baseline: Baseline = None,
    history: HistoryFolder = None,
    accept: Accept = None,
    limit: Limits = None,
    last: Last = 30,
    strict: Strict = False,
    distrust: Distrust = False,
    allow_missing_baseline: AllowMissingBaseline = False,
    allow_changed: AllowChanged = False,
    allow: Allow = None,
    waivers: WaiversFile = None,
    control: ControlFolder = None,
    require_power: PowerRequired = False,
    base: Base = "",
    format: Format = "text",
    json: Json = False,
) -> None:
    """Judge a report against a baseline: PASS, FAIL or INCONCLUSIVE for each limit.

    Exits 0 on a pass, 1 on a regression, 3 if the reports are not comparable,
    4 if a run is invalid or missed its target (or no real meter measured it, with
    --require-power), 5 with --strict if there are
    too few runs to tell.
    """
    import sys

    from energyprof import formats
    from energyprof.cli import checks
    from energyprof.compare.gate.check import exit_code
    from energyprof.compare.gate.limits import parse_limit, parse_overlooked

    writer = formats.verdict_format("json" if json else format)
    asked = checks.Asked(
        new,
        baseline,
        history,
        accept,
        [parse_limit(text) for text in limit or ()],
        last,
        parse_overlooked(allow or ()),
        "doubted" if distrust else "believed",
        waivers,
        control,
        allow_missing=allow_missing_baseline,
        allow_changed=allow_changed,
        require_power=require_power,
    )
    asked.refuse_contradictions()
    with checks.as_of(base, asked) as trusted:
        result = checks.judged(trusted)
    writer.write_check(result, sys.stdout)
    if json or format == "json":
        formats.verdict_format("text").write_check(result, sys.stderr)
    raise typer.Exit(exit_code(result, strict=strict))
