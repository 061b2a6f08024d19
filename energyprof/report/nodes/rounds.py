"""Rounds of a training whose clients were metered on devices of their own: theirs in the server's."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterator, Mapping

from energyprof.report.nodes.added import summed
from energyprof.report.phases import counts
from energyprof.report.record import ClientRecord, RoundRecord, Run

NO_REPORT = "no report of its device has this round"


def joined_rounds(runs: Mapping[str, Run], why: str) -> tuple[RoundRecord, ...]:
    """The rounds as the node that aggregates tells them, each client's joules from the device that it ran on.

    A round's joules are those of all nodes, each over the round by its own clock; ``why``: they cannot be
    added. Empty: no node aggregates, or none of the others has rounds.
    """
    server = _server(runs)
    others = {name: run for name, run in runs.items() if name != server and run.rounds}
    if not server or not others:
        return ()
    told = {(n, r.round): r for n, run in others.items() for r in run.rounds}
    # A device that was cut off in its first round has phases of its client, and no round.
    places = {phase.actor: n for n, run in runs.items() if n != server for phase in run.phases}
    found = []
    for one in runs[server].rounds:
        parts = {name: told[name, one.round] for name in others if (name, one.round) in told}
        own = {client.client: (name, client) for name, part in parts.items() for client in part.clients}
        whole = [one, *parts.values()]
        found.append(
            dataclasses.replace(
                one,
                energy_j=None if why else summed(part.energy_j for part in whole),
                energy_u_j=None if why else summed(part.energy_u_j for part in whole),
                clients=tuple(_client(client, own, places) for client in one.clients),
            )
        )
    return tuple(found)


def round_lags(runs: Mapping[str, Run], zeros: Mapping[str, float]) -> dict[str, float]:
    """How far each device's turns lie outside the rounds that they are of, in s: only a clock can do that.

    A client begins a round after the server did, and before that is over. Positive: its clock is ahead.
    """
    server = _server(runs)
    if not server:
        return {}
    spans = {n: (start_s, end_s) for n, start_s, end_s in _spans(runs[server], zeros[server])}
    found = {}
    for name, run in runs.items():
        begun = [] if name == server else list(_spans(run, zeros[name]))
        outside = [
            start_s - end_s if start_s > end_s else min(0.0, start_s - start_of_s)
            for number, start_s, _ in begun
            if number in spans
            for start_of_s, end_s in [spans[number]]
        ]
        if outside and all(outside):
            found[name] = statistics.median(outside)
    return found


def _server(runs: Mapping[str, Run]) -> str:
    return next((name for name, run in runs.items() if any(one.server for one in run.rounds)), "")


def _spans(run: Run, zero_s: float) -> Iterator[tuple[int, float, float]]:
    """Each round's number, start and end: they follow each other from the start of the training on."""
    start_s = zero_s + min((phase.start_s for phase in run.phases if counts(phase.name)), default=0.0)
    for one in run.rounds:
        yield one.round, start_s, start_s + one.time_s
        start_s += one.time_s


def _client(
    told: ClientRecord, own: Mapping[str, tuple[str, ClientRecord]], places: Mapping[str, str]
) -> ClientRecord:
    """What the server says of a client's part, with what its device measured.

    ``places``: the node of each client in any round: the server's own is none of them.
    """
    if told.client not in own:
        return dataclasses.replace(told, node=places.get(told.client, ""), reason=told.reason and NO_REPORT)
    name, found = own[told.client]
    return dataclasses.replace(
        told,
        node=name,
        energy_j=found.energy_j,
        energy_u_j=found.energy_u_j,
        time_s=found.time_s,
        samples=max(told.samples, found.samples),
        phases=found.phases,
        reason=found.reason,
    )
