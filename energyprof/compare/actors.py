"""What each client and the server of a training took, over the rounds of its runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from energyprof.report.record import ClientRecord, PhaseSum, RoundRecord, Run
from energyprof.report.rounds import NOT_MEASURED, WAITING
from energyprof.storable.frozen import dataclass

SERVER = "server"


@dataclass(frozen=True)
class ActorSum:
    """One actor over all rounds of a run, a mean over the runs that have rounds."""

    actor: str
    phases_j: dict[str, float]  # by name; what is not known is left out
    time_s: float
    samples: float
    bytes_up: float
    bytes_down: float
    rounds: float  # that it had a part in
    reason: str = ""  # why phases have no joules; "": they have

    @property
    def energy_j(self) -> float | None:
        """Its joules; ``None``: not known."""
        return None if self.reason else sum(self.phases_j.values())


def actors(runs: Sequence[Run]) -> tuple[ActorSum, ...]:
    """The clients in the order in which they come first, then the server; empty: there are no rounds."""
    having = [run for run in runs if run.rounds]
    if not having:
        return ()
    found: dict[str, list[ActorSum]] = {}
    for one in (part for run in having for number in run.rounds for part in of_round(number)):
        found.setdefault(one.actor, []).append(one)
    server = found.pop(SERVER, [])
    summed = [_together(parts, len(having)) for parts in found.values()]
    return (*summed, *([_together(server, len(having))] if server else []))


def of_round(found: RoundRecord) -> tuple[ActorSum, ...]:
    """Who had a part in a round: its clients, then the server."""
    clients = [
        ActorSum(
            client.client,
            _joules(client.phases.items()),
            _time_s(client),
            client.samples,
            client.bytes_up,
            client.bytes_down,
            1,
            client.reason,
        )
        for client in found.clients
    ]
    if not found.server:
        return tuple(clients)
    phases = found.server.values()
    spent_s = sum(phase.time_s for phase in phases)
    # While clients train at once the server waits, and a round's joules are nobody's.
    own = [phase for name, phase in found.server.items() if name not in WAITING]
    reason = NOT_MEASURED if any(phase.energy_j is None for phase in own) else ""
    return (*clients, ActorSum(SERVER, _joules(found.server.items()), spent_s, 0, 0, 0, 1, reason))


def _time_s(client: ClientRecord) -> float:
    """In its phases; its waiting among them where it had a machine of its own, and used joules in it."""
    known = [phase.time_s for phase in client.phases.values() if phase.energy_j is not None]
    return max(client.time_s or 0.0, sum(known))


def _joules(phases: Iterable[tuple[str, PhaseSum]]) -> dict[str, float]:
    return {name: phase.energy_j for name, phase in phases if phase.energy_j is not None}


def _together(parts: Sequence[ActorSum], runs: int) -> ActorSum:
    phases_j: dict[str, float] = {}
    for part in parts:
        for name, energy_j in part.phases_j.items():
            phases_j[name] = phases_j.get(name, 0.0) + energy_j / runs
    return ActorSum(
        parts[0].actor,
        phases_j,
        sum(part.time_s for part in parts) / runs,
        sum(part.samples for part in parts) / runs,
        sum(part.bytes_up for part in parts) / runs,
        sum(part.bytes_down for part in parts) / runs,
        sum(part.rounds for part in parts) / runs,
        next((part.reason for part in parts if part.reason), ""),
    )
