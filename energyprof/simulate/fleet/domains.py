"""One round within what power domains have to spare, as a mixed-integer programme (HiGHS).

FedZero (Wiesner et al., e-Energy 2024): of C clients n are chosen (b), and each step's samples m of each
allotted. Maximise Σ m, over m ≤ speed·step·b, Σ_t m between the least and the most of a chosen client,
Σ b = n, and in each step and domain Σ m·(J a sample) ≤ the joules that it has to spare. Of the rounds that
train as much, the one that takes the fewest joules.
"""

from __future__ import annotations

from typing import Any

from energyprof.errors import UsageError
from energyprof.simulate.numerics import load
from energyprof.storable.frozen import dataclass

# Nodes of the search, so that a slow machine finds the same; the time is for what hangs.
NODES, TIME_S = 200, 60.0
GAP = 1e-3
THRIFT_GAP = 5e-3  # to the fewest joules, of rounds that train as much
# What sums of samples may be off by, of themselves.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Excess:
    """Clients and the domains that feed them."""

    chosen: int  # how many a round wants
    least: float  # samples of a chosen client
    most: float
    speed: Any  # (clients,) samples a step
    joules_a_sample: Any  # (clients,)
    domain: Any  # (clients,) index
    spare_j: Any  # (domains, steps)


@dataclass(frozen=True)
class Allotted:
    """Samples of each client in each step, ``(clients, steps)``, and how far from the best they may be."""

    samples: Any
    gap: float


def allot(excess: Excess) -> Allotted:
    """The round in which most is trained.

    Raises:
        UsageError: so many clients cannot train the least; how many can is said.
    """
    found = _solve(excess, float(excess.chosen))
    if found is None:
        raise UsageError(_binding(excess))
    return found


def in_turn(excess: Excess) -> Any:
    """Samples, ``(clients, steps)``, when the thriftiest are served first; fewer may reach the least."""
    numpy = load("numpy")
    left_j = excess.spare_j.astype(float).copy()
    samples = numpy.zeros((len(excess.speed), left_j.shape[1]))
    chosen = 0
    for client in numpy.argsort(excess.joules_a_sample, kind="stable"):
        if chosen == excess.chosen:
            break
        domain = excess.domain[client]
        offered = numpy.minimum(excess.speed[client], left_j[domain] / excess.joules_a_sample[client])
        before = numpy.cumsum(offered) - offered
        given = numpy.clip(excess.most - before, 0.0, offered)
        if given.sum() < excess.least:
            continue
        samples[client] = given
        left_j[domain] -= given * excess.joules_a_sample[client]
        chosen += 1
    return samples


def _solve(excess: Excess, chosen: float) -> Allotted | None:
    numpy = load("numpy")
    count, steps = len(excess.speed), excess.spare_j.shape[1]
    # In units of the most: every coefficient is near 1.
    cost = numpy.concatenate([-numpy.ones(count * steps) / steps, numpy.zeros(count)])
    found = _milp(excess, cost, chosen, chosen)
    if found.x is None:
        return None
    gap = float(getattr(found, "mip_gap", 0.0) or 0.0)
    joules = numpy.repeat(excess.joules_a_sample / excess.joules_a_sample.max() / steps, steps)
    cost, trained = numpy.concatenate([joules, numpy.zeros(count)]), found.x[: count * steps].sum()
    thrifty = _milp(excess, cost, chosen, chosen, trained, THRIFT_GAP)
    found = found if thrifty.x is None else thrifty
    samples = numpy.clip(found.x[: count * steps].reshape(count, steps), 0.0, None) * excess.most
    samples[found.x[count * steps :] < 0.5] = 0.0
    return Allotted(samples, gap)


def _milp(
    excess: Excess,
    cost: Any,
    fewest: float,
    most_clients: float,
    trained: float = 0.0,
    gap: float = GAP,
) -> Any:
    """For so many clients, that train at least so much, in units of the most of one."""
    numpy, sparse, optimize = load("numpy"), load("scipy.sparse"), load("scipy.optimize")
    count, (domains, steps) = len(excess.speed), excess.spare_j.shape
    each = sparse.identity(count * steps, format="csr")
    per_client = sparse.kron(sparse.identity(count), numpy.ones((1, steps)), format="csr")
    speed = excess.speed / excess.most
    ceiling = sparse.kron(sparse.diags(speed), numpy.ones((steps, 1)), format="csr")
    member = sparse.csr_matrix(
        (excess.joules_a_sample * excess.most, (excess.domain, numpy.arange(count))), shape=(domains, count)
    )
    power = sparse.kron(member, sparse.identity(steps), format="csr")
    scale = numpy.maximum(excess.spare_j.reshape(-1), 1.0)
    rows = [
        (sparse.hstack([each, -ceiling]), -numpy.inf, 0.0),
        (sparse.hstack([per_client, -excess.least / excess.most * sparse.identity(count)]), 0.0, numpy.inf),
        (sparse.hstack([per_client, -sparse.identity(count)]), -numpy.inf, 0.0),
        (
            sparse.hstack([sparse.diags(1 / scale) @ power, sparse.csr_matrix((domains * steps, count))]),
            -numpy.inf,
            excess.spare_j.reshape(-1) / scale,
        ),
        (
            sparse.hstack([sparse.csr_matrix((1, count * steps)), numpy.ones((1, count))]),
            fewest,
            most_clients,
        ),
        (
            sparse.hstack([numpy.ones((1, count * steps)), sparse.csr_matrix((1, count))]),
            trained * (1 - _ROUNDING),
            numpy.inf,
        ),
    ]
    return optimize.milp(
        cost,
        integrality=numpy.concatenate([numpy.zeros(count * steps), numpy.ones(count)]),
        bounds=optimize.Bounds(0, 1),
        constraints=[optimize.LinearConstraint(sparse.csr_matrix(row), a, b) for row, a, b in rows],
        options={"node_limit": NODES, "time_limit": TIME_S, "mip_rel_gap": gap},
    )


def _binding(excess: Excess) -> str:
    """The line on a round that cannot be had."""
    numpy = load("numpy")
    count, steps = len(excess.speed), excess.spare_j.shape[1]
    whole = f"excess: {excess.chosen:,} of {count:,} clients cannot each train {excess.least:g} samples"
    if excess.chosen > count:
        return f"{whole}: there are only {count:,} in the domains"
    slow = int((excess.speed * steps < excess.least).sum())
    if count - slow < excess.chosen:
        return f"{whole}: {slow:,} of them are too slow for that in {steps} steps"
    cost = numpy.concatenate([numpy.zeros(count * steps), -numpy.ones(count)])
    found = _milp(excess, cost, 0.0, float(excess.chosen))
    if found.x is None:
        return f"{whole}: no answer in {NODES} nodes and {TIME_S:g} s; ask for fewer candidates"
    able = round(float(found.x[count * steps :].sum()))
    if able >= excess.chosen:  # it was time that was short, not power
        return f"excess: no answer in {NODES} nodes and {TIME_S:g} s; ask for fewer candidates"
    return f"{whole}: {able:,} can; the power of the domains is what binds"
