"""How many samples each client asked trains in a round, by the way in which the work is split."""

from __future__ import annotations

import math
from typing import Any

from energyprof.errors import UsageError
from energyprof.simulate.fleet.clients import Clients
from energyprof.simulate.fleet.cost import Costs
from energyprof.simulate.fleet.device import Training
from energyprof.simulate.fleet.reserves import Reserves
from energyprof.simulate.fleet.split import fill, least_energy, possible
from energyprof.simulate.numerics import load

# A table of every client's joules by its units holds no more numbers than this.
MOST_COSTS = 20_000_000


def work(training: Training, clients: Clients, costs: Costs, reserves: Reserves, asked: Any) -> Any:
    """Samples of each of ``asked``, or one number; ``training.samples`` a client, less what is not paid.

    Raises:
        UsageError: the clients cannot do so much by the deadline.
    """
    numpy = load("numpy")
    if training.split == "equal":
        return float(training.samples)
    left_j = reserves.left_j(asked)
    paid = numpy.full(len(asked), numpy.inf) if left_j is None else costs.affordable(asked, left_j)
    if training.split == "proportional":
        speed = clients.samples_per_s[asked]
        found = training.samples * len(asked) * speed / speed.sum()
        most = numpy.inf if training.most_samples is None else training.most_samples
        return numpy.minimum(numpy.minimum(found, paid), most)
    units = math.ceil(training.samples * len(asked) / training.batch)
    most = _most(training, clients, asked)
    possible(units, int(most.sum()))
    # Where joules are short, as much is trained as there are joules for.
    most = numpy.minimum(most, numpy.floor(numpy.minimum(paid / training.batch, units) * (1 + 1e-12)))
    most = most.astype(numpy.int64)
    units = min(units, int(most.sum()))
    if costs.linear:
        return training.batch * fill(units, costs.work_j(asked, numpy.full(len(asked), 1.0)), most)
    table = _table(training, costs, asked, most)
    return training.batch * least_energy(units, table, most)


def _most(training: Training, clients: Clients, asked: Any) -> Any:
    """Units that each client can do in a round: by its most samples and the deadline."""
    numpy = load("numpy")
    most = numpy.full(len(asked), float(training.samples * len(asked) + training.batch))
    if training.most_samples is not None:
        most = numpy.minimum(most, training.most_samples)
    if training.deadline_s is not None:
        left_s = numpy.maximum(training.deadline_s - clients.fixed_s[asked], 0.0)
        most = numpy.minimum(most, left_s * clients.samples_per_s[asked])
    return numpy.floor(most / training.batch * (1 + 1e-12))


def _table(training: Training, costs: Costs, asked: Any, most: Any) -> Any:
    """J of each client by its units, ``(k, most + 1)``; none for none: who trains nothing is not asked."""
    numpy = load("numpy")
    columns = int(most.max()) + 1
    if columns * len(asked) > MOST_COSTS:
        raise UsageError(
            f"split: {len(asked):,} clients by {columns:,} units are too many for least energy with start_j, "
            "link_w or turn_j: give a larger batch, most_samples, or fewer active clients"
        )
    table = numpy.zeros((len(asked), columns))
    fixed_j = costs.fixed_j(asked)
    for units in range(1, columns):
        samples = numpy.full(len(asked), float(units * training.batch))
        table[:, units] = costs.work_j(asked, samples) + fixed_j
    return table
