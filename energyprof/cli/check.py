"""``energyprof check``: the gate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from energyprof.cli.compare import labels
from energyprof.cli.options import Distrust, Json, Limits, Strict
from energyprof.errors import FileError, UsageError
from energyprof.formats import VERDICT_FORMATS

if TYPE_CHECKING:
    from energyprof.compare.gate.check import Check
    from energyprof.compare.gate.limits import Claims, Limit
    from energyprof.compare.gate.suite import Named


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
    format: Annotated[
        str, typer.Option("--format", metavar="NAME", help=f"One of {', '.join(VERDICT_FORMATS)}.")
    ] = "text",
    json: Json = False,
) -> None:
    """Judge a report against a baseline: PASS, FAIL or INCONCLUSIVE for each limit.

    Exits 0 on a pass, 1 on a regression, 3 if the reports are not comparable,
    4 if a run is invalid or missed its target, 5 with --strict if there are
    too few runs to tell.
    """
    import sys

    from energyprof import formats
    from energyprof.compare.gate import check as checking
    from energyprof.compare.gate.limits import parse_limit, parse_overlooked

    writer = formats.verdict_format("json" if json else format)
    limits, overlooked = [parse_limit(text) for text in limit or ()], parse_overlooked(allow or ())
    if baseline is None and history is None:
        raise UsageError("give --baseline REPORT or --history FOLDER to judge it by")
    if accept is not None and (history is None or baseline is not None):
        raise UsageError("--accept: marks a level in the folder of --history; give that, and no --baseline")
    if history is not None and accept is not None:
        result = _accepted(new, history, accept)
    elif history is not None and baseline is None:
        result = _by_history(new, history, limits, last, overlooked, allow_missing=allow_missing_baseline)
    elif baseline is not None and new.is_dir():
        if history is not None:
            raise UsageError("--history: beside --baseline for two reports, not for two folders")
        result = _folders(
            new,
            baseline,
            limits,
            overlooked,
            allow_missing=allow_missing_baseline,
            allow_changed=allow_changed,
        )
    elif baseline is not None:
        claims: Claims = "doubted" if distrust else "believed"
        result = _by_baseline(
            new, baseline, history, limits, overlooked, claims, allow_missing=allow_missing_baseline
        )
    writer.write_check(result, sys.stdout)
    if json or format == "json":
        formats.verdict_format("text").write_check(result, sys.stderr)
    raise typer.Exit(checking.exit_code(result, strict=strict))


def _by_baseline(
    new: Path,
    baseline: Path,
    folder: Path | None,
    limits: Sequence[Limit],
    allow: Sequence[str],
    claims: Claims,
    *,
    allow_missing: bool,
) -> Check:
    from energyprof.compare.gate import check as checking
    from energyprof.compare.gate import noise
    from energyprof.compare.gate.accepted import marks_in
    from energyprof.compare.gate.folder import reports_in
    from energyprof.compare.gate.history import history, session_scatter
    from energyprof.compare.gate.limits import default_limits
    from energyprof.compare.sessions import UNKNOWN
    from energyprof.report.file import read

    report, (name, baseline_name) = read(new), labels([new, baseline])
    if allow_missing and not baseline.exists():
        return checking.without_baseline(name, str(baseline))
    if baseline.is_dir():
        raise UsageError(f"{baseline}: is a folder, but {new} is not; give two reports or two folders")
    names, old = (name, baseline_name), read(baseline)
    known = UNKNOWN
    if folder is not None:
        judged_by = limits or default_limits(report, old)
        past = history(report, reports_in(folder), judged_by, allow, marks_in(folder, report.workload.name))
        known = session_scatter(past)
    return checking.check(report, old, limits, names, noise.beside(baseline), allow, claims, known)


def _folders(
    new: Path,
    baseline: Path,
    limits: Sequence[Limit],
    allow: Sequence[str],
    *,
    allow_missing: bool,
    allow_changed: bool,
) -> Check:
    from energyprof.compare.gate import check as checking
    from energyprof.compare.gate.suite import suite

    mine, first = _named(new), "--allow-missing-baseline if this is the first"
    if not mine:
        raise FileError(f"{new}: no report in this folder")
    if allow_missing and not baseline.exists():
        return checking.without_baseline(str(new), str(baseline))
    theirs = _named(baseline)
    if not theirs and not allow_missing:
        raise FileError(f"{baseline}: no report in this folder; {first}")
    overlook: list[Literal["changed"]] = ["changed"] if allow_changed else []
    return checking.check_suite(suite(mine, theirs), limits, (str(new), str(baseline)), overlook, allow)


def _accepted(new: Path, folder: Path, why: str) -> Check:
    """Mark that a new level begins with ``new``: it is judged by nothing."""
    from energyprof.compare.gate import check as checking
    from energyprof.compare.gate.accepted import accept
    from energyprof.report.file import read

    if not why.strip():
        raise UsageError("--accept: say why, such as --accept 'a larger model'")
    accept(read(new), folder, new.stem, why.strip())
    return checking.without_baseline(new.stem, f"an earlier report of the level accepted in {folder}")


def _by_history(
    new: Path, folder: Path, limits: Sequence[Limit], last: int, allow: Sequence[str], *, allow_missing: bool
) -> Check:
    import gc

    from energyprof.compare.gate import check as checking
    from energyprof.compare.gate.accepted import marks_in
    from energyprof.compare.gate.folder import reports_in
    from energyprof.compare.gate.history import history
    from energyprof.report.file import read
    from energyprof.units import moment

    if new.is_dir():
        raise UsageError(f"{new}: is a folder, but --history judges one report; name a report in it")
    report = read(new)
    # Parsed JSON has no cycles; searching for them takes a quarter of the time for ten thousand reports.
    gc.disable()
    missing = allow_missing and not folder.exists()
    marks = () if missing else marks_in(folder, report.workload.name)
    before = history(report, () if missing else reports_in(folder), limits, allow, marks)
    if before.marks and before.past and moment(before.past[-1].created) < moment(before.marks[-1].created):
        since = f"a report in {folder} since its level was accepted ({before.marks[-1].why})"
        return checking.without_baseline(new.stem, since)
    if not before.past:
        why = "".join(f"; {line}" for line in before.left_out)
        if not allow_missing:
            raise FileError(
                f"{folder}: no report of the same work on this machine before {new.name}{why}; "
                "--allow-missing-baseline if this is the first"
            )
        return checking.without_baseline(new.stem, f"an earlier report in {folder}")
    return checking.check_history(report, before, limits, (new.stem, str(folder)), last)


def _named(folder: Path) -> list[Named]:
    """The reports in a folder, named by their paths in it.

    Raises:
        FileError: one of them cannot be read, or ``folder`` is not a folder.
    """
    from energyprof.compare.gate import noise
    from energyprof.compare.gate.folder import reports_in
    from energyprof.compare.gate.suite import Named
    from energyprof.report.file import from_data

    found = []
    for file in reports_in(folder):
        if file.data is None:
            raise FileError(file.problem)
        report = from_data(file.data, str(file.path))
        label = str(file.path.relative_to(folder)).removesuffix(".json")
        found.append(Named(f"{folder.name or folder}/{label}", report, noise.beside(file.path)))
    return found
