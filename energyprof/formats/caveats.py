"""What accompanies the verdicts wherever they are shown: estimates, no energy, what was not judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energyprof.compare.gate.waivers import printed
from energyprof.formats import verdict_words, wording

if TYPE_CHECKING:
    from energyprof.compare.gate.check import Check, CheckOutcome

NO_ENERGY = "CPU time, not energy: the work of a GPU and of memory does not show in it."
CPU_TIME = ("cpu_time", "cpu_time_per_sample", "total_cpu_time")


def caveats(result: Check) -> list[str]:
    """A sentence each; none where energy was measured."""
    lines = [wording.UNMEASURED[result.origin]] if result.origin != "measured" else []
    lines += [NO_ENERGY] if any(verdict.limit.figure in CPU_TIME for verdict in result.verdicts) else []
    return [*lines, *printed(result.waived)]


def unjudged(result: Check) -> list[tuple[CheckOutcome, str]]:
    """What has no verdict: an outcome and a line for each; all of it if the check has no verdict at all."""
    lines: list[tuple[CheckOutcome, str]] = [("INVALID", line) for line in result.invalid]
    lines += [("NOT_COMPARABLE", line) for line in result.incomparable]
    lines += [("NOT_COMPARABLE", f"{work}: the work itself changed") for work in result.changed]
    lines += [("INCONCLUSIVE", f"{work}: only in the baseline") for work in result.removed]
    lines += [("NO_BASELINE", f"{work}: not in the baseline") for work in result.added]
    return lines if lines or result.verdicts else [(result.outcome, verdict_words.outcome(result))]
