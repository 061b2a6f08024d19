"""What a gate measures and judges in one process, so that what it judges can touch nothing in between."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from energyprof.compare.gate import noise as noises
from energyprof.compare.gate.check import Check, check, without_baseline
from energyprof.compare.gate.limits import Claims, Limit
from energyprof.compare.gate.noise import Noise
from energyprof.errors import FileError, UsageError
from energyprof.profile.inbox import Inbox
from energyprof.profile.open_meters import MeasurementSettings, idle_gpus, open_meters
from energyprof.profile.session import SessionResult, new_session
from energyprof.profile.withheld import closed
from energyprof.report.file import from_json
from energyprof.report.record import Report
from energyprof.storable.frozen import dataclass
from energyprof.study.ab import Screen, Side
from energyprof.study.guard import Guard
from energyprof.study.trusted import Tree


@dataclass(frozen=True)
class Baseline:
    """A report to judge by, read before anything that is judged has run."""

    label: str
    report: Report | None  # None: there is none
    noise: Noise | None = None


def baseline_at(path: Path, tree: Tree) -> Baseline:
    """The report at ``path`` and the noise beside it, as `Tree.bytes_of` has them.

    Raises:
        UsageError: the base commit is not to be had.
        FileError: one of them cannot be read, or is not what it should be.
    """
    text = _text(path, tree)
    if text is None:
        return Baseline(path.stem, None)
    beside = noises.noise_path(path)
    try:
        noise = _text(beside, tree)
    except UsageError:
        if beside.exists():
            raise
        noise = None  # without one the limits are the narrower ones: a change gains nothing by its absence
    return Baseline(
        path.stem,
        from_json(text, str(path)),
        None if noise is None else noises.from_json(noise, str(beside)),
    )


def alone(
    side: Side,
    seeds: Sequence[int],
    measuring: MeasurementSettings,
    inbox: Inbox,
    screen: Screen,
) -> SessionResult:
    """Train it from each seed until one fails or a signal comes.

    Raises:
        MissingPart: a meter that was asked for is not here.
        TrainingError: something that the training needs is not here.
        FileError: the report cannot be written.
        Tampered: the program reached for what it is judged by.
    """
    job = side.job
    job.check()
    with closed() as channels, open_meters(measuring) as on:
        screen.ready()
        guard = Guard(channels, {})
        notes = idle_gpus(on.selection, job.gpus)
        session = new_session(on, job.work, measuring.path, notes, commit=job.commit, taken=measuring.taken)
        with contextlib.closing(session):
            for seed in seeds:
                with screen.watching(side) as watchers:
                    session.train(job.training(seed), len(seeds), inbox, watchers)
                guard.ran("")
                if session.over:
                    break
            session.seal()
            return session.result()


def judged(change: Report, label: str, baseline: Baseline, limits: Sequence[Limit], claims: Claims) -> Check:
    """The verdict on ``change`` by a stored report.

    Raises:
        NotComparable: boundary, origin, meters or machine differ, or the work does in more than its code.
        UsageError: a figure is limited twice, or a report does not have it.
    """
    if baseline.report is None:
        return without_baseline(label, baseline.label)
    return check(change, baseline.report, limits, (label, baseline.label), baseline.noise, (), claims)


def _text(path: Path, tree: Tree) -> str | None:
    content = tree.bytes_of(path)
    try:
        return None if content is None else content.decode()
    except UnicodeDecodeError:
        raise FileError(f"{path}: not a text file, so not one of energyprof") from None
