"""What is shown of a training in rounds: who took what, and what each round was worth."""

from dataclasses import replace

from rich.console import Console

from energyprof.formats.rounds import rounds_table
from energyprof.report.record import ClientRecord, PhaseSum, RoundRecord
from reports import run


def update(number, score, energy_j=100.0, **scores):
    phases = {"train": PhaseSum(energy_j, None, 2.0)}
    learner = ClientRecord("learner", "here", energy_j, None, 2.0, 256, 0, 0, phases)
    return RoundRecord(number, score, energy_j, None, 2.0, 0, 0, (learner,), {}, scores)


def shown(*rounds):
    table = rounds_table([replace(run(), rounds=rounds)])
    console = Console(width=80, record=True, color_system=None)
    console.print(table)
    return [line.split() for line in console.export_text().splitlines()]


def test_a_round_scored_on_old_and_new_data_has_a_row_of_its_own():
    lines = shown(update(1, 0.5, new=0.6), update(2, None, None, old=0.4, new=0.7))
    assert ["round,", "seed", "0", "energy", "time", "samples", "score", "on", "old", "on", "new"] in lines
    assert ["1", "100", "J", "2.0", "s", "256", "0.5", "–", "0.6"] in lines
    assert ["2", "–", "2.0", "s", "256", "–", "0.4", "0.7"] in lines


def test_rounds_with_one_score_are_counted_not_listed():
    lines = shown(update(1, 0.5), update(2, 0.6))
    assert ["2", "rounds"] in lines
    assert not any("score" in line for line in lines)


def test_without_rounds_there_is_no_table():
    assert rounds_table([run()]) is None
