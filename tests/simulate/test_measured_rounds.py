"""A federated training that was measured, carried over to a life cycle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from simulate.scenarios import outcome, simulated, written

from energyprof.errors import UsageError
from energyprof.report.file import write
from energyprof.report.record import ClientRecord, PhaseSum, RoundRecord, Run
from energyprof.report.rounds import AT_ONCE, NO_PHASE
from reports import report, run

SCENARIO = """
[data]
bits_per_client = 1000
[site.centre]
pue = 2
intensity = 360
[site.edge]
pue = 1
intensity = 36
[server]
site = "centre"
[client]
site = "edge"
[link]
bit_per_j = 1
[paradigm.it]
kind = "KIND"
report = "it.json"
"""


def client(number: int, joules: float | None = 10.0, samples: int = 5, reason: str = "") -> ClientRecord:
    return ClientRecord(f"client {number}", "here", joules, None, 2.0, samples, 3, 4, {}, reason=reason)


def one_round(number: int, *clients: ClientRecord) -> RoundRecord:
    server = {
        "aggregate": PhaseSum(1.0, None, 0.5),
        "eval": PhaseSum(2.0, None, 0.25),
        "wait": PhaseSum(None, None, 9),
    }
    return RoundRecord(number, 0.8, None, None, 9.0, 6, 8, clients, server)


def trained(*rounds: RoundRecord, **changes: object) -> Run:
    return replace(run(u_rel=0.1), rounds=rounds, **changes)


def simulated_of(
    folder: Path, runs: list[Run], kind: str = "federated", *sets: str, assume: tuple[str, ...] = ()
):  # type: ignore[no-untyped-def]
    write(report(runs), folder / "it.json")
    path = written(folder, SCENARIO.replace("KIND", kind))
    return outcome(simulated(path, *sets, assume=assume), "it")


def test_each_clients_joules_seconds_and_bytes_come_from_its_rounds(tmp_path: Path) -> None:
    rounds = (one_round(1, client(1), client(2, 20.0)), one_round(2, client(1, 30.0), client(3, 40.0)))
    found = simulated_of(tmp_path, [trained(*rounds)])
    assert {name: part.energy_j for name, part in found.parts.items()} == {
        "compute": pytest.approx(10 + 20 + 30 + 40),
        "start-up": pytest.approx(3 * 500),  # each client as the program that played all of them
        "server": pytest.approx(2 * 2 * (1 + 2)),  # PUE × rounds × phases that are no waiting
        "uplink": pytest.approx(4 * 3 * 8),
        "downlink": pytest.approx(2 * 4 * 4 * 8),
    }
    assert sum(p.energy_j for p in found.low.values()) < found.total.energy_j


def test_more_clients_than_were_measured_take_as_large_a_share(tmp_path: Path) -> None:
    rounds = (one_round(1, client(1)), one_round(2, client(2)))
    found = simulated_of(tmp_path, [trained(*rounds)], "federated", "data.clients=10")
    assert found.parts["compute"].energy_j == pytest.approx(2 * 5 * 10)
    assert found.parts["uplink"].energy_j == pytest.approx(2 * 5 * 24)


def test_runs_of_different_length_make_the_rounds_unsure(tmp_path: Path) -> None:
    short, long = ([one_round(i, client(1), client(2)) for i in range(1, n + 1)] for n in (2, 6))
    found = simulated_of(tmp_path, [trained(*short), trained(*long), trained(status="missed")])
    assert found.parts["uplink"].energy_j == pytest.approx(4 * 2 * 24)
    assert found.low["uplink"].energy_j == pytest.approx(2 * 2 * 24)
    assert found.high["uplink"].energy_j == pytest.approx(6 * 2 * 24)


def test_a_consensus_has_no_server_and_all_that_a_node_sends_is_its_message(tmp_path: Path) -> None:
    found = simulated_of(tmp_path, [trained(one_round(1, client(1), client(2)))], "consensus")
    assert {name: part.energy_j for name, part in found.parts.items()} == {
        "compute": pytest.approx(20),
        "start-up": pytest.approx(2 * 500),
        "side link": pytest.approx(2 * 24),
    }


def test_a_client_that_was_called_and_did_nothing_took_nothing(tmp_path: Path) -> None:
    idle = client(2, None, samples=0, reason=NO_PHASE)
    found = simulated_of(tmp_path, [trained(one_round(1, client(1), idle))])
    assert found.parts["compute"].energy_j == pytest.approx(10)


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        ([trained(one_round(1, client(1, None, reason=AT_ONCE)))], "client 1 has no energy: others computed"),
        ([trained()], "none of its runs reached the target in rounds of clients"),
        ([trained(one_round(1, client(1)), status="missed")], "none of its runs reached"),
        ([trained(one_round(1))], "none of its runs reached the target in rounds of clients"),
    ],
)
def test_what_was_not_measured_is_one_line(tmp_path: Path, runs: list[Run], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        simulated_of(tmp_path, runs)


def test_joules_that_are_not_known_can_be_assumed(tmp_path: Path) -> None:
    runs = [trained(one_round(1, client(1, None, reason=AT_ONCE), client(2)))]
    found = simulated_of(tmp_path, runs, assume=("paradigm.it.round_j=7",))
    assert found.parts["compute"].energy_j == pytest.approx(2 * 7)
    assert found.low["compute"].energy_j == found.high["compute"].energy_j


def test_of_a_server_that_was_not_measured_it_is_said(tmp_path: Path) -> None:
    one = one_round(1, client(1), client(2))
    unseen = replace(one, server={"eval": PhaseSum(None, None, 1.0)})
    with pytest.raises(
        UsageError, match=r"the server's eval has no energy; --assume paradigm.it.server_round_j"
    ):
        simulated_of(tmp_path, [trained(unseen)])
    assert "server" not in simulated_of(tmp_path, [trained(unseen)], "consensus").parts


def test_what_is_set_in_place_of_a_measurement_is_not_off_by_its_meters(tmp_path: Path) -> None:
    runs = [trained(one_round(1, client(1), client(2)))]
    found = simulated_of(tmp_path, runs, "federated", "paradigm.it.round_j=7")
    assert found.low["compute"].energy_j == found.high["compute"].energy_j == pytest.approx(14)
    assert found.low["server"].energy_j < found.high["server"].energy_j


def test_a_number_that_the_report_measured_is_only_replaced_by_set(tmp_path: Path) -> None:
    runs = [trained(one_round(1, client(1), client(2)))]
    write(report(runs), tmp_path / "it.json")
    path = written(tmp_path, SCENARIO.replace("KIND", "federated") + "rounds = 7\n")
    with pytest.raises(UsageError, match=r"rounds: its report measured that; --set replaces it"):
        simulated(path)
    assert outcome(simulated(path, "paradigm.it.rounds=7"), "it").parts["compute"].energy_j == pytest.approx(
        140
    )
