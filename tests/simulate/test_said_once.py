"""What a scenario says in two ways, says and does not use, or takes from reports that do not go together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from simulate.scenarios import EXAMPLES, SMALL, outcome, simulated, written
from simulate.test_measured_rounds import client, one_round, trained

from energyprof.errors import UsageError
from energyprof.formats.simulation_words import energy, least_lines
from energyprof.report.file import write
from reports import report, run

DEVICE = "[server.device.box]\nembodied_kg = 8\nlife_years = 1\nutilisation = 1\n"
AT_ONE_MACHINE = """
[data]
clients = 2
bits_per_client = 0
model_bits = 0
[link]
kwh_per_gb = 0
[site.here]
pue = 1
"""
CENTRAL = '[paradigm.it]\nkind = "central"\nreport = "r.json"\n'


@pytest.mark.parametrize(
    ("set_", "said"),
    [
        ("server.power_w=5", "round_j and power_w"),
        ("client.idle_w=5", "idle_j and idle_w"),
        ('server.device.box.factor="server.r740"', "embodied_kg and factor"),
    ],
)
def test_what_is_said_in_two_ways_is_refused_and_set_takes_the_others_place(
    tmp_path: Path, set_: str, said: str
) -> None:
    text = SMALL.format(clients=2) + DEVICE
    text = text.replace("round_j = 100", "round_j = 100\nround_s = 3600")
    text = text.replace("round_j = 10\n", "round_j = 10\nround_s = 3600\nidle_j = 1\nidle_s = 1\n")
    before, after = simulated(written(tmp_path, text)), simulated(written(tmp_path, text), set_)
    totals = [[one.total for one in found.outcomes] for found in (before, after)]
    assert totals[0] != totals[1]
    key, _, value = set_.partition("=")
    table, _, last = key.rpartition(".")
    both = text.replace(f"[{table}]", f"[{table}]\n{last} = {value}", 1)
    with pytest.raises(UsageError, match=f"{table}: {said}: give only one of them"):
        simulated(written(tmp_path, both))


def test_a_decimal_comma_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"link.bit_per_j: '1,5': write decimals with a point"):
        simulated(written(tmp_path, SMALL.format(clients=2)), "link.bit_per_j=1,5")


def test_two_keys_that_are_set_do_not_hide_each_other(tmp_path: Path) -> None:
    """As in a study with both for factors, of whose cells all would be the last one's."""
    with pytest.raises(UsageError, match=r"--set link.bit_per_j and link.kwh_per_gb: give only one of them"):
        simulated(written(tmp_path, SMALL.format(clients=2)), "link.bit_per_j=2", "link.kwh_per_gb=1")


def test_a_server_whose_joules_are_given_is_reserved_for_its_share_of_the_time(tmp_path: Path) -> None:
    text = SMALL.format(clients=2).replace("round_j = 100", "round_j = 100\nround_s = 36000") + DEVICE
    found = simulated(written(tmp_path, text), "paradigm.federated.server_round_j=5")
    made = outcome(found, "federated").parts["manufacture"]
    assert made.co2_kg == pytest.approx(8 * 10 * 10 * 0.1 / 8760)  # rounds × hours × share


@pytest.mark.slow
def test_a_link_that_is_charged_otherwise_has_no_year() -> None:
    example = EXAMPLES / "simulate-report.toml"  # medium and year
    found = simulated(example, "link.bit_per_j=50e3")
    assert found.links["uplink"] == "bit/J, on the command line"
    later = simulated(example, "link.year=2021", "link.medium=fixed")
    assert "0.0075" in later.links["uplink"]
    assert "no paradigm here uses link.year" in simulated(example, "link.medium=mobile").notes


@pytest.mark.slow
@pytest.mark.parametrize(
    "key",
    [
        "paradigm.central.active",
        "paradigm.federated.moves",
        "server.round_s",
        "server.rounds",
        "site.nowhere.pue",
        "factors.pue.world",
    ],
)
def test_a_number_that_nothing_uses_is_named(tmp_path: Path, key: str) -> None:
    path = written(tmp_path, SMALL.format(clients=2))
    assert not any("no paradigm" in line for line in simulated(path).notes)
    assert f"no paradigm here uses {key}" in simulated(path, f"{key}=1").notes


def test_two_sites_of_one_grid_are_clean_at_the_same_times(tmp_path: Path) -> None:
    rows = "".join(f"{3600 * hour},{100 * hour}\n" for hour in range(24))
    (tmp_path / "grid.csv").write_text("s,g\n" + rows)
    text = SMALL.format(clients=2).replace("bit_per_j = 1", "kwh_per_gb = 0").replace("pue = 2", "pue = 1")
    for value in ("intensity = 360", "intensity = 36\n"):
        text = text.replace(value, 'trace = "grid.csv"\n', 1)
    found = simulated(written(tmp_path, text), "server.round_j=30")
    assert found.outcomes[0].drawn["co2_kg"].high > 1.5 * found.outcomes[0].drawn["co2_kg"].low
    assert found.least["co2_kg"] == {"central": 0.0, "federated": 1.0}


