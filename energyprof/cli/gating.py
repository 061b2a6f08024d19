"""The steps of ``energyprof gate``: what is judged by what, measured, judged, and told to who started it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from energyprof import files, formats
from energyprof.cli import profiling, quoted, sides
from energyprof.cli.metering import Metering
from energyprof.compare.gate import check as checking
from energyprof.compare.gate.check import Check
from energyprof.compare.gate.limits import Claims, Limit
from energyprof.compare.statistics.sequential import LOOKS
from energyprof.errors import FileError, UsageError
from energyprof.formats import github
from energyprof.profile.checkout import working_tree, worktree
from energyprof.profile.inbox import Inbox, signals
from energyprof.profile.open_meters import MeasurementSettings
from energyprof.profile.request import TrainingRequest
from energyprof.profile.room import room
from energyprof.profile.session import SessionResult
from energyprof.report.file import to_json, trace_path
from energyprof.study.ab import PairedDesign, Screen, Side, interleave
from energyprof.study.gate import Baseline, alone, baseline_at, judged
from energyprof.study.trusted import Tree


class Wanted(NamedTuple):
    """What the options say."""

    request: TrainingRequest
    about: str  # the same as a command line
    out: Path
    stored: Path
    base: str  # a revision; empty: nothing is judged but by a path
    baseline: str  # auto, measure, stored or a path
    repeats: int
    pairs: int | None
    cooldown_s: float
    limits: tuple[Limit, ...]
    claims: Claims


class Found(NamedTuple):
    """What was measured, and the verdict."""

    results: tuple[SessionResult, ...]  # the change's last
    verdict: Check | None  # None: there was nothing to judge by, or a program failed
    code: int  # what the measurement alone would exit with
    failed: tuple[str, ...] = ()  # why there is no verdict


def asked(command: str) -> tuple[TrainingRequest, str]:
    """What a command asks to train, and its words.

    Raises:
        UsageError: it is no command that trains.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"GATE_COMMAND: {command}: {error}") from None
    if not words or words[0] not in quoted.READERS:
        raise UsageError(f"GATE_COMMAND: {command}: write run … or exec …")
    return quoted.asked(words), shlex.join(words)


def measuring(
    wanted: Wanted, meters: str, interval_s: float, idle_s: float, corrected_by: Sequence[Path]
) -> MeasurementSettings:
    """How to measure; nothing of it is the change's.

    Raises:
        UsageError: an option is invalid, or leads into the change.
        FileError: a file cannot be read or written.
    """
    tree = Tree(wanted.base)
    tree.refuse_as_folder(wanted.out)
    for name in profiling.names(meters):
        log = Path(name.removeprefix("csv=").partition("?")[0])
        if name.startswith("csv=") and tree.inside(log) is not None:
            raise UsageError(
                f"--meters {name}: lies in the repository that is judged, whose program may write it"
            )
    change = wanted.out / "change.json"
    for stale in (change, wanted.out / "base.json"):
        for path in (stale, trace_path(stale), wanted.out / "junit.xml"):
            path.unlink(missing_ok=True)
    with room() as folder:
        found = [_copied(path, tree, folder / str(i)) for i, path in enumerate(corrected_by)]
        metering = Metering(meters=meters, interval=interval_s, idle=idle_s, calibration=found)
        return profiling.measuring(metering, change, "change", force=True)


def _copied(path: Path, tree: Tree, folder: Path) -> Path:
    """The file as `Tree.bytes_of` has it, under its own name in a new folder."""
    content = tree.bytes_of(path)
    if content is None:
        raise FileError(f"{path}: cannot be read: there is no such file, or the base commit has none")
    folder.mkdir()
    (folder / path.name).write_bytes(content)
    return folder / path.name


