"""A profile, from its plan to its report on the disk.

=========================== =====================================================
plan                        ``job.py``: what is trained, from any seed
open the meters             ``open_meters.py``
begin a report, or resume   ``session.py``, ``resume.py``
train and record            ``record.py``: a ``Child`` that trains, a ``Recorder`` of rows
rebuild                     ``report/rebuild.py``: the run's numbers from its rows
write                       ``save.py``
=========================== =====================================================

The last three are ``ReportSession.train``, once a seed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from energyprof.errors import TrainingError
from energyprof.profile.attached import command_line
from energyprof.profile.company import ALONE, Company
from energyprof.profile.inbox import signals
from energyprof.profile.open_meters import MeasurementSettings, idle_gpus, open_meters
from energyprof.profile.program import full_path, work_of
from energyprof.profile.provenance import commit_of_command
from energyprof.profile.session import ReportSession, SessionResult, new_session
from energyprof.profile.training import Attachment, Training
from energyprof.profile.watchers import Watcher
from energyprof.report.file import Taken, read, trace_path

if TYPE_CHECKING:
    from energyprof.profile.job import Job
    from energyprof.profile.nodes.party import Party


def run_job(
    job: Job,
    seeds: Sequence[int],
    settings: MeasurementSettings,
    watchers: Sequence[Watcher] = (),
    company: Company = ALONE,
) -> SessionResult:
    """Train the job from each seed.

    Raises:
        MissingPart: a meter that was asked for is not here.
        TrainingError: something that the training needs is not here.
        FileError: the report cannot be written.
    """
    with open_meters(settings) as on:
        notes = idle_gpus(on.selection, job.gpus)
        job.check()
        notes += company.notes()
        session = new_session(on, job.work, settings.path, notes, commit=job.commit, taken=settings.taken)
        return _trained(session, job, seeds, watchers, company)


def resume_job(
    job: Job,
    seeds: Sequence[int],
    settings: MeasurementSettings,
    watchers: Sequence[Watcher] = (),
    company: Company = ALONE,
) -> SessionResult:
    """Train the job from each seed that the report at ``settings.path`` has no finished run of.

    Raises:
        MissingPart: a meter that was asked for is not here.
        TrainingError: something that the training needs is not here.
        NotComparable: the report is of other work, of another machine, or of other meters.
        FileError: the report or its trace cannot be read or written.
    """
    from energyprof.profile import levers
    from energyprof.profile.resume import resumed_session, unmeasured

    with open_meters(settings) as on:
        job.check()
        levers.check_same(job.levers, read(settings.path), settings.path)
        session = resumed_session(on, job.work, settings.path, idle_gpus(on.selection, job.gpus))
        missing = unmeasured(seeds, session.report())
        return _trained(session, job, missing, watchers, company)


def run_program(
    command: Sequence[str],
    name: str | None,
    settings: MeasurementSettings,
    turn: Sequence[str] = (),
    watchers: Sequence[Watcher] = (),
    company: Company = ALONE,
    *,
    resume: bool = False,
) -> SessionResult:
    """Meter any program; its input, output and exit code are its own. ``turn``: the levers for it.
    ``resume``: it is the next attempt of the run that the report at ``settings.path`` has.

    Raises:
        UsageError: there is no such program, or no such lever.
        MissingPart: a meter or a lever that was asked for is not here.
        FileError: the report cannot be written.
    """
    full_path(command[0])
    if turn:
        from energyprof.profile import levers

        levers.check(turn)
    with open_meters(settings) as on:
        commit, work = commit_of_command(command), work_of(command, name)
        if resume:
            from energyprof.profile.resume import resumed_session

            session = resumed_session(on, work, settings.path, company.notes())
        else:
            session = new_session(
                on, work, settings.path, company.notes(), commit=commit, taken=settings.taken
            )
        training = Training(tuple(command), None, "run", "inherit", levers=tuple(turn))
        return train_all(session, [training], watchers, company)


def attach(
    pid: int,
    name: str | None,
    for_s: float,
    settings: MeasurementSettings,
    begun: Callable[[str], None] = lambda wire: None,
    watchers: Sequence[Watcher] = (),
) -> SessionResult:
    """Meter a program that runs already, for so many seconds, or until it ends or a signal comes.

    ``begun`` is called with the wire's path when it is metered.

    Raises:
        UsageError: there is no such program.
        MissingPart: a meter that was asked for is not here.
        FileError: the report cannot be written.
    """
    command = command_line(pid)
    with open_meters(settings) as on:
        session = new_session(on, work_of(command, name), settings.path, taken=settings.taken)
        to = Attachment(pid, for_s, begun)
        return train_all(session, [Training(tuple(command), None, "run", "inherit", attached=to)], watchers)


def _trained(
    session: ReportSession, job: Job, seeds: Sequence[int], watchers: Sequence[Watcher], company: Company
) -> SessionResult:
    try:
        agreed = company.seeds(seeds)
        if agreed is None and not session.report().runs:
            raise TrainingError(f"of {len(seeds)} trainings, none was begun")
    except BaseException:  # a signal, too
        with contextlib.closing(session):
            if not session.report().runs:
                session.withdraw()
        raise
    result = train_all(session, [job.training(seed) for seed in agreed or ()], watchers, company)
    return result if agreed is not None else dataclasses.replace(result, untrained=len(seeds))


def train_all(
    session: ReportSession,
    trainings: Sequence[Training],
    watchers: Sequence[Watcher] = (),
    company: Company = ALONE,
) -> SessionResult:
    """Take the trainings one by one until one fails or a signal comes, and close the session.

    Raises:
        TrainingError: the other nodes did not come.
    """
    untrained = 0
    with contextlib.closing(session), signals() as inbox:
        runs = len(session.report().runs) + len(trainings)
        for number, training in enumerate(trainings):
            try:
                placed = company.placed(training, number, inbox)
                if placed is None and company.stopped_by is None and not session.report().runs:
                    raise TrainingError(f"of {len(trainings)} trainings, none was begun")
            except TrainingError:
                if not session.report().runs:
                    session.withdraw()
                raise
            if placed is None:
                session.stop(company.stopped_by)
                untrained = len(trainings) - number
                break
            session.train(placed, runs, inbox, watchers)
            if session.over:
                company.over(f"a training ended: {session.report().runs[-1].status}")
                break
        return dataclasses.replace(session.result(), untrained=untrained)


def gathered(result: SessionResult, company: Company, to: Path, taken: Taken) -> SessionResult:
    """The result once node 0 has all nodes' reports: there the joined one ``to``; on the others their own."""
    try:
        return _gathered(result, company.party, to, taken)
    finally:
        company.close()


