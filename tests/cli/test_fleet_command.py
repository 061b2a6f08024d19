"""``energyprof fleet``: its example, and what it refuses in one line."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import Command
from formats.pages import Reader

from energyprof.report.file import write
from reports import program

pytest.importorskip("numpy")
EXAMPLES = Path(__file__).parents[2] / "examples"
FLEET = """[fleet]
name = "it"
clients = 20
active = 5
samples = 100
model_bytes = 1000
"""
ROUNDS = "[[rounds]]\nclients = 5\nrounds = 10\n"
DEVICE = '[[device]]\nname = "board"\nsamples_per_s = 10\n'
WHOLE = FLEET + ROUNDS + DEVICE + "power_w = 5\n"
SITED = WHOLE + 'site = "a"\n'
EXCESS = "[excess]\nclients = 2\nleast_samples = 10\nmost_samples = 100\n[[excess.domain]]\n"


@pytest.fixture
def example(command: Command) -> Command:
    shutil.copy(EXAMPLES / "fleet.toml", command.folder)
    return command


@pytest.mark.slow
def test_the_example_reaches_its_target_and_its_page_draws_it_and_loads_nothing(example: Command) -> None:
    pytest.importorskip("scipy")
    done = example("fleet", "fleet.toml", "--set", "fleet.clients=1000", "--json", "--html", "f.html")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["origin"], told["reached"]) == ("simulated", True)
    assert sum(told["parts_j"].values()) == pytest.approx(told["energy_j"])
    assert len(told["excess"]["clients"]) == 20
    page = (example.folder / "f.html").read_text(encoding="utf-8")
    assert not re.search(r"\b(src|href)=", page)
    shown = Reader(page)
    for said in ("SIMULATED", "Energy by part", "Energy by kind of client", "How it goes", "95 % of"):
        assert said in shown.said
    assert all(f"{kind['name']} × {kind['clients']:,}" in shown.said for kind in told["kinds"])
    assert told["course"][-1]["rounds"] == told["rounds"]
    assert told["course"][-1]["updates"] == told["turns"]["used"]


def test_its_page_is_not_written_over_the_fleet(example: Command) -> None:
    done = example("fleet", "fleet.toml", "--html", "fleet.toml")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "name another file" in done.stderr


@pytest.mark.slow
def test_what_is_printed_fits_80_columns_and_says_that_it_is_simulated(example: Command) -> None:
    pytest.importorskip("scipy")
    changes = ("fleet.clients=2000", "fleet.draws=10", "excess.clients=4")
    words = [word for change in changes for word in ("--set", change)]
    done = example("fleet", "fleet.toml", *words, environment={"COLUMNS": "80"})
    assert "SIMULATED" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def simulated(command: Command, text: str, *words: str) -> Any:
    (command.folder / "f.toml").write_text(text, encoding="utf-8")
    return command("fleet", "f.toml", *words)


@pytest.mark.slow
def test_what_is_not_known_to_a_digit_gives_low_high_and_an_interval_and_a_site_carbon(
    command: Command,
) -> None:
    text = SITED.replace("power_w = 5", "power_w = { value = 5, low = 4, high = 10 }")
    done = simulated(command, text + '[[site]]\nname = "a"\nintensity = 100\n', "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["energy_low_j"], told["energy_high_j"]) == pytest.approx(
        (0.8 * told["energy_j"], 2 * told["energy_j"])
    )
    low, high = told["intervals_95"]["energy_j"]
    assert told["energy_low_j"] < low < high < told["energy_high_j"]
    assert told["co2_kg"] == pytest.approx(told["energy_j"] / 3.6e6 * 0.1)
    assert told["draws"] == told["draws_reached"] > 0
    assert told["inputs_in_doubt"][0]["key"] == "device.board.power_w"
    (site,) = told["sites"]
    assert site["co2_kg"] == told["co2_kg"]
    shown = command("fleet", "f.toml").stdout
    assert "CO2e" in shown and "inputs at their ends" in shown and "% of" in shown


@pytest.mark.slow
def test_a_fleet_without_sites_has_no_carbon_and_one_played_once_no_interval(command: Command) -> None:
    told = json.loads(simulated(command, WHOLE, "--json", "--set", "fleet.draws=0").stdout)
    assert told["co2_kg"] is None and told["intervals_95"] == {} and told["draws"] == 0
    assert "played once" in command("fleet", "f.toml", "--set", "fleet.draws=0").stdout


def test_a_training_that_runs_out_of_its_budgets_exits_4_and_says_so(command: Command) -> None:
    done = simulated(command, WHOLE + "budget_j = 60\n", "--json")
    assert done.returncode == 4
    told = json.loads(done.stdout)
    assert not told["reached"] and "budget_j is what binds" in told["why_not"]
    assert told["progress"] == pytest.approx(0.4)  # 20 clients, a turn each: 4 of 10 rounds


@pytest.mark.slow
def test_a_kind_may_be_a_report(command: Command) -> None:
    import dataclasses

    made = program(1200.0)
    run = dataclasses.replace(made.runs[0], samples=300, time_s=60.0)
    write(dataclasses.replace(made, runs=(run,)), command.folder / "r.json")
    text = FLEET + ROUNDS + '[[device]]\nname = "board"\nreport = "r.json"\n'
    done = simulated(command, text, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    # 5 samples a second at 20 W: 4 J a sample; 10 rounds of 5 clients of 100 samples.
    assert told["energy_j"] == pytest.approx(10 * 5 * 100 * 4)
    assert told["kinds"][0]["source"].startswith("r.json")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FLEET + ROUNDS, "has no [[device]]"),
        (FLEET + DEVICE + "power_w = 5\n", "has no [[rounds]]"),
        (ROUNDS + DEVICE + "power_w = 5\n", "[fleet]: is missing"),
        (WHOLE + "power = 5\n", "device board: unknown key 'power': did you mean power_w?"),
        (WHOLE.replace("active", "activ"), "[fleet]: unknown key 'activ': did you mean active?"),
        (WHOLE + "[solar]\n", "unknown key 'solar': there are descent, device, excess, fleet, rounds, site"),
        (FLEET + ROUNDS + DEVICE, "device board: give one of power_w and turn_j beside samples_per_s"),
        (WHOLE + 'report = "r.json"\n', "device board: give a report, or samples_per_s and power_w"),
        (FLEET + ROUNDS + '[[device]]\nname = "board"\nreport = "r.json"\n', "r.json"),
        (WHOLE.replace("active = 5", "active = 50"), "active and backup are 50, clients only 20"),
        (WHOLE.replace("samples_per_s = 10", "samples_per_s = 0"), "board.samples_per_s: expected"),
        (WHOLE.replace("clients = 20", "clients = 2000000"), "clients: expected at most 1e+06"),
        (WHOLE + "panel_w = 3\n", "panel_w: give battery_wh, which the panel charges"),
        (WHOLE + "panel_w = 3\nbattery_wh = 1\n", "panel_w: give latitude"),
        (WHOLE + "panel_w = 3\nbattery_wh = 1\nlatitude = 4\n", "[fleet]: give start: board has a panel"),
        (WHOLE + DEVICE + "power_w = 5\n", "devices: board stands there twice"),
        (WHOLE + ROUNDS, "[[rounds]]: 5.0 stands there twice"),
        (WHOLE + "[[rounds]]\nclients = 7\n", "[[rounds]] 2: give a report, or clients and rounds"),
        (FLEET + ROUNDS + DEVICE + "turn_j = [[10, 5], [20, 4]]\n", "samples and joules must rise"),
        (FLEET + ROUNDS + DEVICE + "turn_j = []\n", "turn_j: give [samples, joules] of one turn"),
        (WHOLE + 'site = "moon"\n', "device board: no site is called moon: there are none: give [[site]]"),
        (SITED + '[[site]]\nname = "a"\n', "site a: give one of intensity, country, trace"),
        (SITED + '[[site]]\nname = "a"\nintensity = -3\n', "intensity: expected"),
        (SITED + '[[site]]\nname = "a"\ncountry = "Atlantis"\n', "site a: country 'Atlantis'"),
        (SITED + '[[site]]\nname = "a"\ntrace = "none.csv"\n', "none.csv: cannot be read"),
        (SITED + 2 * '[[site]]\nname = "a"\nintensity = 3\n', "sites: a stands there twice"),
        (SITED + '[[site]]\nname = "a"\nintensity = "3 furlongs"\n', "site.a.intensity: unknown unit"),
        (WHOLE.replace("power_w = 5", "power_w = { value = 5, low = 6 }"), "does not enclose its value 5"),
        (WHOLE.replace("power_w = 5", 'power_w = "5 kg"'), "device.board.power_w: unknown unit 'kg'"),
        (WHOLE + EXCESS, "[excess].domain[0].devices is missing"),
        (WHOLE + EXCESS + 'name = "a"\ndevices = ["boat"]\npower_w = 1\n', "no device is called boat"),
        (WHOLE + EXCESS + 'name = "a"\ndevices = ["board"]\n', "domain a: give power_w or panel_w"),
        (WHOLE + EXCESS + 'name = "a"\ndevices = ["board"]\npower_w = 0.001\n', "0 can; the power of"),
        (WHOLE + "[descent]\nrate = 1\nsmoothness = 1\nvariance = 1\ngradient2 = [1, 1]\n", "is for waiting"),
    ],
)
def test_what_does_not_fit_is_one_line(command: Command, text: str, said: str) -> None:
    done = simulated(command, text)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("fleet.start=noon", "[fleet]: start"),
        ("fleet.buffer=6 fleet.aggregation=asynchronous", "buffer is 6, more than the 5 active"),
        ("fleet.buffer=2 fleet.backup=1 fleet.aggregation=asynchronous", "are of rounds: leave them out"),
        ("fleet.most_stale=1", "most_stale is of asynchronous aggregation"),
        ("fleet.split=thrifty", "split: expected one of equal, proportional, least energy"),
        ("fleet.split=proportional fleet.most_samples=10", "most_samples is less than samples"),
        ("fleet.dropout=1", "dropout: expected at most 0.99"),
        ("fleet.clients=5000 fleet.active=3000 fleet.waiting=dynamic", "2,000 clients a round at most"),
        ("fleet.seed=-1", "seed: expected 0 or more"),
        ("fleet=3", "[fleet]: is not a table"),
    ],
)
def test_what_cannot_be_set_is_one_line(command: Command, change: str, said: str) -> None:
    words = [word for pair in change.split() for word in ("--set", pair)]
    done = simulated(command, WHOLE, *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_work_that_cannot_be_done_by_the_deadline_says_what_binds(command: Command) -> None:
    words = ("--set", "fleet.split='least energy'", "--set", "fleet.deadline_s=5")
    done = simulated(command, WHOLE, *words)
    assert done.returncode == 2
    assert "16 batches are to be trained in a round, the clients asked can do 5: deadline_s" in done.stderr


@pytest.mark.slow
def test_rounds_within_the_domains_are_chosen_one_by_one(command: Command) -> None:
    pytest.importorskip("scipy")
    text = WHOLE + EXCESS + 'name = "a"\ndevices = ["board"]\npower_w = 5\n'

    def planned(*words: str) -> Any:
        done = simulated(command, text, "--json", "--set", "fleet.draws=0", *words)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["excess"]

    one, three = planned(), planned("--set", "excess.rounds=3")
    assert one["samples"] > 0 and (one["rounds"], one["without"]) == (1, 0)
    assert three["samples"] == pytest.approx(3 * one["samples"])
    assert three["energy_j"] == pytest.approx(3 * one["energy_j"])
    assert len(three["clients"]) == 3 * len(one["clients"])


@pytest.mark.slow
def test_at_night_rounds_of_panels_are_without(command: Command) -> None:
    pytest.importorskip("scipy")
    panel = 'name = "a"\ndevices = ["board"]\npanel_w = 50\nlatitude = 45\n'
    words = ("--set", "excess.rounds=12", "--set", "excess.step_s=1800", "--set", "excess.steps=4")
    start = ("--set", "fleet.start='2026-06-01T00:00:00Z'", "--set", "fleet.draws=0")
    text = WHOLE + EXCESS + panel
    told = json.loads(simulated(command, text, "--json", *words, *start).stdout)["excess"]
    # Between sunset and sunrise at 45° north on the first of June lie some eight and a half hours.
    assert told["rounds"] == 12 and 3 <= told["without"] <= 5
    shown = command("fleet", "f.toml", *words, *start).stdout
    assert "12 rounds within the power domains" in shown and "rounds without: not enough power" in shown
