"""Two sides trained in alternation, in ABBA order from the same seeds, until there is a verdict."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal

from energyprof.compare.gate.check import Check, check
from energyprof.compare.gate.limits import Claims, Limit
from energyprof.errors import NotComparable
from energyprof.profile.cooldown import Cooldown
from energyprof.profile.inbox import Inbox
from energyprof.profile.job import Job
from energyprof.profile.open_meters import MeasurementSettings, OpenMeters, idle_gpus, open_meters
from energyprof.profile.session import ReportSession, SessionResult, new_session
from energyprof.profile.watchers import Watcher
from energyprof.profile.withheld import closed
from energyprof.report.file import Taken
from energyprof.report.record import Series
from energyprof.storable.frozen import dataclass
from energyprof.study.guard import Guard

SideName = Literal["A", "B"]


@dataclass(frozen=True)
class Side:
    """One of the two: A is the earlier state, B is judged against it."""

    name: SideName
    job: Job
    path: Path  # of its report
    about: str  # how it differs, in one line
    private: Path | None = None  # the folder that runs of the other side must leave alone


@dataclass(frozen=True)
class PairedDesign:
    """Both sides, and how they are compared."""

    a: Side
    b: Side
    looks: tuple[int, ...]  # after how many pairs there may be a verdict; the last ends it
    cooldown_s: float  # the longest wait before a run
    limits: tuple[Limit, ...] = ()  # none: `check`'s own
    claims: Claims = "believed"


@dataclass(frozen=True)
class Screen:
    """How people follow it while it runs."""

    watching: Callable[[Side], AbstractContextManager[Sequence[Watcher]]]  # one run
    say: Callable[[str], None]
    # Called when the meters are open, before anything that is judged runs.
    ready: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Ended:
    """Both profiles and their verdict; no verdict means that a run failed or a signal came."""

    a: SessionResult
    b: SessionResult
    verdict: Check | None

    @property
    def results(self) -> tuple[SessionResult, SessionResult]:
        """A's and B's."""
        return self.a, self.b

    @property
    def stopped_by(self) -> int | None:
        """The signal that ended it early."""
        return next((r.stopped_by for r in self.results if r.stopped_by is not None), None)


def positions(side: SideName, pairs: int) -> tuple[int, ...]:
    """The positions of the side's runs in the order A B B A A B B A …, from 0.

    A drift by the same share from run to run falls equally on both sides after every second pair.
    """
    first = 0 if side == "A" else 1
    return tuple(2 * pair + (first if pair % 2 == 0 else 1 - first) for pair in range(pairs))


def refuse_unlike(a: Side, b: Side) -> None:
    """Check that the two sides train the same thing, though not in the same way.

    Raises:
        NotComparable: their targets differ, or they are two standard workloads.
    """
    if a.job.work.target != b.job.work.target:
        raise NotComparable(
            f"A and B train to different targets ({_target(a)}, {_target(b)}): their energies cannot be "
            "compared; give both the same --target"
        )
    if (a.job.work.size or b.job.work.size) and a.job.title != b.job.title:
        raise NotComparable(
            f"A and B train different things ({a.job.title}, {b.job.title}): compare settings of one workload"
        )


def interleave(study: PairedDesign, measuring: MeasurementSettings, inbox: Inbox, screen: Screen) -> Ended:
    """Train pair by pair until `check` has a verdict, a run fails or a signal comes; reports are `run`'s.

    Raises:
        NotComparable: the two sides train different things.
        TrainingError: something that a training needs is not here.
        UsageError: the reports do not have a limited figure.
        MissingPart: a meter that was asked for is not here.
        FileError: a report cannot be written.
        Tampered: a program reached for what it is judged by.
    """
    refuse_unlike(study.a, study.b)
    for side in (study.a, study.b):
        side.job.check()
    with (
        closed() as channels,
        open_meters(measuring) as on,
        new_reports(study, on, measuring.taken) as profiles,
    ):
        screen.ready()
        guard = Guard(channels, {side.name: side.private for side in (study.a, study.b)})
        counted = [m for m in on.meters if m.info.name in on.selection.counted]
        cooldown = Cooldown(on.probes, counted, study.cooldown_s)
        verdict = None
        for pair in range(study.looks[-1]):
            for side in in_order(study, pair):
                train_run(side, pair, study, profiles[side.name], cooldown, inbox, screen)
                guard.ran(side.name)
                if profiles[side.name].over:
                    return Ended(profiles["A"].result(), profiles["B"].result(), None)
            ended = Ended(profiles["A"].result(), profiles["B"].result(), None)
            labels = (study.b.path.stem, study.a.path.stem)
            verdict = check(ended.b.report, ended.a.report, study.limits, labels, claims=study.claims)
            # Between two looks there is no verdict, but an invalid run would spoil all that follow.
            if verdict.outcome != "INCONCLUSIVE":
                break
        for profile in profiles.values():
            profile.seal()
        return Ended(profiles["A"].result(), profiles["B"].result(), verdict)


def in_order(study: PairedDesign, pair: int) -> Sequence[Side]:
    """Both sides, the one that is trained first in this pair first."""
    sides = (study.a, study.b)
    return sorted(sides, key=lambda side: positions(side.name, pair + 1)[pair])


def train_run(
    side: Side,
    pair: int,
    study: PairedDesign,
    profile: ReportSession,
    cooldown: Cooldown,
    inbox: Inbox,
    screen: Screen,
) -> None:
    """Train the side's run of this pair, once the machine is as cool as it was."""
    settled = cooldown.settle(inbox, screen.say)
    if settled.stopped_by is not None:
        profile.stop(settled.stopped_by)
        return
    if settled.still_warm:
        line = f"run {pair + 1} started warm after {settled.waited_s:.0f} s of waiting: {settled.still_warm}"
        profile.note(line)
        screen.say(f"{side.name}, {line}; a larger --cooldown waits longer")
    with screen.watching(side) as watchers:
        profile.train(side.job.training(pair), study.looks[-1], inbox, watchers)


@contextlib.contextmanager
def new_reports(study: PairedDesign, on: OpenMeters, taken: Taken) -> Iterator[dict[SideName, ReportSession]]:
    """New reports of both sides, or neither; closed at the end."""
    series, pairs = uuid.uuid4().hex, study.looks[-1]
    with contextlib.ExitStack() as stack, contextlib.ExitStack() as undo:
        profiles: dict[SideName, ReportSession] = {}
        for side in (study.a, study.b):
            place = Series(series, side.name, positions(side.name, pairs), study.looks)
            notes = [f"side {side.name} of a series: {side.about}", *idle_gpus(on.selection, side.job.gpus)]
            made = new_session(on, side.job.work, side.path, notes, place, side.job.commit, taken)
            profiles[side.name] = made
            undo.callback(made.withdraw)  # both reports, or neither
        undo.pop_all()
        for made in profiles.values():
            stack.callback(made.close)
        yield profiles


def _target(side: Side) -> str:
    target = side.job.work.target
    if target is None:
        return f"{side.name}: none"
    return f"{side.name}: {target.metric} {'>=' if target.direction == 'max' else '<='} {target.value:g}"
