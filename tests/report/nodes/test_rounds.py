"""Rounds of a server and of devices of known power, each by a clock of its own, as one."""

from __future__ import annotations

import dataclasses

import pytest

from energyprof.report.nodes.rounds import NO_REPORT, joined_rounds, round_lags
from energyprof.report.record import ClientRecord, Phase, PhaseSum, RoundRecord, Run
from reports import run as plain_run

POWERS_W = {"server": 40.0, "a": 60.0, "b": 100.0}
ROUNDS = 3
ROUND_S = 10.0


def client(name: str, joules: float | None, reason: str = "") -> ClientRecord:
    phases = {} if joules is None else {"train": PhaseSum(joules, 1.0, 4.0)}
    return ClientRecord(name, "here", joules, joules and 1.0, 4.0, 16, 10, 40, phases, reason=reason)


def of_server(absent: str = "") -> Run:
    def part(name: str) -> ClientRecord:
        told = client(name, None, "it told of no phase of its own")
        gone = dataclasses.replace(told, samples=0, bytes_up=0, outcome="dropped")
        return gone if name == absent else told

    rounds = tuple(
        RoundRecord(
            number,
            0.5,
            40.0 * ROUND_S,
            4.0,
            ROUND_S,
            20,
            80,
            (part("client 0"), part("client 1")),
            {"wait": PhaseSum(320.0, 3.0, 8.0)},
        )
        for number in range(1, ROUNDS + 1)
    )
    return dataclasses.replace(plain_run(), phases=(phase("encode", 5.0, "server"),), rounds=rounds)


def of_device(name: str, power_w: float, first: int = 1) -> Run:
    rounds = tuple(
        RoundRecord(n, 0.5, power_w * ROUND_S, 2.0, ROUND_S, 10, 40, (client(name, power_w * 4.0),), {})
        for n in range(first, ROUNDS + 1)
    )
    # It hears of the first round a second after the server began it.
    return dataclasses.replace(plain_run(), phases=(phase("decode", 6.0, name),), rounds=rounds)


def phase(name: str, start_s: float, actor: str) -> Phase:
    return Phase(name, start_s, start_s + 1.0, None, None, None, {}, actor=actor)


def fleet() -> dict[str, Run]:
    return {
        "server": of_server(),
        "a": of_device("client 0", POWERS_W["a"]),
        "b": of_device("client 1", POWERS_W["b"]),
    }


def test_a_round_has_the_joules_of_all_nodes_and_each_client_those_of_its_device() -> None:
    found = joined_rounds(fleet(), "")
    assert [one.energy_j for one in found] == [200.0 * ROUND_S] * ROUNDS
    assert [one.energy_u_j for one in found] == [8.0] * ROUNDS
    for one in found:
        assert [(c.client, c.node, c.energy_j) for c in one.clients] == [
            ("client 0", "a", 240.0),
            ("client 1", "b", 400.0),
        ]
        assert one.server["wait"].energy_j == 320.0


def test_a_client_whose_device_has_no_such_round_stays_as_the_server_told_of_it() -> None:
    runs = {**fleet(), "server": of_server("client 1"), "b": of_device("client 1", 100.0, first=2)}
    first = joined_rounds(runs, "")[0]
    assert first.energy_j == 100.0 * ROUND_S
    assert first.clients[1].energy_j is None
    assert first.clients[1].reason == NO_REPORT
    assert first.clients[1].outcome == "dropped"
    assert first.clients[1].node == "b"  # where it trains, not where the server does


def test_a_client_that_was_cut_off_in_its_first_round_has_its_node() -> None:
    runs = {**fleet(), "b": dataclasses.replace(of_device("client 1", 100.0), rounds=())}
    assert {one.clients[1].node for one in joined_rounds(runs, "")} == {"b"}


def test_a_client_of_which_there_is_no_report_has_no_node() -> None:
    runs = {name: run for name, run in fleet().items() if name != "b"}
    for one in joined_rounds(runs, ""):
        assert [(client.client, client.node) for client in one.clients] == [
            ("client 0", "a"),
            ("client 1", ""),
        ]
        assert one.clients[1].reason == NO_REPORT


def test_what_may_not_be_added_has_no_sum_but_each_client_its_own() -> None:
    found = joined_rounds(fleet(), "they are of different boundaries")
    assert {one.energy_j for one in found} == {None}
    assert found[0].clients[0].energy_j == 240.0


def test_rounds_of_one_node_alone_are_not_joined() -> None:
    assert joined_rounds({"server": of_server()}, "") == ()
    assert joined_rounds({"a": of_device("client 0", 60.0), "b": of_device("client 1", 60.0)}, "") == ()


@pytest.mark.parametrize("ahead_s", [3600.0, -3600.0, 12.0])
def test_a_device_whose_turns_lie_outside_their_rounds_has_a_wrong_clock(ahead_s: float) -> None:
    lags = round_lags(fleet(), {"server": 0.0, "a": 0.0, "b": ahead_s})
    assert set(lags) == {"b"}
    assert lags["b"] == pytest.approx(ahead_s, abs=ROUND_S)


def test_a_device_whose_clock_agrees_is_not_spoken_of() -> None:
    assert round_lags(fleet(), dict.fromkeys(POWERS_W, 0.0)) == {}
