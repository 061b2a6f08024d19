"""What ``check`` judges a report by: a baseline, the baselines of a folder, or a history."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from energyprof.cli.compare import labels
from energyprof.errors import FileError, UsageError

if TYPE_CHECKING:
    from energyprof.compare.gate.check import Check
    from energyprof.compare.gate.control import Controls
    from energyprof.compare.gate.limits import Claims, Limit
    from energyprof.compare.gate.suite import Named
    from energyprof.compare.gate.waivers import Waivers

ITSELF = "its runs are those of its baseline to the last digit: one report, which says nothing of a change"


class Asked(NamedTuple):
    """What the options say."""

    new: Path
    baseline: Path | None
    history: Path | None
    accept: str | None  # why a new level begins; None: it does not
    limits: Sequence[Limit]
    last: int
    allow: Sequence[str]
    claims: Claims
    waivers: Path | None
    control: Path | None
    allow_missing: bool
    allow_changed: bool
    require_power: bool

    def refuse_contradictions(self) -> None:
        """Raises UsageError: it says too little, or two things at once."""
        if self.baseline is None and self.history is None:
            raise UsageError("give --baseline REPORT or --history FOLDER to judge it by")
        if self.accept is not None and (self.history is None or self.baseline is not None):
            raise UsageError(
                "--accept: marks a level in the folder of --history; give that, and no --baseline"
            )


class Beside(NamedTuple):
    """What is known beside the reports."""

    waivers: Waivers
    controls: Controls | None


@contextlib.contextmanager
def as_of(revision: str, asked: Asked) -> Iterator[Asked]:
    """``asked`` with what the commit ``revision`` has in the place of files that a change could write.

    Raises:
        UsageError, FileError: as `of_base`.
    """
    if not revision:
        yield asked
        return
    from energyprof.cli.of_base import of_base

    wanted = (asked.baseline, asked.waivers, asked.history, asked.control)
    with of_base(revision, wanted, allow_missing=asked.allow_missing) as found:
        baseline, waivers, history, control = found
        yield asked._replace(baseline=baseline, waivers=waivers, history=history, control=control)


def judged(asked: Asked) -> Check:
    """The verdict that is asked for.

    Raises:
        EnergyprofError: a file cannot be read, or the reports cannot be compared.
    """
    if asked.require_power:
        baseline = asked.baseline
        require_power([asked.new, *([baseline] if baseline is not None and baseline.exists() else [])])
    known = beside(asked.waivers, asked.control)
    if asked.baseline is None:
        assert asked.history is not None  # see `refuse_contradictions`
        if asked.accept is not None:
            return accepted(asked.new, asked.history, asked.accept)
        return by_history(asked, asked.history, known)
    if asked.new.is_dir():
        return folders(asked, asked.baseline, known)
    return by_baseline(asked, asked.baseline, known)


def beside(waivers: Path | None, control: Path | None) -> Beside:
    """What the two options name.

    Raises:
        EnergyprofError: a file or a folder cannot be read, or is none of ours.
    """
    from energyprof.clock import utc_now
    from energyprof.compare.gate.control_folder import controls_in
    from energyprof.compare.gate.waivers import NONE, read_waivers

    return Beside(
        NONE if waivers is None else read_waivers(waivers, utc_now()),
        None if control is None else controls_in(control),
    )


def require_power(paths: Sequence[Path]) -> None:
    """Refuse reports, and folders of them, whose power no real meter measured.

    Raises:
        NoPower: one of them is an estimate, or has no joules.
        FileError: one of them cannot be read.
    """
    from energyprof.compare.gate.limits import metered
    from energyprof.compare.gate.suite import Named
    from energyprof.errors import NoPower
    from energyprof.report.file import read

    for path in paths:
        for found in _named(path) if path.is_dir() else [Named(str(path), read(path))]:
            report = found.report
            if report.origin != "measured":
                raise NoPower(f"--require-power: {found.label}: its energy is {report.origin}, not measured")
            if not metered([report]) or all(run.energy_j is None for run in report.runs):
                raise NoPower(f"--require-power: {found.label}: nothing measured the power of its runs")


def by_baseline(asked: Asked, baseline: Path, beside: Beside) -> Check:
    """The verdict on one report by another; a history beside it tells how much sessions differ."""
    from energyprof.compare.gate import check as checking
    from energyprof.compare.gate import noise
    from energyprof.compare.gate.accepted import marks_in
    from energyprof.compare.gate.folder import reports_in
    from energyprof.compare.gate.history import history, session_scatter
    from energyprof.compare.gate.limits import default_limits
    from energyprof.compare.sessions import UNKNOWN
    from energyprof.report.file import read

    new, folder = asked.new, asked.history
    report, (name, baseline_name) = read(new), labels([new, baseline])
    if asked.allow_missing and not baseline.exists():
        return checking.without_baseline(name, str(baseline))
    if baseline.is_dir():
        raise UsageError(f"{baseline}: is a folder, but {new} is not; give two reports or two folders")
    names, old = (name, baseline_name), read(baseline)
    known = UNKNOWN
    if folder is not None:
        judged_by = asked.limits or default_limits(report, old)
        marks = marks_in(folder, report.workload.name)
        known = session_scatter(history(report, reports_in(folder), judged_by, asked.allow, marks))
    scatter = noise.beside(baseline)
    found = checking.check(
        report, old, asked.limits, names, scatter, asked.allow, asked.claims, known, *beside
    )
    if report.runs != old.runs:
        return found
    return replace(found, notes=(*found.notes, ITSELF))


def folders(asked: Asked, baseline: Path, beside: Beside) -> Check:
    """The verdict on a folder of reports by another."""
    from energyprof.compare.gate import check as checking
    from energyprof.compare.gate.suite import suite

    if asked.history is not None:
        raise UsageError("--history: beside --baseline for two reports, not for two folders")
    new = asked.new
    mine, first = _named(new), "--allow-missing-baseline if this is the first"
    if not mine:
        raise FileError(f"{new}: no report in this folder")
    if asked.allow_missing and not baseline.exists():
        return checking.without_baseline(str(new), str(baseline))
    theirs = _named(baseline)
    if not theirs and not asked.allow_missing:
        raise FileError(f"{baseline}: no report in this folder; {first}")
    overlook: list[Literal["changed"]] = ["changed"] if asked.allow_changed else []
    labels = (str(new), str(baseline))
    return checking.check_suite(suite(mine, theirs), asked.limits, labels, overlook, asked.allow, *beside)


def accepted(new: Path, folder: Path, why: str) -> Check:
    """Mark that a new level begins with ``new``: it is judged by nothing."""
    from energyprof.compare.gate import check as checking
    from energyprof.compare.gate.accepted import accept
    from energyprof.report.file import read

    if not why.strip():
        raise UsageError("--accept: say why, such as --accept 'a larger model'")
    accept(read(new), folder, new.stem, why.strip())
    return checking.without_baseline(new.stem, f"an earlier report of the level accepted in {folder}")


def by_history(asked: Asked, folder: Path, beside: Beside) -> Check:
    """The verdict on a report by those before it."""
    import gc

    from energyprof.compare.gate import check as checking
    from energyprof.compare.gate.accepted import marks_in
    from energyprof.compare.gate.folder import reports_in
    from energyprof.compare.gate.history import history
    from energyprof.report.file import read
    from energyprof.units import moment

    new = asked.new
    if new.is_dir():
        raise UsageError(f"{new}: is a folder, but --history judges one report; name a report in it")
    report = read(new)
    # Parsed JSON has no cycles; searching for them takes a quarter of the time for ten thousand reports.
    gc.disable()
    missing = asked.allow_missing and not folder.exists()
    marks = () if missing else marks_in(folder, report.workload.name)
    before = history(report, () if missing else reports_in(folder), asked.limits, asked.allow, marks)
    if before.marks and before.past and moment(before.past[-1].created) < moment(before.marks[-1].created):
        since = f"a report in {folder} since its level was accepted ({before.marks[-1].why})"
        return checking.without_baseline(new.stem, since)
    if not before.past:
        why = "".join(f"; {line}" for line in before.left_out)
        if not asked.allow_missing:
            raise FileError(
                f"{folder}: no report of the same work on this machine before {new.name}{why}; "
                "--allow-missing-baseline if this is the first"
            )
        return checking.without_baseline(new.stem, f"an earlier report in {folder}")
    return checking.check_history(report, before, asked.limits, (new.stem, str(folder)), asked.last, *beside)


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
