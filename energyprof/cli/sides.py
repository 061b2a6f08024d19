"""What ``ab`` and ``aa`` have in common: the commands they are given, the two sides, the closing lines."""

from __future__ import annotations

import contextlib
import dataclasses
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import typer

from energyprof.cli import profiling, streams
from energyprof.cli.checked import report_path
from energyprof.cli.quoted import asked, commands
from energyprof.errors import UsageError
from energyprof.profile.checkout import Checkout
from energyprof.profile.open_meters import MeasurementSettings
from energyprof.profile.request import TrainingRequest
from energyprof.profile.watchers import Watcher
from energyprof.report.file import to_json
from energyprof.study.ab import Ended, Screen, Side


def two(
    words: Sequence[str], before: str | None
) -> tuple[tuple[TrainingRequest, str], tuple[TrainingRequest, str]]:
    """What A and B ask to train, each with its command line.

    Raises:
        UsageError: there are not two commands, or one of them is invalid.
    """
    found = commands(words)
    if len(found) == 1 and before is not None:
        found *= 2
    if len(found) != 2:
        what = shlex.join(words) if len(found) == 1 else f"{len(found)} commands"
        raise UsageError(
            f"{what}: give two commands, A and B, each in quotes, or one with --before REVISION; "
            'such as: energyprof ab "run unet" "run unet --precision bf16"'
        )
    a, b = ((asked(command), shlex.join(command)) for command in found)
    return a, b


def about(command: str, checkout: Checkout | None) -> str:
    """What a side is, in one line."""
    return command if checkout is None else f"{checkout.about}: {command}"


def paths(output: Path | None, label: str, endings: Sequence[str], *, force: bool) -> list[Path]:
    """The paths of the two reports: NAME-A.json and NAME-B.json for the endings -A and -B.

    Raises:
        UsageError: one of them exists and may not be overwritten.
    """
    given = output if output is not None else report_path(None, label, force=force)
    stem = given.name.removesuffix(".json")
    return [report_path(given.with_name(f"{stem}{e}.json"), label, force=force) for e in endings]


def refuse_unfit(
    controls: Path | None, settings: MeasurementSettings, label: str, *, as_json: bool, quiet: bool
) -> None:
    """A control of this machine, if a folder of them was given; where it is unfit, that is the verdict.

    Raises:
        Exit: it is unfit: 4.
        EnergyprofError: there can be no control; see `before_verdict`.
    """
    if controls is None:
        return
    import sys

    from energyprof import formats
    from energyprof.cli.fit import before_verdict
    from energyprof.compare.gate import check as checking

    verdict = before_verdict(controls, settings, label, quiet=quiet)
    if verdict is None:
        return
    if as_json:
        formats.verdict_format("json").write_check(verdict, sys.stdout)
    if not quiet:
        formats.verdict_format("text").write_check(verdict, sys.stderr if as_json else sys.stdout)
    raise typer.Exit(checking.exit_code(verdict, strict=False))


def screen(*, quiet: bool) -> Screen:
    """Each run's progress, shown under the name of its side."""

    @contextlib.contextmanager
    def watching(side: Side) -> Iterator[Sequence[Watcher]]:
        subject = profiling.subject(side.job)
        named = dataclasses.replace(subject, name=f"{side.name}, {subject.name}")
        with profiling.screen(named, quiet=quiet) as watchers:
            yield watchers

    return Screen(watching, profiling.unsaid if quiet else profiling.say)


def complain(ended: Ended) -> int | None:
    """Say why there is no verdict; the exit code for it, or ``None`` if nothing is wrong."""
    for result in ended.results:
        if result.path is None:  # no disk had room for it: what was measured must not be lost
            streams.write_json(to_json(result.report))
        profiling.complain(result)
    if ended.stopped_by is not None:
        return 128 + ended.stopped_by
    unsaved = any(result.path != result.asked for result in ended.results)
    return 2 if unsaved or ended.verdict is None else None


def where(ended: Ended, sides: Sequence[Side]) -> list[str]:
    """Print what each side is, and where its report lies."""
    return [
        line
        for side, result in zip(sides, ended.results, strict=True)
        for line in (f"{side.name}  {side.about}", f"   {result.path or 'no disk had room for its report'}")
    ]
