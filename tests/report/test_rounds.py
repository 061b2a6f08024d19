"""Rounds of a run from what its program said, on a meter that shows 50 W all along."""

from __future__ import annotations

import math

import pytest

from energyprof.report.file import from_json, to_json
from fakes.rounds import TWO, event, exchange, phase, report_of, run_of, scored, turns


def test_rounds_sum_to_the_run_and_their_phases_to_the_rounds() -> None:
    run = run_of(*TWO)
    assert (run.status, run.time_s) == ("reached", 8)
    assert [number.round for number in run.rounds] == [1, 2]
    assert math.fsum(number.energy_j or 0 for number in run.rounds) == pytest.approx(run.energy_j, rel=1e-12)
    for number in run.rounds:
        clients = [phase for client in number.clients for phase in client.phases.values()]
        parts = [part.energy_j or 0 for part in (*clients, *number.server.values())]
        assert math.fsum(parts) == pytest.approx(number.energy_j, rel=1e-12)


def test_a_client_has_its_own_joules_seconds_samples_and_bytes() -> None:
    second = run_of(*TWO).rounds[0].clients[1]
    assert (second.client, second.outcome, second.reason) == ("client 1", "used", "")
    assert (second.time_s, second.samples, second.bytes_up, second.bytes_down) == (2, 16, 10, 40)
    assert second.energy_j == pytest.approx(100)
    assert {name: part.energy_j for name, part in second.phases.items()} == pytest.approx(
        {"train": 75, "encode": 25}
    )
    first = run_of(*TWO).rounds[0]
    assert {name: part.energy_j for name, part in first.server.items()} == pytest.approx(
        {"aggregate": 25, "eval": 25}
    )
    assert (first.score, first.bytes_up, first.bytes_down, first.scores) == (0.5, 20, 80, {"old": 0.25})


def test_where_clients_overlap_their_joules_are_absent_and_the_rounds_are_not() -> None:
    run = run_of(
        phase(2, "wait", "server"),
        phase(2, "train", "client 0"),
        phase(3, "train", "client 1"),
        phase(4, "away", "client 0"),
        phase(5, "away", "client 1"),
        phase(5, "eval", "server"),
        exchange(6, "client 0"),
        exchange(6, "client 1"),
        *scored(6, 1, 0.9),
        ends_s=6,
    )
    (only,) = run.rounds
    assert only.energy_j == pytest.approx(200)
    assert [(c.energy_j, c.time_s, c.reason) for c in only.clients] == [
        (None, 2, "others computed at the same time")
    ] * 2
    assert only.server["wait"].energy_j is None
    assert only.server["eval"].energy_j == pytest.approx(50)


def test_a_client_that_told_of_no_phase_has_no_joules_and_says_so() -> None:
    run = run_of(phase(2, "eval", "server"), exchange(4, "client 7"), *scored(6, 1, 0.9))
    (client,) = run.rounds[0].clients
    assert (client.energy_j, client.time_s, client.reason) == (None, None, "it told of no phase of its own")


def test_a_round_that_was_cut_off_is_in_the_runs_joules_but_in_no_round() -> None:
    run = run_of(*turns(2), *scored(6, 1, 0.5), *turns(6), ends_s=11, code=-9)
    assert run.status == "failed"
    assert len(run.rounds) == 1
    assert run.rounds[0].energy_j == pytest.approx(200)
    assert run.energy_j == pytest.approx(450)


def test_between_turns_an_actor_has_no_phase_and_a_start_up_ends_where_turns_begin() -> None:
    phases = run_of(*TWO).phases
    assert not any(p.name == "away" for p in phases)
    assert [(p.start_s, p.end_s) for p in phases if p.actor == "client 0"] == [(2, 3), (6, 7)]
    assert [(p.start_s, p.end_s) for p in phases if p.name == "startup"] == [(0.5, 2)]


def test_a_report_with_rounds_is_read_as_it_was_written() -> None:
    made = report_of(*TWO)
    assert from_json(to_json(made), "here").runs == made.runs


def test_who_waits_on_a_machine_of_its_own_uses_the_joules_of_that() -> None:
    run = report_of(
        phase(2, "decode", "client 0"),
        phase(3, "train", "client 0"),
        phase(5, "wait", "client 0"),
        exchange(5, "client 0"),
        *scored(8, 1, 0.5),
    ).runs[0]
    alone = run.rounds[0].clients[0]
    assert alone.energy_j == pytest.approx(150)  # of what it did
    assert alone.phases["wait"].energy_j == pytest.approx(50 * alone.phases["wait"].time_s)


def test_who_was_wanted_and_took_no_part_is_named_and_one_lost_by_lot_is_not() -> None:
    away = {"actor": "client 1", "outcome": "dropped", "samples": 0, "bytes_up": 0, "bytes_down": 40}
    run = report_of(
        *turns(2)[:-1],
        exchange(6, "client 0", "dropped"),
        event(6, "exchange", **away),
        *scored(6, 1, 0.5),
    ).runs[0]
    lost = {flag.kind: flag.detail for flag in run.flags}["client_lost"]
    assert lost == "client 1 in 1 of 1 rounds, first in round 1"
