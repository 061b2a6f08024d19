"""What a simulation says, in words: amounts as people write them, and a line for each finding."""

from __future__ import annotations

import math
from collections.abc import Sequence

from energyprof.simulate.agreement import PLAYED
from energyprof.simulate.break_even import Crossing
from energyprof.simulate.presence import fairness
from energyprof.simulate.sensitivity import Swing
from energyprof.simulate.simulation import Simulation
from energyprof.units import si

# 2.12775 has no exact double: what is a tie in decimals is rounded up, as on paper.
_TIE = 1 + 1e-12
HEAD = "SIMULATED from the inputs below, not measured."
MOST_CROSSINGS, MOST_SWINGS = 10, 5
# A scenario does not speak of what lies further from it than this.
NEAR = 100.0
FIGURE_NAMES = {"energy_j": "energy", "co2_kg": "CO2e"}
_PREFIXED = ("bit", "bit/J", "bit/s", "B", "W", "J", "s")
_ENERGIES = ((3.6e15, "TWh"), (3.6e12, "GWh"), (3.6e9, "MWh"), (3.6e6, "kWh"), (3600.0, "Wh"))
# What four decimals of a watt-hour would round away, such as a message of a few bytes.
_LITTLE = ((3.6, "mWh"), (3.6e-3, "µWh"), (3.6e-6, "nWh"))


def energy(joules: float) -> str:
    """Such as ``3.4344 Wh``; four decimals, since paradigms may lie close together."""
    factor, unit = next(((f, u) for f, u in _ENERGIES if abs(joules) >= f), _ENERGIES[-1])
    if 0 < abs(joules) < 3.6:
        factor, unit = next(((f, u) for f, u in _LITTLE if abs(joules) >= 1e-3 * f), _LITTLE[-1])
    # Three digits before the point are as good as one with a prefix: the paradigms share a unit longer.
    return f"{joules / factor * _TIE:,.4f} {unit}"


def mass(kg: float) -> str:
    """Such as ``50.53 t``; "–" where it is not known."""
    if math.isnan(kg):
        return "–"
    if not kg:
        return "0 kg"
    units = ((1e3, "t"), (1.0, "kg"), (1e-3, "g"), (1e-6, "mg"), (1e-9, "µg"), (1e-12, "ng"), (1e-15, "pg"))
    factor, unit = next(((f, u) for f, u in units if abs(kg) >= f), units[-1])
    return f"{kg / factor:,.2f} {unit}"


def amount(figure: str, value: float) -> str:
    """A total in its own words."""
    return energy(value) if figure == "energy_j" else mass(value)


def least_lines(found: Simulation) -> list[str]:
    """Which paradigm takes least, and in how many of the draws."""
    if len(found.outcomes) < 2:
        return []
    lines = []
    for figure, shares in found.least.items():
        best = sorted(shares, key=lambda name: -shares[name])
        shown = ", ".join(f"{name} {100 * shares[name]:.0f} %" for name in best if shares[name] >= 0.005)
        several = any(figure in outcome.drawn for outcome in found.outcomes)
        # Without draws there is one answer, of those that share it.
        sure = " and ".join(name for name in best if shares[name])
        said = f"{shown} of {found.draws:,} draws" if several else sure
        lines.append(f"{FIGURE_NAMES[figure]}: {said}")
    return lines


def crossing_lines(found: Simulation) -> list[str]:
    """Where paradigms cross: along what was asked for, then the nearest to the scenario.

    Energy and carbon are on one line if alike.
    """
    crossings = sorted(found.crossings, key=lambda one: one.dial not in found.asked)
    alike: dict[tuple[str, str, str, str], list[Crossing]] = {}
    for one in crossings:
        if one.dial in found.asked or 1 / NEAR <= one.at / one.now <= NEAR:
            alike.setdefault((one.dial, f"{one.at:.6g}", one.below, one.above), []).append(one)
    lines = [crossing_line(group) for group in list(alike.values())[:MOST_CROSSINGS]]
    more = len(alike) - len(lines)
    crossed = {one.dial for one in crossings}
    none = [f"{key}: nothing crosses along it" for key in dict.fromkeys(found.asked) if key not in crossed]
    return [*none, *lines, *([f"{more} more: --json"] if more else [])]