def judge(wanted: Wanted, measuring: MeasurementSettings, ready: Callable[[], None]) -> Found:
    """Measure the change, beside its base or alone, and judge it. ``ready`` is called before a program runs.

    Raises:
        EnergyprofError: it cannot be measured or judged; see `interleave`, `alone` and `judged`.
    """
    tree, by = Tree(wanted.base), wanted.baseline
    path = wanted.stored if by in ("auto", "stored", "measure") else Path(by)
    baseline = Baseline("", None) if by == "measure" and wanted.base else baseline_at(path, tree)
    screen = dataclasses.replace(sides.screen(quiet=False), ready=ready)
    with signals() as inbox:
        if wanted.base and (by == "measure" or (by == "auto" and baseline.report is None)):
            return _both(wanted, measuring, tree.commit(), inbox, screen)
        result = _alone(wanted, measuring, inbox, screen)
    code = profiling.exit_code(result)
    if not wanted.base and path == wanted.stored:
        if code == 0:
            files.write_text(wanted.stored, to_json(result.report))
            output("store", "true")
        return Found((result,), None, code, _last_words(result))
    if baseline.report is None:
        baseline = Baseline(str(path), None)
    verdict = judged(result.report, "change", baseline, wanted.limits, wanted.claims)
    return Found((result,), verdict, code)


def tell(found: Found, wanted: Wanted, format: str, *, strict: bool, required: bool) -> int:
    """Say what was found, in words and files; what to exit with."""
    for result in found.results:
        profiling.complain(result)
    verdict = found.verdict
    if verdict is None:
        if found.failed:
            refuse(format, "\n".join(found.failed))
        elif format == "github":
            from energyprof.compare.comparison import compare

            comparison = compare([found.results[-1].report], ["change"])
            formats.comparison_format("github").write_comparison(comparison, sys.stdout)
        return found.code
    if verdict.outcome == "NO_BASELINE" and required:
        raise FileError(f"{verdict.baseline}: no baseline there; it is required")
    formats.verdict_format(format).write_check(verdict, sys.stdout)
    with contextlib.suppress(OSError), open(wanted.out / "junit.xml", "w", encoding="utf-8") as file:
        formats.verdict_format("junit").write_check(verdict, file)
    code = checking.exit_code(verdict, strict=strict)
    # Nothing judged a program that failed: its own exit code does.
    return code or (found.code if verdict.outcome == "NO_BASELINE" else 0)


def refuse(format: str, said: str) -> None:
    """Tell the runner why there is no verdict; people have it on stderr."""
    if format == "github":
        github.write_refusal(said, sys.stdout)


def output(name: str, value: str) -> None:
    """Give later steps a value."""
    path = os.environ.get("GITHUB_OUTPUT")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"{name}={value}\n")
    else:
        print(f"{name}: {value}", file=sys.stderr)


def _both(wanted: Wanted, measuring: MeasurementSettings, commit: str, inbox: Inbox, screen: Screen) -> Found:
    """The base commit and this one, taking turns."""
    now = working_tree()
    looks = LOOKS if wanted.pairs is None else (wanted.pairs,)
    with worktree(commit, now) as old:
        base, change = wanted.request.job(old), wanted.request.job(now)
        a = Side("A", base, wanted.out / "base.json", sides.about(wanted.about, old), old.top)
        b = Side("B", change, wanted.out / "change.json", sides.about(wanted.about, now))
        study = PairedDesign(a, b, looks, wanted.cooldown_s, wanted.limits, wanted.claims)
        ended = interleave(study, measuring, inbox, screen)
    if ended.verdict is not None and all(result.path == result.asked for result in ended.results):
        return Found(ended.results, ended.verdict, 0)
    code = 128 + ended.stopped_by if ended.stopped_by is not None else 2
    failed = next((words for result in ended.results if (words := _last_words(result))), ())
    return Found(ended.results, None, code, failed or ("error: it was stopped before there was a verdict",))


def _alone(wanted: Wanted, measuring: MeasurementSettings, inbox: Inbox, screen: Screen) -> SessionResult:
    side = Side("B", wanted.request.job(None), wanted.out / "change.json", wanted.about)
    return alone(side, range(wanted.repeats), measuring, inbox, screen)


def _last_words(result: SessionResult) -> tuple[str, ...]:
    """Why the last run failed; empty: it did not."""
    run = next(reversed(result.report.runs), None)
    if run is None or run.status != "failed":
        return ()
    said = [f"error: {flag.detail}" for flag in run.flags if flag.kind == "said"]
    return (*result.tail, *said) or (f"error: the program failed with exit code {run.exit_code}",)
