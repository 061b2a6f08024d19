"""A lever scanned within trainings until its blocks are whole: the cheapest value under a bound."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from energyprof.compare.scan import Scanned
from energyprof.compare.tuning import Bound, Tuned, samples_to_target, tuned
from energyprof.errors import FileError, UsageError
from energyprof.profile.inbox import Inbox
from energyprof.profile.job import Job
from energyprof.profile.open_meters import MeasurementSettings, idle_gpus, open_meters
from energyprof.profile.scan_plan import ScanPlan
from energyprof.profile.session import SessionResult, new_session
from energyprof.profile.watchers import Watcher
from energyprof.report.file import read
from energyprof.storable.frozen import dataclass
from energyprof.study.scanning import scanned, settled

# So many trainings at most; fewer when the blocks are whole before.
MOST_TRAININGS = 20


@dataclass(frozen=True)
class TuneResult:
    """The report of the trainings, and what they say."""

    session: SessionResult
    tuned: Tuned | None
    problem: str = ""  # why there are fewer blocks than were asked for


def tune(
    job: Job,
    scan: ScanPlan,
    bound: Bound,
    seeds: Sequence[int],
    measuring: MeasurementSettings,
    inbox: Inbox,
    watchers: Sequence[Watcher],
    say: Callable[[str], None],
) -> TuneResult:
    """Train from one of ``seeds`` after the other until every value has its blocks.

    Raises:
        UsageError: no meter is counted, so there are no joules.
        MissingPart: a meter or a lever that was asked for is not here.
        FileError: the report cannot be written.
    """
    with open_meters(measuring) as on:
        if not on.selection.counted:
            raise UsageError("tune needs a meter whose joules count: see energyprof doctor")
        job.check()
        notes = [f"{scan.lever} was scanned in these runs: their joules are of no one value of it"]
        notes += idle_gpus(on.selection, job.gpus)
        session = new_session(on, job.work, measuring.path, notes, commit=job.commit, taken=measuring.taken)
        problem = ""
        with closing(session):
            done = 0
            for number, seed in enumerate(seeds):
                say(f"training {number + 1}, {done} of {scan.blocks} blocks measured")
                left = dataclasses.replace(scan, blocks=scan.blocks - done, first_block=number * scan.blocks)
                training = settled(dataclasses.replace(job.training(seed), scan=left), on)
                session.train(training, len(seeds), inbox, watchers)
                before, done = done, _blocks(session.result())
                if session.over or done >= scan.blocks:
                    break
                if done == before:
                    problem = f"training {number + 1} {_too_short(measuring.path)}"
                    break
            result = session.result()
    if result.path is None:
        return TuneResult(result, None, "the disk is full")
    found = None if _scanned(result.path) is None else judged(result.path, bound)
    return TuneResult(result, found, problem or _missing(done, scan.blocks))


def judged(path: Path, bound: Bound) -> Tuned | None:
    """What the report at ``path`` and its trace say, under any bound.

    Raises:
        FileError: one of them cannot be read.
        UsageError: no lever was scanned in its runs.
    """
    report = read(path)
    return tuned(scanned(path), bound, samples_to_target(report), report.origin)


def _blocks(result: SessionResult) -> int:
    if result.path is None:
        raise FileError(f"{result.asked}: cannot be written: the disk is full")
    found = _scanned(result.path)
    return 0 if found is None else found.whole_blocks()


def _scanned(path: Path) -> Scanned | None:
    """What was scanned in the report's runs; ``None``: they ended before the first window."""
    try:
        return scanned(path)
    except UsageError:
        return None


def _too_short(path: Path) -> str:
    if _scanned(path) is None:
        return "never came to its phase `train`, which scripts mark: no value was tried"
    return "was too short for one block: make --window shorter"


def _missing(done: int, blocks: int) -> str:
    return "" if done >= blocks else f"{done} of {blocks} blocks were measured"
