"""What a fleet's training took, in words: a line for each finding."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping

from energyprof.formats.simulation_words import energy, mass, plain
from energyprof.simulate.fleet.device import Device, Measured
from energyprof.simulate.fleet.excess import ExcessPlan
from energyprof.simulate.fleet.fleet import Doubt, FleetOutcome
from energyprof.units import percent, seconds, si

HEAD = "SIMULATED from the fleet below, not measured."
DAY_S = 86400.0


def asked(found: FleetOutcome) -> list[str]:
    """How many clients train how."""
    training = found.scenario.training
    if training.aggregation == "asynchronous":
        how = f"{training.active:,} at work at a time, a step every {training.buffer:,} updates"
    else:
        how = f"{training.active:,} a round"
        how += f" and {training.backup:,} beside them" if training.backup else ""
        how += ", waiting for as many as pays" if training.waiting == "dynamic" else ""
    return [f"{many(training.clients, 'client')}, {how}", f"split {training.split}, seed {training.seed}"]


def reached(found: FleetOutcome) -> str:
    """Whether the target was reached, and why not."""
    one = "step" if found.scenario.training.aggregation == "asynchronous" else "round"
    if not found.why:
        return f"target reached in {many(found.rounds, one)}"
    return f"target not reached, {100 * found.progress:.3g} % of the way: {found.why}"


def totals(time_s: float, joules: float, co2_kg: float) -> list[str]:
    """Time, energy and, where it is known, carbon."""
    carbon = [] if math.isnan(co2_kg) else [f"{mass(co2_kg)} CO2e"]
    return [long(time_s), energy(joules), *carbon]


def played_once(found: FleetOutcome) -> str:
    """Why there is no interval."""
    again = "" if found.why else ": --set fleet.draws=20 plays it again so often"
    return f"played once, so without an interval{again}"


def missed(doubt: Doubt) -> str:
    """How many of the other draws do not reach the target."""
    return f"{doubt.draws - doubt.reached:,} of {doubt.draws:,} other draws do not reach the target"


def many(count: int, what: str) -> str:
    """Such as "1 round" and "2,000 rounds"."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def long(time_s: float) -> str:
    """A duration, in days if it is long."""
    return f"{time_s / DAY_S:.3g} days" if time_s >= 2 * DAY_S else seconds(time_s)


def lines(found: FleetOutcome) -> list[str]:
    """What became of turns, and what the result owes to what."""
    turns, client = found.turns, found.client_j
    said = [
        f"turns: {turns['used']:,} used, {turns['late']:,} late (charged, discarded), "
        f"{turns['broken off']:,} broken off",
        f"bytes: {si(found.bytes_down, 'B')} down, {si(found.bytes_up, 'B')} up",
        f"a client's turns: median {si(client['median'], 'J')}, 95 % under {si(client['p95'], 'J')}, "
        f"most {si(client['most'], 'J')}",
        f"fairness {found.fairness:.3f} (1: all alike); in no model: {many(found.unused, 'client')}",
    ]
    if found.harvested_j:
        said.append(
            f"the sun gave {energy(found.harvested_j)}, by a clear sky in closed form and drawn clouds"
        )
    if found.mean_staleness is not None:
        said.append(f"an update used was {found.mean_staleness:.3g} steps old in the mean")
    if found.rounds_of_theory:
        said.append(f"theory, not measured: {theory(found)}")
    return said


def theory(found: FleetOutcome) -> str:
    """What the number of rounds owes to theory."""
    count = f"{found.rounds_of_theory:,} of {found.rounds:,}"
    if found.scenario.training.aggregation == "asynchronous":
        return f"what stale updates are worth, in {count} steps"
    return f"what a round is worth, in {count} with more or fewer clients than any measured"


def excess_lines(plan: ExcessPlan) -> list[str]:
    """A round within the power domains."""
    chosen = Counter((kind, domain) for kind, domain, _ in plan.clients)
    what = "client" if plan.rounds == 1 else "turn"
    better = f" ({percent(plan.samples / plan.in_turn_samples - 1)})" if plan.in_turn_samples else ""
    said = [
        f"{many(len(plan.clients), what)} for {plain(plan.samples)} samples, with "
        f"{energy(plan.energy_j)} of {energy(plan.spare_j)}",
        f"  {_near(plan.gap)}; the thriftiest first: {many(plan.in_turn_clients, what)}, "
        f"{plain(plan.in_turn_samples)}{better}",
    ]
    if plan.without:
        said.append(f"  {many(plan.without, 'round')} without: not enough power for so many clients")
    return said + [f"  {domain}: {count:,} × {kind}" for (kind, domain), count in sorted(chosen.items())]


def _near(gap: float) -> str:
    return f"within {100 * gap:.2g} % of the most" if gap > 1e-6 else "the most that there is"


def by_reports(found: FleetOutcome) -> list[str]:
    """A line for each kind whose speed and watts a report measured or estimated."""
    return [f"  {kind.name} by {kind.source}" for kind in found.kinds if kind.source != Device.source]


def measured(one: Measured) -> str:
    """Such as "100: 120 (given)"."""
    return f"{plain(one.clients)}: {plain(one.rounds)} ({one.source})"


FIGURES: Mapping[str, tuple[str, Callable[[float], str]]] = {
    "energy_j": ("energy", energy),
    "time_s": ("time", long),
    "co2_kg": ("CO2e", mass),
}


def span(said: Callable[[float], str], low: float, high: float) -> str:
    """Such as "5.0000 Wh … 5.5556 Wh"; the most of a training that does not get there is none."""
    return f"{said(low)} … {'target missed' if math.isinf(high) else said(high)}"