def _gathered(result: SessionResult, party: Party | None, to: Path, taken: Taken) -> SessionResult:
    if party is None:
        return result
    from energyprof.profile.nodes.gather import SILENT_S, STOPPED_S, gather
    from energyprof.profile.nodes.joining import warn

    if result.path is None:
        return dataclasses.replace(
            result, lost=(*result.lost, "no disk took this node's report: it is not joined")
        )
    if not party.gathers:
        line = party.done(result.path, trace_path(result.path)) if party.several else ""
        return dataclasses.replace(result, lost=(*result.lost, *filter(None, [line])))
    if not party.several:
        return _at(to, result, taken)
    with signals() as inbox:
        silent_s = SILENT_S if result.stopped_by is None else STOPPED_S
        found = gather(party, result.path, to, taken, inbox, warn, silent_s)
    lost = (*result.lost, *found.lines)
    if found.report is None:
        return dataclasses.replace(result, lost=lost)
    whole = result.path == result.asked
    return dataclasses.replace(
        result, report=found.report, path=to, asked=to if whole else result.asked, lost=lost
    )


def _at(to: Path, result: SessionResult, taken: Taken) -> SessionResult:
    """The report at ``to``: as it was begun it was not known that all processes are on this node."""
    own = result.path
    if own is None or own == to or own != result.asked or (taken == "refused" and to.exists()):
        return result
    try:
        if trace_path(own).exists():
            os.replace(trace_path(own), trace_path(to))
        os.replace(own, to)
    except OSError as error:
        return dataclasses.replace(result, lost=(*result.lost, f"{to}: cannot be written: {error.strerror}"))
    return dataclasses.replace(result, path=to, asked=to)
