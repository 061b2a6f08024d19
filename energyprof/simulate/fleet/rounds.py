"""A fleet's training, round by round: who is asked, who is waited for, and what it all takes."""

from __future__ import annotations

from typing import Any

from energyprof.errors import UsageError
from energyprof.simulate.fleet.clients import Clients
from energyprof.simulate.fleet.cost import Costs
from energyprof.simulate.fleet.device import Training
from energyprof.simulate.fleet.emissions import Emissions
from energyprof.simulate.fleet.ledger import Ledger
from energyprof.simulate.fleet.progress import Rounds
from energyprof.simulate.fleet.reserves import Reserves
from energyprof.simulate.fleet.turns import TurnMaker, Turns
from energyprof.simulate.fleet.waiting import Waiting
from energyprof.simulate.fleet.work import work
from energyprof.simulate.numerics import load
from energyprof.storable.frozen import dataclass

# Where nobody can be asked, how long until the server looks again, and how long it has patience.
LOOK_S, PATIENCE_S = 900.0, 60 * 86400.0
# No training is waited for any longer.
MOST_S = 20 * 365.25 * 86400.0


@dataclass(frozen=True)
class World:
    """All that a training's rounds have to do with; what changes lies in ``reserves`` and ``ledger``."""

    training: Training
    clients: Clients
    costs: Costs
    reserves: Reserves
    rounds: Rounds
    waiting: Waiting
    maker: TurnMaker
    ledger: Ledger
    chooser: Any  # a generator
    emissions: Emissions


def synchronous(world: World) -> str:
    """Rounds until the target; "" when it is reached, else why it is not.

    Raises:
        UsageError: a round's work cannot be done as asked, or takes years.
    """
    training, ledger = world.training, world.ledger
    while ledger.progress < 1 - 1e-9:
        if ledger.rounds >= training.most_rounds:
            return not_enough(world, "rounds", "deadline_s")
        asked = wait_for(world, training.active + training.backup)
        if asked is None:
            return why_nobody(world)
        _round(world, asked)
    return ""


def _round(world: World, asked: Any) -> None:
    numpy = load("numpy")
    training, ledger, reserves = world.training, world.ledger, world.reserves
    asked, samples = trainers(world, asked)
    turns = world.maker.make(asked, samples)
    broken = numpy.isinf(turns.arrives_s)
    wanted = world.waiting.how_many(len(asked), ledger.progress)
    ends_s = _end(numpy, turns, broken, wanted, training.deadline_s)
    used = turns.arrives_s <= ends_s
    world.waiting.see(turns.ends_s)
    ledger.enter(turns, used, broken)
    others = numpy.flatnonzero(~used)
    late = others[~broken[others]]
    if len(late):
        reserves.busy(asked[late], ledger.time_s + turns.ends_s[late])
    joules = turns.joules
    if world.clients.idles:
        idle_j = ends_s - turns.ends_s
        idle_j *= world.clients.idle_w[asked]
        idle_j[others] = 0.0
        ledger.joules["waiting"] += float(idle_j.sum())
        joules = numpy.add(idle_j, joules, out=idle_j)
    reserves.take(asked, joules)
    if world.emissions.wanted:
        # Late work runs on beyond the round: it is charged by the round's grid, too.
        world.emissions.clients(asked, joules, ledger.time_s, ledger.time_s + ends_s)
    ledger.bytes_down += training.model_bytes * len(asked)
    ledger.bytes_up += training.update_bytes * float((~broken).sum())
    go_on(world, ends_s)
    step(world, float(used.sum()), world.rounds.is_theory)


def _end(numpy: Any, turns: Turns, broken: Any, wanted: int, deadline_s: float | None) -> float:
    """When it is over, s since it began: who is waited for is there, nobody else comes, or it is late."""
    if broken.sum() <= len(turns.asked) - wanted:
        last_s = float(numpy.partition(turns.arrives_s, wanted - 1)[wanted - 1])
    else:
        last_s = float(turns.ends_s.max())
    return last_s if deadline_s is None else min(last_s, deadline_s)


def trainers(world: World, asked: Any) -> tuple[Any, Any]:
    """Those of ``asked`` that get work, and their samples."""
    samples = work(world.training, world.clients, world.costs, world.reserves, asked)
    if world.training.split == "equal":
        return asked, samples
    return asked[samples > 0], samples[samples > 0]


def step(world: World, updates: float, is_theory: Any) -> None:
    """Go the part of the way that a round with so many updates leads."""
    ledger = world.ledger
    ledger.rounds += 1
    if updates > 0:
        ledger.progress += 1 / world.rounds.needed(updates)
        ledger.rounds_of_theory += int(is_theory(updates))
    ledger.course.see(ledger.now())


def go_on(world: World, lasts_s: float) -> None:
    """Let time pass for the fleet and its server. Raises UsageError: it has become too long."""
    ledger = world.ledger
    until_s = ledger.time_s + lasts_s
    if until_s > MOST_S:
        years = f"{MOST_S / 86400 / 365.25:.0f} years"
        raise UsageError(f"after {ledger.rounds:,} rounds it has taken more than {years}: see samples_per_s")
    standby_j = world.reserves.go_on(ledger.time_s, until_s)
    ledger.joules["standby"] += sum(standby_j)
    world.emissions.kinds(standby_j, ledger.time_s, until_s)
    ledger.joules["server"] += world.training.server_w * lasts_s
    world.emissions.server(world.training.server_w * lasts_s, ledger.time_s, until_s)
    ledger.time_s = until_s


def wait_for(world: World, count: int) -> Any:
    """Indices, ascending, of at most ``count`` clients drawn from those free; None: nobody ever is."""
    patience_s = world.ledger.time_s + PATIENCE_S
    while world.ledger.time_s < patience_s:
        asked = choose(world, count)
        if len(asked):
            return asked
        if not world.reserves.solvent():
            return None
        go_on(world, LOOK_S)
    return None


def choose(world: World, count: int) -> Any:
    """Those of the clients free now that the chooser draws, each of them as likely; ascending."""
    numpy = load("numpy")
    free = world.reserves.free(world.ledger.time_s)
    there = world.clients.count if free is None else len(free)
    if there <= count:
        return numpy.arange(there) if free is None else free
    drawn = numpy.sort(world.chooser.choice(there, count, replace=False, shuffle=False))
    return drawn if free is None else free[drawn]


def not_enough(world: World, what: str, limit: str) -> str:
    """In a line why rounds or steps did not lead to the target."""
    most = f"{world.training.most_rounds:,} {what}"
    if not world.ledger.turns["used"]:
        return f"in {most} no update came in time: {limit} is what binds"
    return f"{most} were not enough: raise most_rounds"


def why_nobody(world: World) -> str:
    """In a line why no client can be asked."""
    after = f"after {world.ledger.rounds:,} rounds no client"
    if not world.reserves.solvent():
        return f"{after} has a turn's joules left in its budget: budget_j is what binds"
    return f"{after} was free for {PATIENCE_S / 86400:.0f} days: batteries or the hours awake are what binds"
