"""What a fleet takes from reports of trainings by clients."""

from __future__ import annotations

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
    rate, power_w, source = client_of(path, "here")
    assert rate == pytest.approx(20)  # 60 samples in 3 s
    assert power_w == pytest.approx((12 + 18 + 12) / 9)
    assert source == "fed.json, measured"


def test_turns_whose_joules_are_unknown_are_left_out_and_without_any_it_is_one_line(tmp_path: Path) -> None:
    known = made(tmp_path, one_round(1, client(0, 6.0), client(1, None)))
    assert client_of(known, "here")[1] == pytest.approx(4)
    with pytest.raises(UsageError, match=r"here: .*fed.json: no run of it has samples, an energy and a time"):
        client_of(made(tmp_path, one_round(1, client(0, None))), "here")


def test_rounds_and_clients_in_them_are_counted(tmp_path: Path) -> None:
    path = made(tmp_path, one_round(1, client(0, 6.0), client(1, 9.0)), one_round(2, client(0, 6.0)))
    found = rounds_of(path, "here")
    assert (found.clients, found.rounds, found.source) == (1.5, 2, "fed.json, measured")


def test_a_training_without_rounds_tells_none(tmp_path: Path) -> None:
    write(report([run()]), tmp_path / "central.json")
    with pytest.raises(UsageError, match="here: none of its runs reached the target in rounds of clients"):
        rounds_of(tmp_path / "central.json", "here")
