"""Rounds of the fleet within its power domains' spare power: by the programme, and by serving in turn."""

from __future__ import annotations

from typing import Annotated, Any

from energyprof.decode import Amount, Name, Positive, Range
from energyprof.errors import UsageError
from energyprof.simulate.fleet.clients import Clients
from energyprof.simulate.fleet.device import Latitude, Longitude
from energyprof.simulate.fleet.domains import Excess, allot, in_turn
from energyprof.simulate.fleet.sun import FULL_W_PER_M2, clear_sky
from energyprof.simulate.numerics import load
from energyprof.storable.frozen import dataclass


@dataclass(frozen=True)
class Domain:
    """Where clients take their power from, and what it has to spare."""

    name: Name
    devices: tuple[Name, ...]  # kinds
    power_w: Amount = 0.0  # all the time
    panel_w: Amount = 0.0  # at 1,000 W/m², under a clear sky
    latitude: Latitude | None = None
    longitude: Longitude = 0.0


@dataclass(frozen=True)
class ExcessAsked:
    """What a round wants of the domains."""

    clients: Annotated[int, Range(1, 10_000)]
    least_samples: Positive
    most_samples: Positive
    domain: tuple[Domain, ...]
    candidates: Annotated[int, Range(1, 1000)] = 100  # drawn of the clients in the domains
    steps: Annotated[int, Range(1, 1000)] = 60
    step_s: Annotated[float, Range(1, 86400)] = 60.0
    rounds: Annotated[int, Range(1, 1000)] = 1  # one after the other, each with other candidates


@dataclass(frozen=True)
class ExcessPlan:
    """The best rounds that were found, together."""

    samples: float
    energy_j: float
    gap: float  # how far from the best it may be, relative
    in_turn_samples: float  # had the thriftiest been served first
    in_turn_clients: int
    spare_j: float
    clients: tuple[tuple[str, str, float], ...]  # kind, domain, samples of each that is chosen
    rounds: int = 1
    without: int = 0  # rounds for which there was no power, or no client that it is enough for


def planned(asked: ExcessAsked, clients: Clients, start_s: float, rng: Any) -> ExcessPlan:
    """The rounds from ``start_s`` since 1970 on, each chosen by the programme anew.

    Raises:
        UsageError: there is none.
    """
    found: list[ExcessPlan] = []
    why: UsageError | None = None
    for number in range(asked.rounds):
        begins_s = start_s + number * asked.steps * asked.step_s
        try:
            found.append(_round(asked, clients, begins_s, rng))
        except UsageError as error:
            why = why or error
    if not found:
        assert why is not None  # there is a round
        raise why
    return ExcessPlan(
        sum(one.samples for one in found),
        sum(one.energy_j for one in found),
        max(one.gap for one in found),
        sum(one.in_turn_samples for one in found),
        sum(one.in_turn_clients for one in found),
        sum(one.spare_j for one in found),
        tuple(client for one in found for client in one.clients),
        asked.rounds,
        asked.rounds - len(found),
    )


def _round(asked: ExcessAsked, clients: Clients, start_s: float, rng: Any) -> ExcessPlan:
    """The round that begins at ``start_s`` since 1970. Raises UsageError: there is none."""
    numpy = load("numpy")
    names = [device.name for device in clients.devices]
    at = {kind: i for i, domain in enumerate(asked.domain) for kind in domain.devices}
    inside = numpy.concatenate(
        [
            numpy.arange(span.start, span.stop)
            for name, span in zip(names, clients.spans, strict=True)
            if name in at
        ]
    )
    if not len(inside):
        raise UsageError("excess: the fleet has no clients of the domains' kinds")
    count = min(asked.candidates, len(inside))
    drawn = numpy.sort(inside[rng.choice(len(inside), count, replace=False, shuffle=False)])
    of = [at[names[kind]] for kind in clients.kind[drawn]]
    excess = Excess(
        asked.clients,
        asked.least_samples,
        asked.most_samples,
        clients.samples_per_s[drawn] * asked.step_s,
        clients.joules_a_sample[drawn],
        numpy.array(of),
        numpy.array([_spare_j(numpy, domain, asked, start_s) for domain in asked.domain]),
    )
    found, simple = allot(excess), in_turn(excess)
    each = found.samples.sum(axis=1)
    chosen = numpy.flatnonzero(each > 0)
    return ExcessPlan(
        float(each.sum()),
        float((each * excess.joules_a_sample).sum()),
        found.gap,
        float(simple.sum()),
        int((simple.sum(axis=1) > 0).sum()),
        float(excess.spare_j.sum()),
        tuple(
            (names[clients.kind[drawn[i]]], asked.domain[of[i]].name, float(each[i])) for i in chosen.tolist()
        ),
    )


def _spare_j(numpy: Any, domain: Domain, asked: ExcessAsked, start_s: float) -> Any:
    """Joules of each step; ``(steps,)``."""
    spare_w = numpy.full(asked.steps, domain.power_w)
    if domain.panel_w and domain.latitude is not None:
        middles_s = start_s + (numpy.arange(asked.steps) + 0.5) * asked.step_s
        light = clear_sky(middles_s, domain.latitude, domain.longitude)
        spare_w = spare_w + domain.panel_w * light / FULL_W_PER_M2
    return spare_w * asked.step_s