def crossing_line(group: Sequence[Crossing]) -> str:
    """Such as "link at 20.6 kbit/J, now 10.0 kbit/J (energy): below it consensus, above it federated"."""
    one = group[0]
    span = (
        "" if one.interval is None else f" ({said(one, one.interval.low)} … {said(one, one.interval.high)})"
    )
    if one.interval is not None and one.share < 0.995:
        span += f", in {100 * one.share:.0f} % of the draws"
    figures = " and ".join(FIGURE_NAMES[other.figure] for other in group)
    where = f"{one.dial} at {said(one, one.at)}{span}, now {said(one, one.now)}"
    return f"{where}: below it {one.below} takes less {figures}, above it {one.above}"


def said(one: Crossing, value: float) -> str:
    """What the dial of a crossing says at ``value``, with its unit."""
    if one.unit in _PREFIXED:
        return si(value, one.unit)
    # "×": relative to the scenario's.
    return f"× {plain(value)}" if one.unit == "×" else f"{plain(value)} {one.unit}".strip()


def plain(value: float) -> str:
    """Four significant digits without an exponent where people count: ``11,510``, ``42.81``."""
    rounded = float(f"{value:.4g}")
    return f"{rounded:,.0f}" if 1e3 <= abs(rounded) < 1e12 else f"{rounded:.4g}"


def swing_lines(found: Simulation) -> list[str]:
    """What moves each paradigm's energy most by its own interval; else what would if it were off."""
    lines = []
    for outcome in found.outcomes:
        own = [one for one in found.swings if one.paradigm == outcome.name]
        moving = [one for one in own if one.span_j]
        if moving:
            lines += [f"{outcome.name}: {swing_line(one)}" for one in moving[:MOST_SWINGS]]
        elif own:
            first = own[0]
            lines.append(
                f"{outcome.name}: no input has an interval; 1 % more {first.factor}: "
                f"{first.elasticity:+.2f} % energy"
            )
    return lines


def swing_line(one: Swing) -> str:
    """Such as "link.kwh_per_gb 0.0019 … 0.6 kWh/GB: 2.4639 Wh … 788.4 Wh"."""
    ends = sorted((one.energy_at_low_j, one.energy_at_high_j))
    return f"{one.factor} {span(one)}: {energy(ends[0])} … {energy(ends[1])}"


def span(one: Swing) -> str:
    """From which value to which an input goes, such as "1.00 … 8.00 Mbit"."""
    if one.unit in _PREFIXED:
        return f"{si(one.low, one.unit)} … {si(one.high, one.unit)}"
    unit = "" if one.unit == "1" else f" {one.unit}"
    return f"{plain(one.low)} … {plain(one.high)}{unit}"


def resource_lines(found: Simulation) -> list[str]:
    """Primary energy, manufacture included, and water, of the paradigms of which they are known."""
    lines = []
    for outcome in found.outcomes:
        whole = outcome.total
        known = [] if math.isnan(whole.primary_j) else [f"{si(whole.primary_j, 'J')} of primary energy"]
        known += [] if math.isnan(whole.water_l) else [f"{whole.water_l:.3g} l of water"]
        if known:
            lines.append(f"{outcome.name}: {', '.join(known)}")
    return lines


def consensus_lines(found: Simulation) -> list[str]:
    """How soon graphs agree, which is theory, how long a round takes, and who takes part."""
    lines = []
    for one in found.agreements:
        how = f"spectral gap {1 - one.contraction:.5f}"
        if one.weights.endswith(PLAYED):
            how = f"a round leaves {100 * one.contraction:.1f} % of the distance"
        best = "" if one.gap_optimised is None else f"; best weights found: {one.gap_optimised:.5f}"
        lines.append(
            f"{one.paradigm}, {one.graph} of {one.nodes}: {how} "
            f"({one.weights}){best}; {one.messages_a_round:.0f} messages a round"
        )
        if one.rounds_a_decade is None or one.energy_a_decade_j is None:
            lines.append("the nodes never agree")
        else:
            lines.append(
                f"in theory {one.rounds_a_decade:.1f} rounds and {energy(one.energy_a_decade_j)} of messages "
                "bring them ten times closer; how many rounds the target takes is for training to tell"
            )
    lines += [
        f"a round over a {one.overlay}: {1000 * one.cycle_s:,.1f} ms, {one.messages_a_round} messages"
        for one in found.cycle_times
    ]
    for name, sites in found.presences.items():
        awake = ", ".join(f"{site.site} {100 * site.awake:.0f} %" for site in sites)
        lines.append(f"{name}: awake {awake} of the time; fairness {fairness(sites):.3f} (1: all alike)")
    return lines


def score_lines(found: Simulation) -> list[str]:
    """The provider's and the consumer's scores."""
    return [f"{one.paradigm}, {one.role}: {mass(one.kg)} CO2e per {one.per}" for one in found.scores]
