"""What ``run`` and ``exec`` have in common: what their options mean, the screen, the closing lines."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from energyprof.cli import streams
from energyprof.cli.checked import checked_interval, checked_wait, report_path, taken
from energyprof.errors import UsageError
from energyprof.profile import journals
from energyprof.profile.open_meters import MeasurementSettings
from energyprof.profile.room import collect
from energyprof.profile.session import SessionResult
from energyprof.profile.watchers import Watcher
from energyprof.report.energy import MIN_COVERAGE
from energyprof.report.file import to_json
from energyprof.storable.values import MAX_NAME

if TYPE_CHECKING:
    from energyprof.cli.metering import Metering
    from energyprof.cli.screen import Subject
    from energyprof.measure.calibration import CalibrationRecord
    from energyprof.profile.job import Job
    from energyprof.profile.nodes.party import Party
    from energyprof.report.meter_test.measured import KeptTest
    from energyprof.report.node_map import NodeMap

SCREEN = "the screen"  # among those who follow a run


def subject(job: Job) -> Subject:
    """What the screen needs to know about it."""
    from energyprof.cli.screen import Subject
    from energyprof.compare.bank import bank_of

    return Subject(job.title, job.work.target, job.max_samples, bank_of(job.work))


def seeds(text: str | None, repeats: int) -> list[int]:
    """The seeds to train from: those in ``text``, or 0 … ``repeats`` - 1.

    Raises:
        UsageError: a seed is not a whole number of at least 0, or is given twice.
    """
    if text is None:
        return list(range(repeats))
    try:
        wanted = [int(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"--seeds {text}: give whole numbers separated by commas, such as 3,5,7") from None
    if min(wanted) < 0 or len(set(wanted)) < len(wanted):
        raise UsageError(f"--seeds {text}: every seed must be 0 or more, and be given once")
    return wanted


def names(meters: str) -> tuple[str, ...]:
    """The meters that ``--meters`` asks for.

    Raises:
        UsageError: it names none.
    """
    asked = tuple(part.strip() for part in meters.split(",") if part.strip())
    if not asked:
        raise UsageError("--meters: name at least one, or `none`")
    return asked


def measuring(
    metering: Metering, output: Path | None, name: str, *, force: bool, resume: Path | None = None
) -> MeasurementSettings:
    """How to measure, from the options.

    Raises:
        UsageError: one of them is invalid.
        FileError: a calibration, or a test of the meters, cannot be read.
    """
    for line in (*collect(), *_put_back()):
        print(line, file=sys.stderr)
    asked = names(metering.meters)
    label = re.sub(r"[^\w.-]+", "_", name)
    if resume is not None and (output is not None or force):
        raise UsageError(f"--resume {resume}: adds to that report; leave out --output and --force")
    path = report_path(output, label, force=force) if resume is None else resume
    of_meters, of_node = calibrated(metering.calibration)
    return MeasurementSettings(
        asked,
        checked_interval(metering.interval),
        checked_wait("--idle", metering.idle),
        path,
        of_meters,
        _tested(metering.meter_test),
        taken(force=force),
        of_node,
        _name_of_machine(metering.machine),
        metering.require_power,
    )


# What few runs are given is loaded for those alone: the profiler's start is on everybody's bill.
def _put_back() -> list[str]:
    """The levers that dead runs left turned; a line on each."""
    if not journals.left():
        return []
    from energyprof.profile.lever_journal import restore_left

    return restore_left()


def calibrated(files: Sequence[Path]) -> tuple[tuple[CalibrationRecord, ...], NodeMap | None]:
    """The calibrations of meters among the files, and that of the node."""
    if not files:
        return (), None
    from energyprof.compare.drift import latest_calibrations, latest_map
    from energyprof.measure import calibration
    from energyprof.report import node_file

    of_nodes = [file for file in files if node_file.is_node_file(file)]
    of_meters = [calibration.read(file) for file in files if file not in of_nodes]
    return latest_calibrations(of_meters), latest_map([node_file.read(file).node_map for file in of_nodes])


def _tested(meter_test: Path | None) -> KeptTest | None:
    if meter_test is None:
        return None
    from energyprof.report.meter_test.measured import kept

    return kept(meter_test)


def _name_of_machine(text: str) -> str:
    """Raises UsageError: it cannot be a name."""
    name = text.strip()
    if name != text or not name.isprintable() or len(name) > MAX_NAME:
        raise UsageError(f"--machine {text}: give a name of at most {MAX_NAME} printable characters")
    return name


@contextlib.contextmanager
def screen(subject: Subject, *, quiet: bool, party: Party | None = None) -> Iterator[Sequence[Watcher]]:
    """A training's progress on stderr: live on a terminal, plain lines elsewhere, nothing if quiet.

    ``party``: the other nodes that have part in it. Node 0 shows how they stand, which the others tell it.
    """
    nodes = None
    told: tuple[Watcher, ...] = ()
    if party is not None and party.gathers:
        from energyprof.profile.nodes.standing import Standings

        nodes = Standings(party.store, party.first)
    elif party is not None:
        told = (Watcher("what node 0 shows", party.tell),)
    if quiet:
        yield told
        return
    from energyprof.cli.screen import PlainLines, live_display
    from energyprof.formats.console import Screen

    console = Screen(sys.stderr)
    if console.is_terminal:
        with live_display(console, subject, nodes) as watch:
            yield (Watcher(SCREEN, watch), *told)
    else:
        yield (Watcher(SCREEN, PlainLines(subject, nodes).watch), *told)


@contextlib.contextmanager
def exporting(words: Sequence[str] | None, label: str) -> Iterator[Sequence[Watcher]]:
    """Those who pass a run on to what ``--export`` names. Raises UsageError, MissingPart."""
    if not words:
        yield ()
        return
    from energyprof.formats.exports import exporting as to

    with to(words, {"workload": label}) as watchers:
        yield watchers


def say(line: str) -> None:
    """A line on how it goes, on stderr."""
    print(line, file=sys.stderr, flush=True)


def unsaid(line: str) -> None:
    """What is said where nothing is to be said."""


def tell(result: SessionResult, *, as_json: bool, quiet: bool, program_on_stdout: bool = False) -> None:
    """Print the report as JSON or as a summary for people, and why it is not all that it should be."""
    if as_json or result.path is None:  # no disk had room for it: what was measured must not be lost
        streams.write_json(to_json(result.report))
        sys.stdout.flush()
    if not quiet:
        from energyprof.formats.console import Screen
        from energyprof.formats.summary import summary

        Screen(sys.stderr if as_json or program_on_stdout else sys.stdout).print(
            summary(result.report, result.path)
        )
    complain(result)


def complain(result: SessionResult) -> None:
    """Say on stderr who could not follow, why the report is elsewhere, and what a failed run printed last."""
    for line in result.lost:
        print(line, file=sys.stderr)
    if result.path is None:
        print(
            f"error: {result.asked}: cannot be written, and no other disk has room: ",
            end="",
            file=sys.stderr,
        )
        print("the report is on stdout; its trace is lost", file=sys.stderr)
    elif result.path != result.asked:
        print(f"error: {result.asked}: the disk is full; the report is at {result.path}", file=sys.stderr)
    if result.untrained and result.stopped_by is None:
        print(f"error: {result.untrained} of the trainings were not begun", file=sys.stderr)
    run = next(reversed(result.report.runs), None)
    if run is None or run.status != "failed":
        return
    if result.tail:
        print("the training's last lines:", file=sys.stderr)
        for line in result.tail:
            print(f"  {line}", file=sys.stderr)
    for flag in run.flags:
        if flag.kind == "said":
            print(f"error: {flag.detail}", file=sys.stderr)


def exit_code(result: SessionResult) -> int:
    """0: reached or done; 4: missed, diverged or ill measured; 2: failed, or not begun; 128 + n: signal n."""
    # Of a seed that was trained again the last run counts.
    runs = list({run.seed: run for run in result.report.runs}.values())
    if result.stopped_by is not None:
        return 128 + result.stopped_by
    if any(run.status == "failed" for run in runs) or result.untrained or result.path != result.asked:
        return 2
    measured = all(
        run.energy_j is not None and run.coverage is not None and run.coverage >= MIN_COVERAGE for run in runs
    )
    well = all(run.status in ("reached", "done") for run in runs)
    return 0 if well and (measured or not result.report.meters) else 4
