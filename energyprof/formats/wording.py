"""The words that text and Markdown share: figures and changes as people read them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from energyprof import units
from energyprof.compare.figures import BY_NAME
from energyprof.meter import Origin

if TYPE_CHECKING:
    from energyprof.compare.change import Change
    from energyprof.compare.compared import Comparison, Entry, Summary
    from energyprof.compare.success import Success

# What stands for a report in a card or a row: the first of these that it has.
HEADLINES = ("energy_to_target", "energy", "energy_per_sample")
FOOTNOTES = (
    "mean: geometric. ±: 95 %, two-sided, without the meters' gain, which all runs have in common.",
    "with meters: 95 %, two-sided, with all that the meters may be off by as well (GUM).",
)
# What figures are whose origin is this.
ORIGINS: Mapping[Origin, str] = {
    "measured": "measured",
    "modelled": "ESTIMATED, not measured",
    "simulated": "SIMULATED, not measured",
}
UNMEASURED: Mapping[Origin, str] = {
    "modelled": "These figures are an ESTIMATE, not a measurement.",
    "simulated": "These figures are SIMULATED, not measured.",
}
# From this on, a relative uncertainty of a ratio is written as the factor that it is.
WIDE = 0.5
NOT_JUDGED = "Figures only, no verdict: "


def title(figure: str) -> str:
    """Such as ``energy per sample``, ``CPU time``."""
    return figure.replace("_", " ").replace("cpu", "CPU")


def number(figure: str, value: float) -> str:
    """The value with its unit and prefix."""
    unit = BY_NAME[figure].unit
    if unit == "s" and value >= 0.1:
        return units.seconds(value)
    if unit:
        return units.si(value, unit)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def spread(estimate: Summary) -> str:
    """The half-width of the interval, relative to the mean."""
    if estimate.high is None or estimate.mean <= 0:
        return "one run" if estimate.n == 1 else "?"
    if estimate.agree and estimate.high <= estimate.mean * (1 + 1e-9):
        return "all equal"
    # Half the width in logarithms: the parts above and below the mean differ a little, or by a factor.
    return half(math.log(estimate.high / estimate.mean))


def with_meters(estimate: Summary) -> str:
    """The expanded uncertainty, including the meters' gain; empty for anything but joules."""
    below, above = estimate.u_rel_below, estimate.u_rel_above
    if estimate.u_rel is None:
        return ""
    if below is None or above is None or below == above:
        return half(estimate.u_rel)
    return units.both_ways(below, above)


def half(log_half: float) -> str:
    """Half an interval in logarithms: ``±5.9 %``, or from WIDE on the factor that it is, ``× ÷ 4.8``."""
    if log_half < WIDE:
        return "±" + share(log_half)
    factor = math.exp(min(log_half, 700.0))
    return "× ÷ any" if factor > 1e100 else f"× ÷ {factor:.2g}"


def of_meters(u_rel: float) -> str:
    """What both meters may add to a ratio: ``±5.9 %``, or a factor where it is wide, as it enters."""
    return f"±{share(u_rel)}" if u_rel < WIDE else f"× ÷ {1 + u_rel:.2g}"


def share(fraction: float) -> str:
    """Without a sign, with two significant digits: ``5.9 %``, ``0.04 %``."""
    return f"{100 * fraction:.{_decimals(fraction)}f} %"


def change(ratio: float, low: float | None, high: float | None) -> str:
    """Relative changes: ``-4.9 % (-5.6 … -4.1 %)``."""
    decimals = _decimals(ratio)
    if low is None or high is None:
        return f"{100 * ratio:+.{decimals}f} %"
    decimals = max(decimals, _decimals(high - low))
    shown = [f"{100 * bound:+.{decimals}f}" for bound in (ratio, low, high)]
    return f"{shown[0]} % ({shown[1]} … {shown[2]} %)"


def ratio_change(ratio: Change) -> str:
    """A ratio as a change with its interval."""
    low = None if ratio.low is None else ratio.low - 1
    high = None if ratio.high is None else ratio.high - 1
    return change(ratio.ratio - 1, low, high)


def _decimals(fraction: float) -> int:
    percent = abs(100 * fraction)
    return 0 if percent >= 99.95 else 1 if percent >= 0.095 or percent == 0 else 2


def about(entry: Entry, *, machine: bool) -> str:
    """A line about one report: what was measured, how often and, if asked, where."""
    reached = ""
    if entry.reached is not None:
        all_of_them = entry.reached == entry.runs
        reached = ", all" if all_of_them else f", {entry.reached} of {entry.runs}"
        reached += " reached the target"
    kind = ORIGINS[entry.origin]
    boundary = f"boundary {entry.boundary}" if entry.boundary else "no meter"
    runs = "1 run" if entry.runs == 1 else f"{entry.runs} runs"
    place = f" on {entry.machine or 'an unknown machine'}" if machine else ""
    return f"{entry.label}: {entry.workload}{place}, {runs}{reached}; {kind}, {boundary}"


def count(estimate: Summary) -> str:
    """How many runs are behind the figure; ``3 of 7`` where the others missed the target."""
    return f"{estimate.n} of {estimate.n + estimate.missed}" if estimate.missed else str(estimate.n)


def notes(comparison: Comparison) -> list[str]:
    """What to know before reading the figures."""
    lines = [f"allowed to differ, {o.kind}: {o.message}" for o in comparison.allowed]
    lines += comparison.notes
    lines += _withheld(comparison)
    unlike = {o.kind for o in comparison.allowed} - {"task"}
    if not comparison.one_machine:
        lines.append(NOT_JUDGED + "the reports come from different machines.")
    elif unlike:
        lines.append(NOT_JUDGED + f"the reports differ in {' and '.join(sorted(unlike))}.")
    return lines


def success(found: Success) -> str:
    """What a success is expected to cost, in words."""
    lost = found.attempts - found.successes
    says = f"{lost} of {found.attempts} runs ended without reaching the target: its figures are of the others"
    if found.energy_j is None:
        return says + ", and what a success costs is not known"
    return f"{says}; a success is expected to cost {cost(found)}"


def cost(found: Success) -> str:
    """``24.6 kJ (4.45 kJ … no upper bound, 95 %): all energy spent over 3 successes in 7 runs``."""
    if found.energy_j is None:
        return f"{found.successes} in {found.attempts} runs; what one costs is not known"
    spent = f"all energy spent over {found.successes} success{'es' if found.successes > 1 else ''}"
    ends = ""
    if found.low_j is not None:
        high = "no upper bound" if found.high_j is None else units.joules(found.high_j)
        ends = f" ({units.joules(found.low_j)} … {high}, 95 %)"
    return f"{units.joules(found.energy_j)}{ends}: {spent} in {found.attempts} runs"


# Of more reports than this a line of what was withheld names the first and counts the rest.
_NAMED = 5


def _withheld(comparison: Comparison) -> list[str]:
    """Which verdicts are not given, and why."""
    lines = []
    for held in comparison.withheld:
        figures = ", ".join(map(title, held.figures[:_NAMED])) + _more(len(held.figures) - _NAMED)
        reasons = "; ".join(held.reasons[:_NAMED]) + _more(len(held.reasons) - _NAMED)
        lines.append(f"No verdict on {figures} of {held.label}: {reasons}")
    return lines


def _more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""
