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
        self._links = any(device.link_w for device in clients.devices)
        self._starts = any(device.start_j for device in clients.devices)

    def make(self, asked: Any, samples: Any) -> Turns:
        """The turns of the clients with indices ``asked``, ascending; ``samples``: theirs, or each one's."""
        numpy = load("numpy")
        # In one piece, which the C library keeps for the next round: five would come fresh from the system.
        columns = numpy.empty((6, len(asked)))
        everyone = len(asked) == self._clients.count
        for begin in range(0, len(asked), CHUNK):
            here = slice(begin, min(begin + CHUNK, len(asked)))
            part = here if everyone else asked[here]
            self._chunk(numpy, part, samples[here] if numpy.ndim(samples) else samples, columns[:, here])
        return Turns(asked, *columns)

    def _chunk(self, numpy: Any, part: Any, samples: Any, columns: Any) -> None:
        """Fill in the turns of the clients ``part``; each column is written where it stays."""
        clients = self._clients
        arrives_s, ends_s, train_j, link_j, start_j, joules = columns
        train_s = numpy.divide(samples, clients.samples_per_s[part], out=joules)
        train_j[:] = self._costs.work_j(part, numpy.broadcast_to(samples, train_s.shape))
        if self._jitters:
            slower = self._jitter_rng.standard_normal(out=ends_s)
            slower *= clients.jitter[part]
            numpy.exp(slower, out=slower)
            train_s *= slower
            train_j *= slower
        numpy.add(clients.fixed_s[part], train_s, out=arrives_s)
        ends_s[:] = arrives_s
        link_j[:] = self._link_j[part] if self._links else 0.0
        if self._dropout:
            # One number says both whether it is broken off and, if so, how far it had come.
            lot = self._drop_rng.random(len(train_s))
            broken = numpy.flatnonzero(lot < self._dropout)
            came = lot[broken] / self._dropout
            ends_s[broken] -= train_s[broken] * (1 - came)
            arrives_s[broken] = numpy.inf
            train_j[broken] *= came
            if self._links:
                link_j[broken] -= clients.up_j[part][broken]
        start_j[:] = clients.start_j[part] if self._starts else 0.0
        numpy.add(train_j, link_j, out=joules)
        joules += start_j
