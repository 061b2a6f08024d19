"""What a fleet takes from reports of trainings by clients."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from energyprof.errors import UsageError
from energyprof.report.file import write
from energyprof.report.record import ClientRecord, PhaseSum, RoundRecord
from energyprof.simulate.fleet.measured import client_of, rounds_of
from reports import report, run


def client(number: int, joules: float | None, samples: int = 60) -> ClientRecord:
    """One that decoded for a second, warmed up for one and trained for two."""
    phases = {
        "decode": PhaseSum(100.0, None, 1.0),
        "warmup": PhaseSum(joules, None, 1.0),
        "train": PhaseSum(joules, None, 2.0),
    }
    return ClientRecord(f"client {number}", "here", None, None, 4.0, samples, 3, 4, phases)


def made(folder: Path, *rounds: RoundRecord) -> Path:
    write(report([replace(run(), rounds=rounds)]), folder / "fed.json")
    return folder / "fed.json"


def one_round(number: int, *clients: ClientRecord) -> RoundRecord:
    return RoundRecord(number, 0.8, None, None, 9.0, 6, 8, clients, {})


def test_speed_and_watts_are_those_of_training_and_its_samples(tmp_path: Path) -> None:
    path = made(tmp_path, one_round(1, client(0, 6.0), client(1, 9.0)), one_round(2, client(0, 6.0)))
    found = client_of(path, "here")
    assert found.samples_per_s.value == pytest.approx(20)  # 60 samples in 3 s
    assert found.power_w.value == pytest.approx((12 + 18 + 12) / 9)
    assert found.source == "fed.json, boundary component, measured"
    assert found.spread is None  # two clients do not say how a fleet scatters


def test_how_clients_differ_and_a_clients_turns_is_told_by_their_rounds(tmp_path: Path) -> None:
    """Powers of 4, 6 and 9 W lie a factor of 1.5 apart; a client's turns a factor of 2."""
    once = [client(0, 6.0), client(1, 9.0), client(2, 13.5)]
    again = [client(number, joules, 120) for number, joules in enumerate((6.0, 9.0, 13.5))]
    found = client_of(made(tmp_path, one_round(1, *once), one_round(2, *again)), "here")
    assert found.power_spread == pytest.approx(math.log(1.5))
    assert found.spread == pytest.approx(0)
    assert found.jitter == pytest.approx(math.log(2) / math.sqrt(2))
    # Student's t of 2 degrees of freedom: 4.303 standard errors of the mean's logarithm.
    half = 4.3027 * math.log(1.5) / math.sqrt(3)
    assert found.power_w.high / found.power_w.value == pytest.approx(math.exp(half), rel=1e-3)


def test_turns_whose_joules_are_unknown_are_left_out_and_without_any_it_is_one_line(tmp_path: Path) -> None:
    known = made(tmp_path, one_round(1, client(0, 6.0), client(1, None)))
    assert client_of(known, "here").power_w.value == pytest.approx(4)
    with pytest.raises(UsageError, match=r"here: .*fed.json: no run of it has samples, an energy and a time"):
        client_of(made(tmp_path, one_round(1, client(0, None))), "here")


def test_rounds_and_clients_in_them_are_counted(tmp_path: Path) -> None:
    path = made(tmp_path, one_round(1, client(0, 6.0), client(1, 9.0)), one_round(2, client(0, 6.0)))
    found, told = rounds_of(path, "here")
    assert (told.low, told.high) == (2, 2)
    assert (found.clients, found.rounds, found.source) == (1.5, 2, "fed.json, measured")


def test_a_training_without_rounds_tells_none(tmp_path: Path) -> None:
    write(report([run()]), tmp_path / "central.json")
    with pytest.raises(UsageError, match="here: none of its runs reached the target in rounds of clients"):
        rounds_of(tmp_path / "central.json", "here")
