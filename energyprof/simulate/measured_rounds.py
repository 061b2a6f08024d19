"""What a report of a training by several clients measured: joules, seconds and bits a round of one client."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from energyprof.compare.figures import BY_NAME, value
from energyprof.errors import UsageError
from energyprof.report.record import ClientRecord, Report, RoundRecord, Run
from energyprof.report.rounds import NO_PHASE
from energyprof.simulate.measured import meter_gain
from energyprof.simulate.quantity import Basis, Quantity


@dataclass(frozen=True)
class _Sums:
    """Of one run's rounds."""

    rounds: int
    turns: int  # of clients, all rounds together
    clients_j: float
    clients_s: float
    server_j: float
    server_s: float
    bits_up: float
    bits_down: float


def counting(report: Report) -> list[Run]:
    """The runs that reached the target, have an energy, and have rounds."""
    return [run for run in report.runs if run.rounds and value(BY_NAME["energy_to_target"], run) is not None]


def client_names(runs: Sequence[Run]) -> set[str]:
    """Every client that took part in any round."""
    return {client.client for run in runs for one in run.rounds for client in one.clients}


def measured_rounds(report: Report, said: str, where: str) -> Mapping[str, Quantity]:
    """``rounds``, ``active``, ``clients``; a client's ``round_j``, ``round_s``, bits; the server's likewise.

    Means over the runs that reached the target. The ± of the meters is ``meter_gain``; rounds have the least
    and the most of any run; ``download_bits`` are those of all clients, of which each round reaches some.

    Raises:
        UsageError: no run reached it, or a client's joules in a round are not known.
    """
    runs = counting(report)
    if not runs:
        raise UsageError(f"{where}: none of its runs with rounds reached the target with an energy")
    sums = [_summed(run, where) for run in runs]
    clients = len(client_names(runs))
    turns, rounds = sum(one.turns for one in sums), sum(one.rounds for one in sums)
    basis: Basis = "measured" if report.origin == "measured" else "modelled"

    def of(amount: float, unit: str) -> Quantity:
        return Quantity(amount, amount, amount, unit, "measured", said)  # counted, whatever the meter

    def joules(amount: float) -> Quantity:
        return Quantity(amount, amount, amount, "J", basis, said)

    counts = [one.rounds for one in sums]
    return {
        "rounds": Quantity(rounds / len(runs), min(counts), max(counts), "1", "measured", said),
        "active": of(turns / rounds, "1"),
        "clients": of(clients, "1"),
        "meter_gain": meter_gain(report, runs, said),
        "round_j": joules(sum(one.clients_j for one in sums) / turns),
        "round_s": of(sum(one.clients_s for one in sums) / turns, "s"),
        "server_round_j": joules(sum(one.server_j for one in sums) / rounds),
        "server_round_s": of(sum(one.server_s for one in sums) / rounds, "s"),
        "upload_bits": of(sum(one.bits_up for one in sums) / turns, "bit"),
        "download_bits": of(sum(one.bits_down for one in sums) / (rounds * clients), "bit"),
    }


def _summed(run: Run, where: str) -> _Sums:
    turns = [client for one in run.rounds for client in one.clients]
    if not turns:
        raise UsageError(f"{where}: its rounds have no clients")
    missing = next((client for client in turns if not _known(client)), None)
    if missing is not None:
        raise UsageError(f"{where}: {missing.client} has no energy: {missing.reason}; --assume its round_j")
    return _Sums(
        len(run.rounds),
        len(turns),
        math.fsum(client.energy_j or 0.0 for client in turns),
        math.fsum(client.time_s or 0.0 for client in turns),
        math.fsum(_server(one, "energy_j") for one in run.rounds),
        math.fsum(_server(one, "time_s") for one in run.rounds),
        8.0 * sum(client.bytes_up for client in turns),
        8.0 * sum(client.bytes_down for client in turns),
    )


def _known(client: ClientRecord) -> bool:
    """Whether its joules are: those of a client that was called and did nothing are none."""
    idle = client.reason == NO_PHASE and client.samples == 0
    return client.energy_j is not None or idle


def _server(one: RoundRecord, figure: str) -> float:
    return math.fsum(getattr(phase, figure) or 0.0 for phase in one.server.values())
