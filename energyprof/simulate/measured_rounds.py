"""What a report of a training by several clients measured: joules, seconds and bits a round of one client."""

from __future__ import annotations

import math
from collections.abc import Sequence

from energyprof.compare.figures import BY_NAME, value
from energyprof.errors import UsageError
from energyprof.report.record import ClientRecord, Report, Run
from energyprof.report.rounds import NO_PHASE, WAITING
from energyprof.simulate.measured import Measured, meter_gain, starts
from energyprof.simulate.quantity import Basis, Quantity
from energyprof.storable.frozen import dataclass

OF_CLIENTS = ("federated", "consensus")


@dataclass(frozen=True)
class _Sums:
    """Of one run's rounds; energies are None where the reason says why."""

    rounds: int
    turns: int  # of clients, all rounds together
    clients_j: float | None
    clients_s: float
    server_j: float | None
    server_s: float
    bits_up: float
    bits_down: float
    reason: str


def counting(report: Report) -> list[Run]:
    """The runs that reached the target and have rounds with clients in them."""
    return [
        run
        for run in report.runs
        if value(BY_NAME["samples_to_target"], run) is not None and any(one.clients for one in run.rounds)
    ]


def trained_by(report: Report) -> str:
    """The way in which several clients trained, as its work says, such as "federated"; "": there was one."""
    said = report.workload.config.get("paradigm")
    name = said.get("name") if isinstance(said, dict) else None
    if isinstance(name, str):
        return name if name in OF_CLIENTS else ""
    return "several clients'" if len(client_names(report.runs)) > 1 else ""


def client_names(runs: Sequence[Run]) -> set[str]:
    """Every client that took part in any round."""
    return {client.client for run in runs for one in run.rounds for client in one.clients}


def measured_rounds(report: Report, said: str, where: str) -> Measured:
    """``rounds``, ``active``, ``clients``; a client's ``round_j``, ``round_s``, bits; the server's likewise.

    Means over the runs that reached the target. The ± of the meters is ``meter_gain``; rounds have the least
    and the most of any run; ``download_bits`` are those of all clients, of which each round reaches some.

    Raises:
        UsageError: no run reached it in rounds.
    """
    runs = counting(report)
    if not runs:
        raise UsageError(f"{where}: none of its runs reached the target in rounds of clients")
    sums = [_summed(run) for run in runs]
    clients = len(client_names(runs))
    turns, rounds = sum(one.turns for one in sums), sum(one.rounds for one in sums)
    basis: Basis = "measured" if report.origin == "measured" else "modelled"

    def of(amount: float, unit: str) -> Quantity:
        return Quantity(amount, amount, amount, unit, "measured", said)  # counted, whatever the meter

    counts = [one.rounds for one in sums]
    found = {
        "rounds": Quantity(rounds / len(runs), min(counts), max(counts), "1", "measured", said),
        "active": of(turns / rounds, "1"),
        "clients": of(clients, "1"),
        "round_s": of(sum(one.clients_s for one in sums) / turns, "s"),
        "server_round_s": of(sum(one.server_s for one in sums) / rounds, "s"),
        "upload_bits": of(sum(one.bits_up for one in sums) / turns, "bit"),
        "download_bits": of(sum(one.bits_down for one in sums) / (rounds * clients), "bit"),
    }
    # Of the program that played all clients: each of them starts so once.
    found |= starts(report, runs, said)
    missing = {}
    for prefix, energies, count in (
        ("", [one.clients_j for one in sums], turns),
        ("server_", [one.server_j for one in sums], rounds),
    ):
        known = [joules for joules in energies if joules is not None]
        if len(known) < len(energies):
            missing[f"{prefix}round_j"] = next(one.reason for one in sums if one.reason)
            continue
        mean = math.fsum(known) / count
        found[f"{prefix}round_j"] = Quantity(mean, mean, mean, "J", basis, said)
        found[f"{prefix}meter_gain"] = meter_gain(report, runs, said)
    return Measured(found, missing)


def _summed(run: Run) -> _Sums:
    turns = [client for one in run.rounds for client in one.clients]
    unknown = next((f"{c.client} has no energy: {c.reason}" for c in turns if not _known(c)), "")
    server = [
        (name, phase) for one in run.rounds for name, phase in one.server.items() if name not in WAITING
    ]
    unseen = next(
        (f"the server's {name} has no energy" for name, phase in server if phase.energy_j is None), ""
    )
    return _Sums(
        len(run.rounds),
        len(turns),
        None if unknown else math.fsum(client.energy_j or 0.0 for client in turns),
        math.fsum(client.time_s or 0.0 for client in turns),
        None if unseen else math.fsum(phase.energy_j or 0.0 for _, phase in server),
        math.fsum(phase.time_s for _, phase in server),
        8.0 * sum(client.bytes_up for client in turns),
        8.0 * sum(client.bytes_down for client in turns),
        unknown or unseen,
    )


def _known(client: ClientRecord) -> bool:
    """Whether its joules are: those of a client that was called and did nothing are none."""
    idle = client.reason == NO_PHASE and client.samples == 0
    return client.energy_j is not None or idle
