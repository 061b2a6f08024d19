"""The same work as both sides of a series, over several sessions that lie hours apart.

A session may be as far from the next as the days are: its reports are on the disk after every run, and the
same command goes on with what they lack.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
from collections.abc import Callable, Iterator

from energyprof.compare.gate.check import check
from energyprof.errors import UsageError
from energyprof.files import TAKEN
from energyprof.profile.cooldown import Cooldown
from energyprof.profile.inbox import Inbox, wait
from energyprof.profile.open_meters import MeasurementSettings, OpenMeters, open_meters
from energyprof.profile.resume import FINISHED, resumed_session
from energyprof.profile.session import ReportSession, SessionResult
from energyprof.profile.withheld import closed
from energyprof.report.file import read
from energyprof.report.record import Report, Series
from energyprof.storable.frozen import dataclass
from energyprof.study.ab import (
    Ended,
    PairedDesign,
    Screen,
    Side,
    SideName,
    in_order,
    new_reports,
    positions,
    refuse_unlike,
    train_run,
)
from energyprof.units import moment, utc

# So often a wait of hours looks at the clock, which may be set, or stand while the machine sleeps.
_LOOK_S = 30.0


@dataclass(frozen=True)
class Sessions:
    """How many sessions, of how many pairs, and how much time between the end of one and the next."""

    count: int
    pairs: int
    every_s: float

    @property
    def all_pairs(self) -> int:
        """Of all sessions together."""
        return self.count * self.pairs


def over_sessions(
    study: PairedDesign,
    plan: Sessions,
    measuring: MeasurementSettings,
    inbox: Inbox,
    screen: Screen,
    after: Callable[[Report, Report], None],
) -> Ended:
    """Train what the reports lack of the plan, and wait before each session; ``after`` each one, both sides.

    Raises:
        NotComparable: the reports are of other work, of another machine, or of other meters.
        UsageError: they are of another plan.
        TrainingError, MissingPart, FileError: see `interleave`.
    """
    refuse_unlike(study.a, study.b)
    for side in (study.a, study.b):
        side.job.check()
    ended: Ended | None = None
    while True:
        found = _found(study, plan, measuring)
        first = _pairs_of(found) if found else 0
        if first >= plan.all_pairs:
            return ended or _nothing_left(study, found)
        if found and first % plan.pairs == 0:
            signal = _wait(found, first // plan.pairs, plan, inbox, screen)
            if signal is not None:
                return _stopped(study, found, signal)
        last = (first // plan.pairs + 1) * plan.pairs
        ended = _session(study, plan, range(first, last), measuring, found, inbox, screen)
        measuring = dataclasses.replace(measuring, taken="refused")
        if ended.verdict is None:
            return ended
        after(settled(ended.a.report), settled(ended.b.report))


def settled(report: Report) -> Report:
    """The report without runs that were cut off, whose pairs were trained again."""
    series = report.series
    if series is None:
        return report
    placed = zip(series.positions, report.runs, strict=False)
    kept = [(at, run) for at, run in placed if run.status in FINISHED]
    series = dataclasses.replace(series, positions=tuple(at for at, _ in kept))
    return dataclasses.replace(report, runs=tuple(run for _, run in kept), series=series)


def _session(
    study: PairedDesign,
    plan: Sessions,
    pairs: range,
    measuring: MeasurementSettings,
    found: tuple[Report, Report] | None,
    inbox: Inbox,
    screen: Screen,
) -> Ended:
    with closed(), open_meters(measuring) as on, _reports(study, plan, on, measuring, found) as reports:
        screen.ready()
        counted = [meter for meter in on.meters if meter.info.name in on.selection.counted]
        cooldown = Cooldown(on.probes, counted, study.cooldown_s)
        for pair in pairs:
            for side in in_order(study, pair):
                if pair in _trained(reports[side.name].report()):
                    continue
                train_run(side, pair, study, reports[side.name], cooldown, inbox, screen)
                if reports[side.name].over:
                    return Ended(reports["A"].result(), reports["B"].result(), None)
        for report in reports.values():
            report.seal()
        a, b = reports["A"].result(), reports["B"].result()
        labels = (study.b.path.stem, study.a.path.stem)
        return Ended(a, b, check(settled(b.report), settled(a.report), study.limits, labels))


@contextlib.contextmanager
def _reports(
    study: PairedDesign,
    plan: Sessions,
    on: OpenMeters,
    measuring: MeasurementSettings,
    found: tuple[Report, Report] | None,
) -> Iterator[dict[SideName, ReportSession]]:
    if found is None:
        with new_reports(study, on, measuring.taken) as reports:
            yield reports
        return
    with contextlib.ExitStack() as stack:
        resumed: dict[SideName, ReportSession] = {}
        for side, report in zip((study.a, study.b), found, strict=True):
            series = _gone_on(report, side.name, plan)
            made = resumed_session(on, side.job.work, side.path, series=series)
            stack.callback(made.close)
            resumed[side.name] = made
        yield resumed


def _gone_on(report: Report, side: SideName, plan: Sessions) -> Series | None:
    """The positions of the runs that are there, and then of those that are to come."""
    if report.series is None:
        return None
    there, trained = report.series.positions[: len(report.runs)], _trained(report)
    coming = (at for at in positions(side, plan.all_pairs) if at // 2 not in trained)
    return dataclasses.replace(report.series, positions=(*there, *coming))


def _trained(report: Report) -> set[int]:
    """The pairs of which it has a finished run."""
    places = report.series.positions if report.series else ()
    return {at // 2 for at, run in zip(places, report.runs, strict=False) if run.status in FINISHED}


def _found(
    study: PairedDesign, plan: Sessions, measuring: MeasurementSettings
) -> tuple[Report, Report] | None:
    """Both reports as far as they are, if they are of this plan; ``None``: they are yet to be made."""
    paths = study.a.path, study.b.path
    if measuring.taken == "replaced" or not any(path.exists() for path in paths):
        return None
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path}: missing beside the report of the other side; --force begins anew")
    a, b = read(paths[0]), read(paths[1])
    if a.series is None or b.series is None or a.series.id != b.series.id:
        raise UsageError(f"{paths[0]}: {TAKEN}")
    if a.series.looks != (plan.all_pairs,):
        planned = a.series.looks[-1] if a.series.looks else 0
        raise UsageError(
            f"{paths[0]}: was planned for {planned} pairs in all, not {plan.count} × {plan.pairs}; go on "
            "with the same --sessions and --pairs, or begin anew with --force"
        )
    return a, b


def _pairs_of(found: tuple[Report, Report]) -> int:
    """How many pairs are whole, from the first on."""
    both, n = _trained(found[0]) & _trained(found[1]), 0
    while n in both:
        n += 1
    return n


def _wait(
    found: tuple[Report, Report], number: int, plan: Sessions, inbox: Inbox, screen: Screen
) -> int | None:
    """Wait until the next session may begin; the signal that ended it, if one did."""
    ends = [moment(run.clock.utc) + (run.total_time_s or 0.0) for report in found for run in report.runs]
    begins_s = max((end for end in ends if math.isfinite(end)), default=-math.inf) + plan.every_s
    if begins_s > time.time():
        screen.say(
            f"session {number + 1} of {plan.count} begins at {utc(begins_s)}; after an interruption the same "
            "command goes on"
        )
    while (left_s := begins_s - time.time()) > 0:
        signal = wait(inbox, min(left_s, _LOOK_S))
        if signal is not None:
            return signal
    return None


def _stopped(study: PairedDesign, found: tuple[Report, Report], signal: int) -> Ended:
    a, b = (_as_it_is(side, one, signal) for side, one in zip((study.a, study.b), found, strict=True))
    return Ended(a, b, None)


def _nothing_left(study: PairedDesign, found: tuple[Report, Report] | None) -> Ended:
    assert found is not None  # a plan has at least one pair
    a, b = (_as_it_is(side, one, None) for side, one in zip((study.a, study.b), found, strict=True))
    labels = (study.b.path.stem, study.a.path.stem)
    return Ended(a, b, check(settled(found[1]), settled(found[0]), study.limits, labels))


def _as_it_is(side: Side, report: Report, signal: int | None) -> SessionResult:
    return SessionResult(report, side.path, side.path, (), signal, ())
