"""A fleet's training simulated to its target, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from energyprof.simulate.fleet.asynchronous import asynchronous
from energyprof.simulate.fleet.clients import Clients, draw
from energyprof.simulate.fleet.cost import Costs
from energyprof.simulate.fleet.course import Moment
from energyprof.simulate.fleet.device import Device, Measured, Training
from energyprof.simulate.fleet.emissions import Emissions
from energyprof.simulate.fleet.excess import ExcessAsked, ExcessPlan, planned
from energyprof.simulate.fleet.ledger import Ledger
from energyprof.simulate.fleet.progress import Rounds
from energyprof.simulate.fleet.reserves import Reserves
from energyprof.simulate.fleet.rounds import World, synchronous
from energyprof.simulate.fleet.sites import FleetSite
from energyprof.simulate.fleet.turns import TurnMaker
from energyprof.simulate.fleet.waiting import Dynamic, Static
from energyprof.simulate.numerics import load
from energyprof.simulate.placement.workers import Course
from energyprof.simulate.quantity import Quantity
from energyprof.storable.frozen import dataclass


@dataclass(frozen=True)
class Scenario:
    """All that a file says."""

    training: Training
    devices: tuple[Device, ...]
    rounds: tuple[Measured, ...]
    start_s: float  # since 1970
    descent: Course | None = None
    excess: ExcessAsked | None = None
    sites: tuple[FleetSite, ...] = ()
    sites_of: tuple[int | None, ...] = ()  # of the devices; empty: of none
    server_site: int | None = None
    doubts: Mapping[str, Quantity] = field(default_factory=dict)  # what may be off, by key


@dataclass(frozen=True)
class Spent:
    """What was spent at one site, its overhead included."""

    site: str
    energy_j: float
    co2_kg: float
    said: str  # the intensity's source


@dataclass(frozen=True)
class Kind:
    """The clients of one kind, together."""

    name: str
    clients: int
    energy_j: float
    turns: int  # that entered a model
    source: str


@dataclass(frozen=True)
class Doubt:
    """Of all figures that are known, over the draws that reached the target."""

    draws: int
    reached: int
    intervals: Mapping[str, tuple[float, float]]  # the middle 95 %
    # The least and the most, infinite where it does not get there; empty: no input has an interval.
    ends: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class FleetOutcome:
    """What the training took."""

    scenario: Scenario
    why: str  # it did not reach its target; "": it did
    progress: float
    rounds: int
    rounds_of_theory: int  # with numbers of clients beyond those measured, or by stale updates
    time_s: float
    energy_j: float
    parts: Mapping[str, float]  # J; they sum to energy_j
    turns: Mapping[str, int]  # used, late, broken off
    bytes_down: float
    bytes_up: float
    harvested_j: float  # by panels, into batteries and for standby
    mean_staleness: float | None  # None: there are rounds
    client_j: Mapping[str, float]  # least, median, p95, most; turns and waiting
    fairness: float  # Jain's, of turns used over the clients
    unused: int  # clients, none of whose turns entered a model
    kinds: tuple[Kind, ...]
    excess: ExcessPlan | None
    co2_kg: float  # NaN: no site is given, or some of the joules are spent at none
    sites: tuple[Spent, ...]
    course: tuple[Moment, ...]  # of the rounds; of many not each
    doubt: Doubt | None = None  # None: it was played once


def simulate(scenario: Scenario, entropy: Sequence[int] = ()) -> FleetOutcome:
    """What training with the fleet takes; the same for the same scenario, seed included.

    ``entropy``: in place of the seed, of another fleet of the same scenario.

    Raises:
        UsageError: a round cannot be had as asked.
        MissingPart: numpy is not installed.
    """
    numpy = load("numpy")
    training = scenario.training
    seeds = numpy.random.SeedSequence(list(entropy) or training.seed).spawn(6)
    streams = [numpy.random.default_rng(seed) for seed in seeds]
    clients = draw(scenario.devices, training, streams[0])
    excess = (
        None if scenario.excess is None else planned(scenario.excess, clients, scenario.start_s, streams[5])
    )
    costs = Costs(clients)
    everyone = slice(0, clients.count)
    ordinary = numpy.full(clients.count, float(training.samples))
    need_j = costs.fixed_j(everyone) + costs.work_j(everyone, ordinary)
    rounds = Rounds(scenario.rounds)
    world = World(
        training,
        clients,
        costs,
        Reserves(clients, need_j, scenario.start_s, streams[1]),
        rounds,
        Dynamic(rounds, scenario.descent) if training.waiting == "dynamic" else Static(training.active),
        TurnMaker(clients, costs, training.dropout, streams[2], streams[3]),
        Ledger(numpy.zeros(clients.count, dtype=numpy.int32)),
        streams[4],
        Emissions(
            scenario.sites,
            scenario.sites_of or (None,) * len(scenario.devices),
            scenario.server_site,
            clients,
            scenario.start_s,
        ),
    )
    why = synchronous(world) if training.aggregation == "synchronous" else asynchronous(world)
    return _outcome(scenario, world, why, excess)


def _outcome(scenario: Scenario, world: World, why: str, excess: ExcessPlan | None) -> FleetOutcome:
    numpy, ledger, spent_j = load("numpy"), world.ledger, world.reserves.spent_j
    emissions = world.emissions
    ledger.joules["overhead"] = emissions.overhead_j
    updates = ledger.turns["used"]
    marks = (("least", 0), ("median", 50), ("p95", 95), ("most", 100))
    stale = None if scenario.training.aggregation == "synchronous" else ledger.staleness / max(updates, 1)
    return FleetOutcome(
        scenario,
        why,
        min(1.0, ledger.progress),
        ledger.rounds,
        ledger.rounds_of_theory,
        ledger.time_s,
        sum(ledger.joules.values()),
        ledger.joules,
        ledger.turns,
        ledger.bytes_down,
        ledger.bytes_up,
        world.reserves.harvested_j,
        stale,
        {name: float(numpy.percentile(spent_j, at)) for name, at in marks},
        jain(ledger.used),
        int((ledger.used == 0).sum()),
        _kinds(world.clients, ledger, spent_j),
        excess,
        emissions.co2_kg,
        tuple(
            Spent(site.name, joules * site.pue, kg, site.said)
            for site, joules, kg in zip(scenario.sites, emissions.joules, emissions.kg, strict=True)
        ),
        ledger.course.until(ledger.now()),
    )


def _kinds(clients: Clients, ledger: Ledger, spent_j: Any) -> tuple[Kind, ...]:
    return tuple(
        Kind(
            device.name,
            span.stop - span.start,
            float(spent_j[span].sum()),
            int(ledger.used[span].sum()),
            device.source,
        )
        for device, span in zip(clients.devices, clients.spans, strict=True)
    )


def jain(turns: Any) -> float:
    """Jain's index: 1 if all clients have as many turns, towards 0 if few have all (DEC-TR-301, 1984)."""
    turns = turns.astype(float)
    squares = float((turns**2).sum())
    return float(turns.sum()) ** 2 / (len(turns) * squares) if squares else 1.0
