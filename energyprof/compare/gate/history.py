"""A report against those before it: is it what their newest level predicts, and does that trend upwards?"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from energyprof.compare.cancelling import Left, left_in, side_of
from energyprof.compare.change import collect
from energyprof.compare.exclusions import missed
from energyprof.compare.figures import BY_NAME, of_energy
from energyprof.compare.gate.accepted import Accepted
from energyprof.compare.gate.control import Controls
from energyprof.compare.gate.evidence import Evidence
from energyprof.compare.gate.fit_for import fit_for
from energyprof.compare.gate.folder import Found
from energyprof.compare.gate.levels import Level, levels
from energyprof.compare.gate.limits import Limit, default_limits, reject_duplicates
from energyprof.compare.gate.prediction import correlated, prediction, trend
from energyprof.compare.gate.undecoded import may_be_same, moments_of, nodes_of, slim
from energyprof.compare.gate.validity import doubts, excluded, exclusions, of_runs, validity
from energyprof.compare.gate.verdict import Design, Trial
from energyprof.compare.gate.waivers import NONE, Waivers
from energyprof.compare.mismatches import NAMED, Aspect, mismatches, same_script
from energyprof.compare.sessions import LEAST, PAUSE_S, Known, SessionScatter
from energyprof.compare.statistics.intervals import (
    ROUNDING,
    Difference,
    Logs,
    with_systematic,
)
from energyprof.errors import FileError
from energyprof.report.file import from_data
from energyprof.report.machines import likeness
from energyprof.report.record import Report
from energyprof.report.upgrade import upgraded
from energyprof.storable.frozen import dataclass
from energyprof.units import moment

# The newest reports best predict the next one; older ones reveal a trend.
LAST = 30
# With fewer reports at a level, those of the level before say with them how much reports scatter.
LEAST_FOR_SCATTER = 10
# A trend is a line with two unknowns; its scatter begins to be known from three more points.
LEAST_FOR_CREEP = 5
_MUST_AGREE: tuple[Aspect, ...] = ("boundary", "origin", "meters")


@dataclass(frozen=True)
class Past:
    """What matters of one report: the logarithms of its figures."""

    created: str
    figures: Mapping[str, Logs]
    left: Mapping[str, Left]  # what of the meters' errors is left in the ratio of the new one to it
    ended_s: float = -math.inf  # since 1970; -inf: not known
    name: str = ""  # of its file
    commit: str = ""  # of what was trained, if that is known


@dataclass(frozen=True)
class History:
    """The reports before one, oldest first, and those that say nothing about it."""

    past: tuple[Past, ...]
    left_out: tuple[str, ...] = ()  # a line for each reason
    marks: tuple[Accepted, ...] = ()  # accepted levels, the oldest first


def history(
    new: Report,
    files: Iterable[Found],
    limits: Sequence[Limit] = (),
    allow: Collection[str] = (),
    marks: Sequence[Accepted] = (),
) -> History:
    """The reports of the same work on the same machine and meters that were made before ``new``.

    Each is read and dropped, since ten thousand do not fit in memory; only the figures with ``limits``
    (none: `default_limits`) are kept. With ``machine`` in ``allow`` a machine that nothing tells from that of
    ``new`` is taken to be it.
    """
    names = [limit.figure for limit in limits or default_limits(new, new)]
    past, reasons = [], dict[str, list[str]]()
    known: set[tuple[object, ...]] = set()
    for found in files:
        if found.data is None:
            reasons.setdefault("not readable", []).append(found.path.name)
            continue
        try:
            report_or_why = _fitting(new, found.data, str(found.path), names, allow)
        except FileError:
            report_or_why = "not readable"
        if report_or_why is None:
            continue
        if isinstance(report_or_why, str):
            reasons.setdefault(report_or_why, []).append(found.path.name)
        elif (same := _identity(found.data, report_or_why)) in known:
            reasons.setdefault("copies of others", []).append(found.path.name)
        else:
            known.add(same)
            past.append(report_or_why)
    # The order of two made at the same moment must not depend on the names of their files.
    past.sort(
        key=lambda p: (moment(p.created), sorted((name, logs.logs) for name, logs in p.figures.items()))
    )
    left_out = tuple(_named(why, names) for why, names in sorted(reasons.items()))
    until = moment(new.created)
    return History(tuple(past), left_out, tuple(mark for mark in marks if moment(mark.created) <= until))


def evidence(
    new: Report,
    before: History,
    limits: Sequence[Limit] = (),
    label: str = "new",
    last: int = LAST,
    waivers: Waivers = NONE,
    controls: Controls | None = None,
) -> Evidence:
    """For each limit, the report against what the ``last`` ones of its level predict, and the trend in that.

    Raises:
        UsageError: a figure is limited twice, or the report does not have it.
    """
    limits = reject_duplicates(limits) or default_limits(new, new)
    sound = validity((new, label), None, [limit.figure for limit in limits], waivers)
    machine = fit_for(((new, label),), controls, waivers)
    waived, notes = (*machine.waived, *sound.waived), [*waivers.notes, *machine.notes]
    if barred := (*machine.invalid, *sound.invalid):
        return Evidence(invalid=barred, notes=(*notes, *before.left_out), waived=waived)
    found = []
    for limit in limits:
        values = collect(BY_NAME[limit.figure], new)
        past = [(p, p.figures[limit.figure]) for p in before.past if limit.figure in p.figures]
        if values is None or values.logs is None or not past:
            notes.append(f"no earlier report has {limit.figure}")
            continue
        every = [logs for _, logs in past]
        found_levels = levels([logs.mean for logs in every], [p.created for p, _ in past], before.marks)
        now = found_levels[-1]
        notes += _of_level(limit.figure, found_levels, [p for p, _ in past])
        of_level, left = (
            every[now.start :],
            [p.left.get(limit.figure, Left()) for p, _ in past[now.start :]],
        )
        recent = of_level[-last:]
        scatter = [recent]
        if len(recent) < LEAST_FOR_SCATTER and len(found_levels) > 1:
            scatter.append(every[found_levels[-2].start : now.start][-last:])
        # The mean of what is left in each ratio bounds what is left in the ratio to their mean.
        most, u = max(left, key=lambda one: one.u), fmean(one.u for one in left[-last:])
        ahead = correlated(prediction(values.logs, recent, scatter))
        found.append(_trial(limit, ahead, u, most, (1, len(recent)), "history"))
        before_it = [logs.mean for logs in of_level]
        if len(of_level) + 1 >= LEAST_FOR_CREEP and max(before_it) - min(before_it) > ROUNDING:
            rise = trend([*before_it, values.logs.mean])
            found.append(_trial(limit, rise, most.u, most, (1, len(of_level)), "trend"))
    return Evidence(tuple(found), notes=(*notes, *before.left_out), doubts=doubts(new, label), waived=waived)


def session_scatter(before: History) -> Known:
    """How much each figure's sessions differ, by those of the history; a level apart from the next."""
    found = {}
    for name in dict.fromkeys(name for past in before.past for name in past.figures):
        past = [one for one in before.past if name in one.figures]
        means = [one.figures[name].mean for one in past]
        squares, dof = 0.0, 0
        for level in levels(means, [one.created for one in past], before.marks):
            of_level = _by_session(past[level.start : level.end], name)
            middle = math.fsum(of_level) / len(of_level)
            squares += math.fsum((x - middle) ** 2 for x in of_level)
            dof += len(of_level) - 1
        if dof >= LEAST - 1:
            found[name] = SessionScatter(math.sqrt(squares / dof), dof, "the history")
    return found


