"""Whether a machine is what it was: its control against the controls before it.

A control is a report of fixed work (``energyprof control``). Of each of its figures the earlier ones predict
the next by a t interval for one further value, s·√(1 + 1/n) (Hahn & Meeker, Statistical Intervals, 4.7), and
all figures of a control share one error rate (Bonferroni).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import fmean, stdev
from typing import Literal

from energyprof.compare.exclusions import broken
from energyprof.compare.gate.accepted import Accepted
from energyprof.compare.gate.control_figures import FIGURES, Reading, readings_of
from energyprof.compare.reasons import Reason, of_flag, reason
from energyprof.compare.statistics.student import t_quantile
from energyprof.report.machines import likeness
from energyprof.report.record import NodeRecord, Report
from energyprof.storable.frozen import dataclass
from energyprof.units import moment

NAME = "control"
# The share of controls of a machine that has not changed which may be called drifted.
FALSE_ALARMS = 0.05
# So many sessions say how much a machine varies by itself; fewer have intervals that hold everything.
LEAST_SESSIONS = 5
# The first of a level are what it is held against: were it the newest, a slow drift would carry them along.
REFERENCE_SESSIONS = 20
# Controls this close to each other share their session's warmth and its neighbours: they count as one.
SESSION_S = 3600.0
# See `correlated` in history.py: sessions hang together, and few of them vary less than a later one.
CORRELATED = 1.15


@dataclass(frozen=True)
class Control:
    """One control of a machine."""

    name: str  # of its file
    created: str
    nodes: tuple[NodeRecord, ...]
    setup: tuple[str, ...]  # its work, and what did it: only equal ones are held against each other
    readings: tuple[Reading, ...]
    faults: tuple[Reason, ...]  # why it says nothing of the machine

    def same_machine(self, nodes: Sequence[NodeRecord]) -> bool:
        """Whether it is of the machine that these are."""
        return likeness(self.nodes, tuple(nodes)).standing == "same"


@dataclass(frozen=True)
class Deviation:
    """One figure of a control beside what the earlier ones predict."""

    figure: str
    unit: str
    value: float
    expected: float
    low: float
    high: float
    sd: float  # between sessions: relative, of temperatures in K
    k: float  # how many of these a further session may lie off
    drifted: bool


# unknown: too few earlier sessions to tell · disturbed: the control itself says nothing of the machine
Standing = Literal["fit", "drifted", "disturbed", "unknown"]


@dataclass(frozen=True)
class Fitness:
    """A control, judged."""

    control: Control
    standing: Standing
    sessions: int  # that it was held against
    deviations: tuple[Deviation, ...]
    reasons: tuple[Reason, ...]  # why the machine is unfit
    unlike: int = 0  # earlier controls of the machine that did other work, or did it by another PyTorch


@dataclass(frozen=True)
class Controls:
    """The controls of a folder, the oldest first, and where a machine was accepted as changed."""

    controls: tuple[Control, ...]
    marks: tuple[Accepted, ...] = ()
    left_out: tuple[str, ...] = ()  # a line for each file that could not be read


def control_of(report: Report, name: str) -> Control:
    """The control in a report of one."""
    faults: list[Reason] = []
    if not report.runs:
        faults.append(reason("no_runs", "it has no runs"))
    for run in report.runs:
        faults += [found] if (found := broken(run)) is not None else []
        faults += [of_flag(flag) for flag in run.flags if flag.effect == "invalid" or flag.kind == "not_idle"]
    facts = report.runs[-1].facts.get(NAME, {}) if report.runs else {}
    told = facts if isinstance(facts, dict) else {}
    return Control(
        name,
        report.created,
        report.nodes,
        (report.workload.work, str(told.get("python", "")), *sorted(map(str, _about(told)))),
        readings_of(report),
        tuple(faults),
    )


def _about(told: dict[str, object]) -> Iterable[object]:
    about = told.get("about")
    return about.items() if isinstance(about, dict) else ()


def fitness(new: Control, before: Controls) -> Fitness:
    """``new`` against the controls of its machine before it, since it was last accepted as changed."""
    if new.faults:
        return Fitness(new, "disturbed", 0, (), _disturbed(new))
    sessions = reference(new, before)
    if len(sessions) < LEAST_SESSIONS:
        return Fitness(new, "unknown", len(sessions), (), (), _unlike(new, before))
    paired = []
    for one in new.readings:
        earlier = [x for c in sessions for r in c.readings if r.figure == one.figure for x in (r.value,)]
        if len(earlier) >= LEAST_SESSIONS:
            paired.append((one, earlier))
    found = tuple(_deviation(one, earlier, FALSE_ALARMS / len(paired)) for one, earlier in paired)
    reasons = tuple(map(_drifted, (one for one in found if one.drifted)))
    return Fitness(new, "drifted" if reasons else "fit", len(sessions), found, reasons)


def _unlike(new: Control, before: Controls) -> int:
    at_s = moment(new.created)
    earlier = [one for one in before.controls if moment(one.created) < at_s and one.setup != new.setup]
    return sum(one.same_machine(new.nodes) for one in earlier)


def reference(new: Control, before: Controls) -> list[Control]:
    """The sessions that ``new`` is held against: of each its first sound control, the oldest first."""
    at_s = moment(new.created)
    marked_s = (moment(mark.created) for mark in before.marks)
    since_s = max((mark_s for mark_s in marked_s if mark_s <= at_s), default=-math.inf)
    sessions: list[Control] = []
    last_s = -math.inf
    for one in sorted(before.controls, key=lambda control: moment(control.created)):
        made_s = moment(one.created)
        # What lies in the session of ``new`` itself is no history.
        of_it = since_s <= made_s < at_s - SESSION_S and one.setup == new.setup
        if of_it and not one.faults and one.same_machine(new.nodes):
            if made_s - last_s > SESSION_S:
                sessions.append(one)
            last_s = made_s
    return sessions[:REFERENCE_SESSIONS]


def _deviation(one: Reading, earlier: Sequence[float], alpha: float) -> Deviation:
    """Two-sided at ``alpha``; on logarithms, but for temperatures."""
    figure = FIGURES[one.kind]
    values = [figure.scale(x) for x in earlier]
    n, mean, sd = len(values), fmean(values), stdev(values)
    k = t_quantile(1 - alpha / 2, n - 1) * math.sqrt(1 + 1 / n) * CORRELATED
    # Less than this is no drift that would matter, nor can meters tell it.
    reach = max(k * sd, figure.least)
    at = figure.scale(one.value)
    return Deviation(
        one.figure,
        figure.unit,
        one.value,
        figure.back(mean),
        figure.back(mean - reach),
        figure.back(mean + reach),
        sd,
        k,
        abs(at - mean) > reach,
    )


def _drifted(found: Deviation) -> Reason:
    way, unit = "above" if found.value > found.high else "below", found.unit
    return reason(
        "machine_drifted",
        f"{found.figure}: {found.value:.4g} {unit}, {way} {found.low:.4g} to {found.high:.4g} {unit}",
        figure=found.figure,
        unit=found.unit,
        value=found.value,
        expected=found.expected,
        low=found.low,
        high=found.high,
        sd=found.sd,
        k=found.k,
    )


def _disturbed(new: Control) -> tuple[Reason, ...]:
    return tuple(
        reason("machine_disturbed", f"the control itself was disturbed: {fault.words}", why=fault.code)
        for fault in new.faults
    )
