"""Should a build fail? Reports against a baseline or their own past, within limits."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Literal

from energyprof.compare.change import Change
from energyprof.compare.gate.control import Controls
from energyprof.compare.gate.evidence import Case, Evidence, examine
from energyprof.compare.gate.history import LAST, History
from energyprof.compare.gate.history import evidence as evidence_of
from energyprof.compare.gate.limits import Claims, Limit
from energyprof.compare.gate.noise import Noise
from energyprof.compare.gate.suite import Suite
from energyprof.compare.gate.verdict import Verdict, judge, overall
from energyprof.compare.gate.waivers import NONE, Waived, Waivers
from energyprof.compare.reasons import Invalidity, lines
from energyprof.compare.sessions import UNKNOWN, Known
from energyprof.errors import NotComparable
from energyprof.meter import Origin, joint_origin
from energyprof.report.flags import Flag
from energyprof.report.record import Report
from energyprof.storable.frozen import dataclass

CheckOutcome = Literal["PASS", "FAIL", "INCONCLUSIVE", "INVALID", "NOT_COMPARABLE", "NO_BASELINE"]
# An inconclusive check fails a build only on request (`exit_code`).
_EXIT_CODES: dict[CheckOutcome, int] = {
    "PASS": 0,
    "FAIL": 1,
    "INCONCLUSIVE": 0,
    "NOT_COMPARABLE": 3,
    "INVALID": 4,
    "NO_BASELINE": 0,
}
STRICT_INCONCLUSIVE = 5


@dataclass(frozen=True)
class Check:
    """A build's verdict; without a baseline or valid runs there are no ``verdicts``."""

    outcome: CheckOutcome
    label: str
    baseline: str
    verdicts: tuple[Verdict, ...] = ()
    invalid: tuple[str, ...] = ()  # a line for each run that cannot be judged
    information: tuple[tuple[str, Change], ...] = ()  # figures without a limit; they never fail
    origin: Origin = "measured"
    notes: tuple[str, ...] = ()  # what to know to read the verdict
    doubts: tuple[tuple[str, Flag], ...] = ()  # where, and what may explain the verdict
    next_look: int | None = None  # of a series: the number of pairs at the next look
    reasons: tuple[Invalidity, ...] = ()  # the same as ``invalid`` for programs: codes and numbers
    waived: tuple[Waived, ...] = ()  # what would be among them, but is overlooked, and by what
    # For several workloads, a line each:
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    incomparable: tuple[str, ...] = ()


def check(
    new: Report,
    baseline: Report,
    limits: Sequence[Limit] = (),
    labels: tuple[str, str] = ("new", "baseline"),
    noise: Noise | None = None,
    allow: Collection[str] = (),
    claims: Claims = "believed",
    known: Known = UNKNOWN,
    waivers: Waivers = NONE,
    controls: Controls | None = None,
) -> Check:
    """Whether ``new`` keeps the ``limits`` (none: `default_limits`) against ``baseline``.

    Two reports of one series (``ab``) are judged in pairs, at the looks that were planned: INCONCLUSIVE with
    a ``next_look`` means to go on. For ``allow`` see `examine`. Where the programs' ``claims`` are doubted,
    what the profiler sees by itself must keep the limits, too (`beside_claims`). What is ``known`` of how
    much sessions differ goes before what the noise says of it. With ``controls`` the machine must have been
    fit.

    Raises:
        NotComparable: work, boundary, origin, meters or machine differ.
        UsageError: a figure is limited twice, or the reports do not have it.
    """
    case = Case(new, baseline, labels, noise, "", claims, known, waivers, controls)
    return _judged(examine(case, limits, allow), labels, new.origin)


def check_suite(
    found: Suite,
    limits: Sequence[Limit] = (),
    labels: tuple[str, str] = ("new", "baseline"),
    overlook: Sequence[Literal["changed"]] = (),
    allow: Collection[str] = (),
    waivers: Waivers = NONE,
    controls: Controls | None = None,
) -> Check:
    """Every workload of two folders, all their limits judged together.

    Changed work cannot be judged, so it is not a pass unless it is allowed. What was removed is not judged
    either, and is INCONCLUSIVE. A certain failure takes precedence over all that could not be judged.

    Raises:
        UsageError: a figure is limited twice, or a report does not have it.
    """
    evidence: list[Evidence] = []
    incomparable = []
    for case in found.cases:
        try:
            asked = replace(case, waivers=waivers, controls=controls)
            evidence.append(examine(asked, limits, allow))
        except NotComparable as refusal:
            lines = [line.strip() for line in str(refusal).splitlines() if line.startswith("  ")]
            incomparable.append(f"{case.work}: {'; '.join(lines)}")
    several = Evidence(
        tuple(trial for e in evidence for trial in e.trials),
        tuple(one for e in evidence for one in e.invalid),
        notes=tuple(dict.fromkeys(note for e in evidence for note in e.notes)),
        doubts=tuple(doubt for e in evidence for doubt in e.doubts),
        waived=tuple(one for e in evidence for one in e.waived),
    )
    origin = joint_origin(case.new.origin for case in found.cases)
    result = _judged(several, labels, origin)
    outcomes: list[CheckOutcome] = [result.outcome] if evidence else ["NO_BASELINE"]
    outcomes += [overall(result.verdicts)] if result.verdicts else []
    outcomes += ["NOT_COMPARABLE"] if incomparable or (found.changed and "changed" not in overlook) else []
    outcomes += ["INCONCLUSIVE"] if found.removed else []
    return replace(
        result,
        outcome=min(outcomes, key=_SEVERITY.index),
        added=found.added,
        removed=found.removed,
        changed=found.changed,
        incomparable=tuple(incomparable),
    )


# The first of these that occurs is the overall outcome.
_SEVERITY: tuple[CheckOutcome, ...] = (
    "FAIL",
    "NOT_COMPARABLE",
    "INVALID",
    "INCONCLUSIVE",
    "PASS",
    "NO_BASELINE",
)


def check_history(
    new: Report,
    before: History,
    limits: Sequence[Limit] = (),
    labels: tuple[str, str] = ("new", "history"),
    last: int = LAST,
    waivers: Waivers = NONE,
    controls: Controls | None = None,
) -> Check:
    """Whether ``new`` is what the ``last`` reports before it predict, without an upward trend over all.

    Raises:
        UsageError: a figure is limited twice, or the report does not have it.
    """
    return _judged(evidence_of(new, before, limits, labels[0], last, waivers, controls), labels, new.origin)


def without_baseline(label: str, baseline: str) -> Check:
    """The check when there is nothing to judge by and the user said that this is fine."""
    return Check("NO_BASELINE", label, baseline)


def exit_code(result: Check, *, strict: bool) -> int:
    """0, 1 (FAIL), 3 (NOT_COMPARABLE), 4 (INVALID), or with ``strict`` 5 for INCONCLUSIVE."""
    if strict and result.outcome == "INCONCLUSIVE":
        return STRICT_INCONCLUSIVE
    return _EXIT_CODES[result.outcome]


def _judged(evidence: Evidence, labels: tuple[str, str], origin: Origin) -> Check:
    verdicts = judge(evidence.trials)
    outcome: CheckOutcome = "INVALID" if evidence.invalid else overall(verdicts)
    return Check(
        outcome,
        *labels,
        verdicts,
        lines(evidence.invalid),
        evidence.information,
        origin,
        evidence.notes,
        evidence.doubts,
        evidence.next_look if outcome == "INCONCLUSIVE" else None,
        reasons=evidence.invalid,
        waived=evidence.waived,
    )