def _by_session(past: Sequence[Past], name: str) -> list[float]:
    """The mean of each session, a logarithm."""
    sessions: list[list[float]] = []
    ended_s = -math.inf
    for one in past:
        if moment(one.created) - ended_s > PAUSE_S or not sessions:
            sessions.append([])
        sessions[-1].append(one.figures[name].mean)
        ended_s = max(ended_s, moment(one.created), one.ended_s)
    return [math.fsum(means) / len(means) for means in sessions]


def _trial(
    limit: Limit, alone: Difference, u: float, most: Left, counts: tuple[int, int], design: Design
) -> Trial:
    return Trial(
        limit, with_systematic(alone, u), counts, design, alone=alone, left=most.reasons if u > 0 else ()
    )


def _identity(data: Mapping[str, Any], past: Past) -> tuple[object, ...]:
    """What no two reports have in common, but copies of one."""
    figures = ((name, logs.logs) for name, logs in sorted(past.figures.items()))
    return (moment(past.created), *moments_of(data), *figures)


def _of_level(figure: str, found: Sequence[Level], past: Sequence[Past]) -> list[str]:
    """Since when the level holds that is judged by, if it is not the first."""
    if len(found) < 2:
        return []
    now, before = found[-1], found[-2]
    change = 100 * math.expm1(now.mean - before.mean)
    why = "as the reports show" if now.accepted is None else f"accepted: {now.accepted}"
    return [
        f"{figure.replace('_', ' ')}: judged by {now.end - now.start} reports since {past[now.start].name}, "
        f"{change:+.1f} % against those before ({why})"
    ]


def _fitting(
    new: Report, data: dict[str, Any], where: str, names: Sequence[str], allow: Collection[str]
) -> Past | str | None:
    """What matters of one report, or why it says nothing about ``new``; ``None``: it is ``new`` itself."""
    data = upgraded(slim(data))
    if not may_be_same(data, new):
        return "other work"
    standing = likeness(nodes_of(data.get("nodes")), new.nodes).standing
    if standing == "other" or (standing == "unknown" and "machine" not in allow):
        return "another machine" if standing == "other" else "of a machine that is not known to be this one"
    created = data.get("created")
    if not isinstance(created, str):
        return "not readable"
    if moment(created) == moment(new.created) and moments_of(data) == [run.clock.utc for run in new.runs]:
        return None
    if moment(created) > moment(new.created):
        return "made later"
    report = from_data(data, where)
    if report.workload.target != new.workload.target:
        return "other work"
    if report.workload.work != new.workload.work and not same_script(report.workload, new.workload):
        return "other work"
    differing = mismatches((report, new), ("", ""), _MUST_AGREE)
    if differing:
        return {"boundary": "another boundary", "origin": "measured or not", "meters": "other meters"}[
            differing[0].kind
        ]
    if of_runs(report, "", [excluded(missed), *exclusions(names, report.workload)])[0]:
        return "invalid runs"
    figures, left = {}, {}
    for name in names:
        values, mine = collect(BY_NAME[name], report), collect(BY_NAME[name], new)
        if values is not None and values.logs is not None:
            figures[name] = values.logs
            if mine is not None and of_energy(BY_NAME[name]) and (mine.mean.terms or values.mean.terms):
                left[name] = left_in(side_of(mine, new), side_of(values, report), allow)
    revision = report.commit.revision[:12] if report.commit else ""
    ends = [moment(run.clock.utc) + (run.total_time_s or 0.0) for run in report.runs]
    return Past(created, figures, left, max(ends, default=-math.inf), Path(where).stem, revision)


def _named(why: str, names: Sequence[str]) -> str:
    rest = len(names) - NAMED
    shown = ", ".join(sorted(names)[:NAMED]) + (f" and {rest} more" if rest > 0 else "")
    return f"{len(names)} left out, {why}: {shown}"
