"""What a reader must know of a run in which the wall clock was set, or the machine slept."""

from __future__ import annotations

from collections.abc import Sequence

from energyprof.report.flags import Flag, flag
from energyprof.trace.wall_clock import Change
from energyprof.units import seconds

# So many are told one by one.
SAID = 5


def clock_flags(changes: Sequence[Change]) -> tuple[Flag, ...]:
    """A flag on all steps of the wall clock and one on all sleeps, each with its size and when it was."""
    steps = [
        f"{'forward' if change.step_s > 0 else 'back'} by {seconds(abs(change.step_s))}, {_when(change)}"
        for change in changes
        if change.step_s
    ]
    sleeps = [f"{seconds(change.slept_s)}, {_when(change)}" for change in changes if change.slept_s]
    flags = (flag("clock_step", detail=_listed(steps)), flag("suspended", detail=_listed(sleeps)))
    return tuple(made for made in flags if made.detail)


def _when(change: Change) -> str:
    return f"{seconds(change.before_s)} after the start"


def _listed(words: Sequence[str]) -> str:
    more = f" and {len(words) - SAID} more" if len(words) > SAID else ""
    return "; ".join(words[:SAID]) + more
