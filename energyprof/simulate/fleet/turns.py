"""One turn of each client asked: how long it lasts, what it takes, and whether it is broken off."""

from __future__ import annotations

from typing import Any

from energyprof.simulate.fleet.clients import Clients
from energyprof.simulate.fleet.cost import Costs
from energyprof.simulate.fleet.reserves import CHUNK
from energyprof.simulate.numerics import load
from energyprof.storable.frozen import dataclass


@dataclass(frozen=True)
class Turns:
    """Arrays over the clients asked."""

    asked: Any  # indices
    arrives_s: Any  # since they were asked; inf: broken off
    ends_s: Any  # when the client is done with it, either way
    train_j: Any
    link_j: Any
    start_j: Any
    joules: Any  # the three together


class TurnMaker:
    """Turns from generators of its own, so that neither chunks nor who is asked mixes up their order."""

    def __init__(
        self, clients: Clients, costs: Costs, dropout: float, jitter_rng: Any, drop_rng: Any
    ) -> None:
        self._clients, self._costs, self._dropout = clients, costs, dropout
        self._jitter_rng, self._drop_rng = jitter_rng, drop_rng
        self._link_j = clients.down_j + clients.up_j
        self._jitters = any(device.jitter for device in clients.devices)

    def make(self, asked: Any, samples: Any) -> Turns:
        """The turns of the clients with indices ``asked``, ascending; ``samples``: theirs, or each one's."""
        numpy = load("numpy")
        samples = numpy.broadcast_to(samples, asked.shape)
        # In one piece, which the C library keeps for the next round: five would come fresh from the system.
        columns = numpy.empty((6, len(asked)))
        everyone = len(asked) == self._clients.count
        for begin in range(0, len(asked), CHUNK):
            here = slice(begin, min(begin + CHUNK, len(asked)))
            part = here if everyone else asked[here]
            for column, made in zip(columns, self._chunk(numpy, part, samples[here]), strict=True):
                column[here] = made
        return Turns(asked, *columns)

    def _chunk(self, numpy: Any, part: Any, samples: Any) -> tuple[Any, ...]:
        clients = self._clients
        train_s = samples / clients.samples_per_s[part]
        train_j = self._costs.work_j(part, samples)
        if self._jitters:
            slower = numpy.exp(clients.jitter[part] * self._jitter_rng.standard_normal(len(samples)))
            train_s *= slower
            train_j *= slower
        arrives_s = clients.fixed_s[part] + train_s
        ends_s, link_j = arrives_s, self._link_j[part]
        if self._dropout:
            # One number says both whether it is broken off and, if so, how far it had come.
            lot = self._drop_rng.random(len(samples)) / self._dropout
            broken = numpy.flatnonzero(lot < 1)
            ends_s = arrives_s.copy()
            ends_s[broken] -= train_s[broken] * (1 - lot[broken])
            arrives_s[broken] = numpy.inf
            train_j[broken] *= lot[broken]
            link_j = link_j.copy()
            link_j[broken] -= clients.up_j[part][broken]
        start_j = clients.start_j[part]
        return arrives_s, ends_s, train_j, link_j, start_j, train_j + link_j + start_j