def test_messages_of_who_sleeps_are_sent_while_they_are_awake(tmp_path: Path) -> None:
    (tmp_path / "grid.csv").write_text("s,g\n0,100\n3600,500\n")
    path = written(
        tmp_path,
        '[data]\nclients = 2\nmodel_bits = 3\n[site.here]\ntrace = "grid.csv"\npue = 1\n'
        "[client]\nround_j = 0\n[link]\nbit_per_j = 1\n"
        '[paradigm.it]\nkind = "consensus"\nrounds = 4\nneighbours = 1\nsleep_above = 200\n',
    )
    part = outcome(simulated(path), "it").parts["side link"]
    assert part.energy_j == pytest.approx(4 * 2 * 0.5 * 0.5 * 3)
    assert part.co2_kg == pytest.approx(part.energy_j * 100 / 3.6e9)


ROUNDS = trained(one_round(1, client(1), client(2)))


@pytest.mark.parametrize(
    ("way", "table", "said"),
    [
        ("federated", CENTRAL, "is of a federated training, whose joules are all its clients'"),
        ("consensus", CENTRAL.replace("central", "federated"), "consensus training, not of a federated one"),
        ("federated", CENTRAL.replace("central", "consensus"), "federated training, not of a consensus one"),
        (
            "",
            '[client]\nreport = "r.json"\n[paradigm.it]\nkind = "federated"\nrounds = 1\n',
            "is of a several clients' training",
        ),
    ],
)
def test_a_report_stands_for_the_way_in_which_it_was_trained(
    tmp_path: Path, way: str, table: str, said: str
) -> None:
    found = report([ROUNDS])
    if way:
        config = {**found.workload.config, "paradigm": {"name": way}}
        found = replace(found, workload=replace(found.workload, config=config))
    write(found, tmp_path / "r.json")
    with pytest.raises(UsageError, match=said):
        simulated(written(tmp_path, AT_ONE_MACHINE + table))


def test_a_training_takes_the_arithmetic_mean_of_its_runs(tmp_path: Path) -> None:
    write(report([run(x, eval_j=0, seed=i) for i, x in enumerate((1.0, 4.0))]), tmp_path / "r.json")
    found = simulated(written(tmp_path, AT_ONE_MACHINE + CENTRAL))
    part = found.outcomes[0].parts["compute"]
    assert part.energy_j == pytest.approx(2500)
    assert found.outcomes[0].low["compute"].energy_j < 2500 < found.outcomes[0].high["compute"].energy_j


def test_runs_that_missed_the_target_are_said_not_to_be_in_it(tmp_path: Path) -> None:
    runs = [run(), run(seed=1), run(seed=2, status="missed")]
    write(report(runs), tmp_path / "r.json")
    found = simulated(written(tmp_path, AT_ONE_MACHINE + CENTRAL))
    assert any("3 runs (1 missed the target: not in it)" in line for line in found.measurements)


def test_boundaries_that_differ_are_named(tmp_path: Path) -> None:
    for name, boundary in (("a", "wall_ac"), ("b", "component")):
        write(replace(report([run()]), boundary=boundary), tmp_path / f"{name}.json")
    table = "".join(f'[paradigm.{n}]\nkind = "central"\nreport = "{n}.json"\n' for n in "ab")
    found = simulated(written(tmp_path, AT_ONE_MACHINE + table))
    said = "boundary wall_ac in paradigm.a, component in paradigm.b"
    assert found.notes[0] == f"the reports measure different things, as if they were one: {said}"


def test_a_tie_has_two_winners(tmp_path: Path) -> None:
    table = "".join(f'[paradigm.{n}]\nkind = "central"\nrounds = 1\n' for n in ("a", "b"))
    found = simulated(written(tmp_path, AT_ONE_MACHINE + "intensity = 1\n[server]\nround_j = 1\n" + table))
    assert least_lines(found) == ["energy: a and b", "CO2e: a and b"]


@pytest.mark.parametrize(
    ("joules", "said"),
    [
        (0, "0.0000 Wh"),
        (3600, "1.0000 Wh"),
        (1.8, "0.5000 mWh"),
        (1.8e-3, "0.5000 µWh"),
        (3.6e-9, "0.0010 nWh"),
    ],
)
def test_what_takes_little_is_no_nothing(joules: float, said: str) -> None:
    assert energy(joules) == said
