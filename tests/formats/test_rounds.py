"""What is shown of a training in rounds: who took what, and what each round was worth."""

from dataclasses import replace

from rich.console import Console

from energyprof.formats.html.rounds import rounds as page_of
from energyprof.formats.rounds import rounds_table
from energyprof.formats.totals import totals_table
from energyprof.report.record import ClientRecord, PhaseSum, RoundRecord
from energyprof.report.rounds import NOT_MEASURED
from reports import report, run


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


def federated(energy_j):
    """A round of one client and a server, whose joules are known or not."""
    phases = {"train": PhaseSum(energy_j, None, 2.0)}
    reason = "" if energy_j else NOT_MEASURED
    client = ClientRecord("client 0", "here", energy_j, None, 2.0, 256, 500, 2000, phases, "used", reason)
    server = {"eval": PhaseSum(energy_j, None, 1.0)}
    return RoundRecord(1, 0.5, energy_j and 2 * energy_j, None, 3.0, 500, 2000, (client,), server)


def test_joules_that_nobody_measured_are_unknown_of_the_server_too_and_no_picture_of_zeros():
    lines = shown(federated(None))
    assert ["client", "0", "2.0", "s", "–", "256", "500", "B", "2.00", "kB"] in lines
    assert ["server", "1.0", "s", "–", "–", "–", "–"] in lines
    assert not any("joules" in line for line in lines)
    page = str(page_of([report([replace(run(), rounds=(federated(None),))])], ["one"]))
    assert "The joules of no round are known." in page and "0 J" not in page and "<svg" not in page
    assert "In 1 round(s) the clients sent 500 B and received 2.00 kB." in page


def test_the_page_draws_only_rounds_whose_joules_are_known():
    page = str(page_of([report([replace(run(), rounds=(federated(None), federated(7.0)))])], ["one"]))
    assert "round 2, client 0: train: 7.00 J" in page and "round 1," not in page and " 0 J" not in page


def test_the_summary_names_the_paradigm_and_what_it_is_made_of():
    central = report([run()])
    console = Console(width=100, record=True, color_system=None)
    for paradigm in (
        {"name": "federated", "clients": 8, "split": "natural", "participation": 1.0, "transfer": "int8"},
        {"name": "continual", "parts": 4, "split": "iid", "update": "replay:0.2", "held_out": 8},
    ):
        work = replace(central.workload, config={**central.workload.config, "paradigm": paradigm})
        console.print(totals_table(replace(central, workload=work), None, False))
    console.print(totals_table(central, None, False))
    lines = [line.strip() for line in console.export_text().splitlines() if "paradigm" in line]
    assert lines == [
        "paradigm  federated, 8 clients, split natural, transfer int8",
        "paradigm  continual, 4 parts, split iid, update replay:0.2",
    ]
