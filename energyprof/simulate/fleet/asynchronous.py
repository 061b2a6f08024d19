"""Training without rounds: the server takes updates as they come, and steps at every so many.

FedBuff (Nguyen et al., AISTATS 2022): ``active`` clients are at work at any time, a step takes ``buffer``
updates, one that began s steps before counts 1/√(1 + s) of one. Here whoever has delivered is replaced at the
next step, by a client that begins with the model made there. What so weighted updates are worth is theory.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from energyprof.simulate.fleet.rounds import (
    World,
    choose,
    go_on,
    not_enough,
    step,
    trainers,
    wait_for,
    why_nobody,
)
from energyprof.simulate.fleet.turns import Turns
from energyprof.simulate.numerics import load
from energyprof.storable.frozen import dataclass


@dataclass(frozen=True)
class _Flight:
    """Turns under way; times are since the training began."""

    turns: Turns
    began: Any  # the step

    def part(self, which: Any) -> _Flight:
        """Some of them."""
        return _Flight(Turns(*(column[which] for column in vars(self.turns).values())), self.began[which])


def asynchronous(world: World) -> str:
    """Steps until the target; "" when it is reached, else why it is not. Raises UsageError as rounds do."""
    training, ledger = world.training, world.ledger
    flight = _begin(world, None)
    while flight is not None:
        flight = _step(world, flight)
        if ledger.progress >= 1 - 1e-9:
            _strand(world, flight)
            return ""
        if ledger.rounds >= training.most_rounds:
            _strand(world, flight)
            return not_enough(world, "steps", "most_stale")
        flight = _begin(world, flight)
    return why_nobody(world)


def _begin(world: World, flight: _Flight | None) -> _Flight | None:
    """With new clients in the free places; None: nobody is at work, and nobody will be."""
    numpy, ledger = load("numpy"), world.ledger
    there = 0 if flight is None else len(flight.began)
    places = world.training.active - there
    if not places:
        return flight
    asked = choose(world, places) if there else wait_for(world, places)
    if asked is None or not len(asked):
        return flight if there else None
    asked, samples = trainers(world, asked)
    made = world.maker.make(asked, samples)
    world.reserves.take(asked, made.joules)
    world.reserves.busy(asked, ledger.time_s + made.ends_s)
    world.emissions.clients(asked, made.joules, ledger.time_s, ledger.time_s + float(made.ends_s.mean()))
    ledger.bytes_down += world.training.model_bytes * len(asked)
    turns = dataclasses.replace(
        made, arrives_s=made.arrives_s + ledger.time_s, ends_s=made.ends_s + ledger.time_s
    )
    new = _Flight(turns, numpy.full(len(asked), ledger.rounds))
    return new if flight is None else _joined(numpy, flight, new)


def _joined(numpy: Any, one: _Flight, other: _Flight) -> _Flight:
    columns = zip(vars(one.turns).values(), vars(other.turns).values(), strict=True)
    turns = Turns(*(numpy.concatenate(pair) for pair in columns))
    return _Flight(turns, numpy.concatenate([one.began, other.began]))


def _step(world: World, flight: _Flight) -> _Flight:
    """Until the buffer is full, or all that are at work are done; gives those still at work."""
    numpy, training, ledger = load("numpy"), world.training, world.ledger
    turns = flight.turns
    arriving = int(numpy.isfinite(turns.arrives_s).sum())
    if arriving >= training.buffer:
        now_s = float(numpy.partition(turns.arrives_s, training.buffer - 1)[training.buffer - 1])
    else:
        now_s = float(turns.ends_s.max())
    done = turns.ends_s <= now_s
    came = flight.part(done)
    stale = ledger.rounds - came.began
    broken = numpy.isinf(came.turns.arrives_s)
    fresh = ~broken if training.most_stale is None else ~broken & (stale <= training.most_stale)
    ledger.enter(came.turns, fresh, broken)
    ledger.bytes_up += training.update_bytes * float((~broken).sum())
    ledger.staleness += float(stale[fresh].sum())
    go_on(world, max(0.0, now_s - ledger.time_s))
    step(world, float((1 / numpy.sqrt(1 + stale[fresh])).sum()), lambda updates: True)
    return flight.part(~done)


def _strand(world: World, flight: _Flight) -> None:
    """Who is still at work at the end finishes it in vain: burnt, but in no model."""
    numpy = load("numpy")
    broken = numpy.isinf(flight.turns.arrives_s)
    world.ledger.enter(flight.turns, numpy.zeros(len(broken), bool), broken)
    world.ledger.bytes_up += world.training.update_bytes * float((~broken).sum())
