"""Sessions: runs of one sitting share its room, its boot and its neighbours, and those of the next do not.

Repeating within a session does not average that out. Two means differ by u = sd · √Σ(share - share')², summed
over all sessions, of whose runs each side has a share: by nothing where both have the same, by sd · √2 where
each is of one of its own, and by sd · √(1 + 1/n) where one new session stands against n stored ones (the
prediction of one more: Hahn & Meeker, Statistical Intervals, 1991, 4.7).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from energyprof.compare.machines import alike
from energyprof.compare.mismatches import NAMED
from energyprof.compare.statistics.sequential import one_series
from energyprof.report.record import Report, Run
from energyprof.storable.frozen import dataclass
from energyprof.storable.once import once
from energyprof.units import moment

# After so long a pause, or so long after its beginning, a run is of another session: the room has changed.
PAUSE_S = 3600.0
LONGEST_S = 8 * 3600.0
# Where nothing tells, sessions are taken to differ by so much (1 sd): from run to run, the energy per sample
# of public MLPerf training submissions with power varies by 0.05 to 2.8 %. `benchmarks/gate.py` tries 0.3 to
# 3 %.
ASSUMED_SD = 0.03
# What the algorithm decides, whatever the machine's day.
SAME_EVERY_DAY = ("samples_to_target", "score", "on_top")
# Fewer sessions do not tell how much they differ.
LEAST = 3


@dataclass(frozen=True)
class SessionScatter:
    """How much one figure varies from session to session beyond its runs."""

    sd: float  # of its logarithm
    dof: float | None  # None: nobody measured it
    source: str


ASSUMED = SessionScatter(ASSUMED_SD, None, "assumed")
# By figure; what is missing is assumed.
Known = Mapping[str, SessionScatter]
UNKNOWN: Known = MappingProxyType({})


@dataclass(frozen=True)
class Apart:
    """How far two reports are apart by their sessions: new and old of so many, which weigh so much."""

    weight: float = 0.0  # √Σ(share - share')²
    sessions: tuple[int, int] = (1, 1)


TOGETHER = Apart()


def apart(new: Report, old: Report) -> Apart:
    """How far ``new`` and ``old`` are apart: not at all if their runs took turns (``ab``)."""
    if one_series(new, old):
        return TOGETHER
    mine, theirs = _sessions((new, old)) if _may_share(new, old) else (_alone(new), _alone(old))
    counts = len(set(mine)), len(set(theirs))
    if not mine or not theirs:
        return Apart(0.0, counts)
    if all(count == len(of) > 1 for count, of in zip(counts, (mine, theirs), strict=True)):
        return Apart(0.0, counts)  # each run is of a session of its own: the runs' scatter holds all there is
    squares = (
        (mine.count(session) / len(mine) - theirs.count(session) / len(theirs)) ** 2
        for session in {*mine, *theirs}
    )
    weight = math.sqrt(math.fsum(squares))
    return Apart(weight if weight > 1e-9 else 0.0, counts)


def between(figure: str, far: Apart, known: Known) -> tuple[float, float | None]:
    """The standard uncertainty that sessions leave in the ratio of two means, and its degrees of freedom."""
    if not far.weight or figure in SAME_EVERY_DAY:
        return 0.0, None
    scatter = known.get(figure, ASSUMED)
    return scatter.sd * far.weight, scatter.dof


def by_session(reports: Sequence[Report]) -> list[list[Run]]:
    """The runs of reports of one machine, session by session."""
    found: dict[tuple[int, int], list[Run]] = {}
    for report, sessions in zip(reports, _sessions(reports), strict=True):
        for run, session in zip(report.runs, sessions, strict=True):
            found.setdefault(session, []).append(run)
    return [found[session] for session in sorted(found)]


def sessions_said(labels: Sequence[str], far: Sequence[Apart], known: Known = UNKNOWN) -> list[str]:
    """A line on reports that are of other sessions than the first, and on what is known of those."""
    others = [label for label, one in zip(labels[1:], far[1:], strict=True) if one.weight]
    if not others:
        return []
    named = ", ".join(others[:NAMED]) + (f" and {len(others) - NAMED} more" if len(others) > NAMED else "")
    told = next(iter(known.values()), None)
    if told is None or told.dof is None:
        what = (
            f"how much sessions differ here is not known: {100 * ASSUMED_SD:g} % (1 sd) is assumed;"
            " `energyprof aa --sessions 5` measures it, `energyprof ab` does without"
        )
    else:
        what = f"how much sessions differ is known from {told.dof + 1:g} of them ({told.source})"
    return [f"measured in other sessions than {labels[0]}: {named}; {what}"]


def scatter_of(means: Sequence[float], source: str) -> SessionScatter | None:
    """The scatter of sessions whose ``means`` are logarithms; ``None``: too few.

    It holds what the runs' own scatter leaves in a session's mean, so it errs to the safe side.
    """
    n = len(means)
    if n < LEAST:
        return None
    middle = math.fsum(means) / n
    return SessionScatter(math.sqrt(math.fsum((x - middle) ** 2 for x in means) / (n - 1)), n - 1, source)


def _may_share(new: Report, old: Report) -> bool:
    """Whether nothing says that they are of two machines, or of two boots of one."""
    boots = [boot for report in (new, old) for node in report.nodes if (boot := _boot(node.machine))]
    return alike(new, old).hardware != "other" and len({*boots}) <= max(len(new.nodes), len(old.nodes))


def _boot(machine: Mapping[str, object]) -> object:
    hardware = machine.get("hardware")
    return hardware.get("boot") if isinstance(hardware, dict) else None


def _alone(report: Report) -> list[tuple[int, int]]:
    """Sessions that no other report shares."""
    return [(id(report), number) for _, number in _sessions((report,))[0]]


@once
def _spans(report: Report) -> Sequence[tuple[float, float, int]]:
    """When each run began and ended, in s since 1970, and its place, as far as that is known."""
    starts_s = [moment(run.clock.utc) for run in report.runs]
    return [
        (start_s, start_s + (run.total_time_s or run.time_s or 0.0), j)
        for j, (start_s, run) in enumerate(zip(starts_s, report.runs, strict=True))
        if start_s > -math.inf
    ]


def _sessions(reports: Sequence[Report]) -> list[list[tuple[int, int]]]:
    """The session of each run of each report, in their order."""
    spans = []
    for i, report in enumerate(reports):
        spans += [(start_s, end_s, i, j) for start_s, end_s, j in _spans(report)]
    spans.sort()
    # Of a run whose time is not known nothing tells that it shared a session with those of another report.
    found = [[(-1 - i, 0)] * len(report.runs) for i, report in enumerate(reports)]
    number, began_s, ended_s = 0, -math.inf, -math.inf
    for start_s, end_s, i, j in spans:
        if start_s - ended_s > PAUSE_S or start_s - began_s > LONGEST_S:
            number, began_s, ended_s = number + 1, start_s, end_s
        ended_s = max(ended_s, end_s)
        found[i][j] = (0, number)
    return found
