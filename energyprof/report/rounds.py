"""The rounds of a run: the joules of each, of its clients and of the server, phase by phase."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence, Set

from energyprof.report.energy import Energy
from energyprof.report.record import ClientRecord, Phase, PhaseSum, RoundRecord
from energyprof.report.round_intervals import Exchanged, RoundInterval

# In these an actor only waits for others: what the machine uses meanwhile is theirs, if they are on it.
WAITING = frozenset({"wait"})

AT_ONCE = "others computed at the same time"
NO_PHASE = "it told of no phase of its own"
NOT_MEASURED = "a phase of it was not measured"


def round_records(
    rounds: Sequence[RoundInterval], energies: Sequence[Energy], phases: Sequence[Phase], node: str
) -> tuple[RoundRecord, ...]:
    """The rounds with their joules.

    Args:
        rounds: in the order of their times.
        energies: of each of them, over its interval.
        phases: the run's, in the order of their starts.
        node: the machine that all of it ran on.
    """
    acting = [phase for phase in phases if phase.actor]
    beside = _beside(acting)
    if len({phase.actor for phase in acting}) > 1:
        beside |= {id(phase) for phase in acting if phase.name in WAITING}
    starts_s = [phase.start_s for phase in acting]
    found = []
    for interval, energy in zip(rounds, energies, strict=True):
        first, last = (bisect_left(starts_s, edge) for edge in (interval.start_s, interval.end_s))
        within: dict[str, list[Phase]] = {}
        for phase in acting[first:last]:
            within.setdefault(phase.actor, []).append(phase)
        clients = tuple(_client(one, within.pop(one.client, []), beside, node) for one in interval.exchanges)
        found.append(
            RoundRecord(
                interval.number,
                interval.score,
                energy.joules,
                energy.u_j,
                interval.end_s - interval.start_s,
                sum(client.bytes_up for client in clients),
                sum(client.bytes_down for client in clients),
                clients,
                _sums([phase for own in within.values() for phase in own], beside),
                interval.scores,
            )
        )
    return tuple(found)


def _client(exchange: Exchanged, phases: Sequence[Phase], beside: Set[int], node: str) -> ClientRecord:
    own = [phase for phase in phases if phase.name not in WAITING]
    reason = ""
    if not own:
        reason = NO_PHASE
    elif any(id(phase) in beside for phase in own):
        reason = AT_ONCE
    elif any(phase.energy_j is None for phase in own):
        reason = NOT_MEASURED
    return ClientRecord(
        exchange.client,
        node,
        None if reason else _sum(phase.energy_j for phase in own),
        None if reason else _sum(phase.energy_u_j for phase in own),
        math.fsum(phase.end_s - phase.start_s for phase in own) if own else None,
        exchange.samples,
        exchange.bytes_up,
        exchange.bytes_down,
        _sums(phases, beside),
        exchange.outcome,
        reason,
    )


def _sums(phases: Sequence[Phase], beside: Set[int]) -> Mapping[str, PhaseSum]:
    named: dict[str, list[Phase]] = {}
    for phase in phases:
        named.setdefault(phase.name, []).append(phase)
    return {name: _phase_sum(own, beside) for name, own in named.items()}


def _phase_sum(phases: Sequence[Phase], beside: Set[int]) -> PhaseSum:
    time_s = math.fsum(phase.end_s - phase.start_s for phase in phases)
    if any(id(phase) in beside for phase in phases):
        return PhaseSum(None, None, time_s)
    joules, u_j = _sum(phase.energy_j for phase in phases), _sum(phase.energy_u_j for phase in phases)
    return PhaseSum(joules, u_j, time_s)


def _sum(amounts: Iterable[float | None]) -> float | None:
    """Their sum; of uncertainties, too: phases of one meter that follow each other err together."""
    known = list(amounts)
    return None if None in known else math.fsum(amount for amount in known if amount is not None)


def _beside(phases: Sequence[Phase]) -> Set[int]:
    """The ids of those phases, in the order of their starts, in which several actors computed at once."""
    found: set[int] = set()
    running: list[Phase] = []
    for phase in phases:
        if phase.name in WAITING:
            continue
        running = [other for other in running if other.end_s > phase.start_s]
        for other in running:
            if other.actor != phase.actor and phase.end_s > phase.start_s:
                found |= {id(other), id(phase)}
        running.append(phase)
    return found
