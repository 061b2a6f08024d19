"""``energyprof simulate`` and ``factors`` as typed: tables, JSON, and one line for what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Command
from simulate.scenarios import EXAMPLES, PARADIGMS, SMALL

from energyprof.report.file import write
from reports import report, run

OneLine = Callable[[Any], str]


@pytest.mark.slow
def test_the_example_prints_the_published_table(command: Command) -> None:
    words = ("simulate", str(PARADIGMS), "--set", "link.bit_per_j=50e3")
    done = command(*words, environment={"COLUMNS": "80"})
    assert done.returncode == 0, done.stderr
    for name, wh in (
        ("once", "1.3438"),
        ("refreshed", "26.9544"),
        ("federated", "2.2617"),
        ("sus", "2.8775"),
    ):
        assert any(name in line and f" {wh} Wh" in line for line in done.stdout.splitlines()), name
    assert "SIMULATED" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_json_has_every_figure_and_says_that_all_are_simulated(command: Command) -> None:
    done = command("simulate", str(EXAMPLES / "simulate-bloom.toml"), "--json")
    data = json.loads(done.stdout)
    assert data["origin"] == "simulated"
    (training,) = data["paradigms"]
    assert training["origin"] == "simulated"
    assert round(training["co2_kg"], -1) == 50530
    assert training["co2_kg"] == pytest.approx(sum(part["co2_kg"] for part in training["parts"].values()))
    assert {"energy_j", "energy_low_j", "energy_high_j", "embodied_kg", "parts"} <= training.keys()
    assert {"assumptions", "break_even", "sensitivity"} <= data.keys()


def test_factors_are_shown_with_their_sources(command: Command) -> None:
    shown = command("factors", environment={"COLUMNS": "80"}).stdout
    assert "Uptime Institute" in shown
    assert max(map(len, shown.splitlines())) <= 80
    rows = json.loads(command("factors", "--json").stdout)["factors"]
    assert {"name", "value", "low", "high", "unit", "source", "year", "licence", "note"} == rows[0].keys()


@pytest.mark.slow
def test_a_report_is_an_input_and_what_it_lacks_is_assumed_or_refused(
    command: Command, one_error_line: OneLine
) -> None:
    text = SMALL.format(clients=2).replace("round_j = 100", 'report = "server.json"')
    text = text.replace("round_j = 10\n", "")
    (command.folder / "s.toml").write_text(text)
    write(report([run(seed=seed, u_rel=0.1) for seed in range(3)]), command.folder / "server.json")
    line = one_error_line(command("simulate", "s.toml"))
    assert "paradigm federated" in line and "client.round_j" in line and "--assume" in line
    done = command("simulate", "s.toml", "--assume", "client.round_j=10", "--json")
    data = json.loads(done.stdout)
    compute = data["paradigms"][0]["parts"]["compute"]["energy_j"]
    assert compute == pytest.approx(2 * 10 * 1050)  # PUE × rounds × the report's energy to target
    assert data["paradigms"][0]["energy_low_j"] < compute < data["paradigms"][0]["energy_high_j"]
    assert any(line.startswith("assumed: client.round_j = 10 J") for line in data["assumptions"])
    twice = command("simulate", "s.toml", "--assume", "client.round_j=10", "--assume", "server.round_j=1")
    assert "it is measured" in one_error_line(twice)


@pytest.mark.slow
def test_a_report_without_the_needed_figure_is_one_line(command: Command, one_error_line: OneLine) -> None:
    text = SMALL.format(clients=2).replace("round_j = 100", 'report = "server.json"')
    (command.folder / "s.toml").write_text(text)
    write(report([run(status="missed")]), command.folder / "server.json")
    assert "no energy to target: its runs missed the target" in one_error_line(command("simulate", "s.toml"))
    assert command("simulate", "s.toml", "--assume", "server.round_j=5").returncode == 0
    (command.folder / "server.json").write_text("{}")
    assert "server.json" in one_error_line(command("simulate", "s.toml"))


WRONG = {
    "an empty file": ("", "there is no paradigm"),
    "no TOML": ("[[[", "not TOML"),
    "no paradigm": ("[data]\nclients = 1\n", "there is no paradigm"),
    "an unknown key": (
        SMALL + "[link.sdie]\nbit_per_j = 1\n",
        "unknown key 'sdie' in link: did you mean side?",
    ),
    "an unknown key within": (SMALL.replace("pue = 2", "puee = 2"), "unknown key 'puee' in site.centre"),
    "an unknown table": (SMALL + "[serverr]\nround_j = 1\n", "unknown key 'serverr'"),
    "a wrong type": (
        SMALL.replace("round_j = 100", "round_j = [1]"),
        "server.round_j: a number was expected",
    ),
    "a truth value": (SMALL.replace("round_j = 100", "round_j = true"), "got a truth value"),
    "a number for a word": (SMALL.replace('kind = "central"', "kind = 7"), "paradigm.central.kind: give"),
    "a table for a number": (SMALL.replace("round_j = 100", "round_j = {{}}"), "value is missing"),
    "a number for a table": (
        "link = 7\n" + SMALL.replace("[link]\nbit_per_j = 1\n", ""),
        "a table was expected",
    ),
    "no number": (SMALL.replace("round_j = 100", "round_j = nan"), "is not a number"),
    "an endless number": (SMALL.replace("round_j = 100", "round_j = 1e999"), "is not a number"),
    "a huge number": (SMALL.replace("round_j = 100", f"round_j = 1{'0' * 400}"), "is out of range"),
    "a negative number": (SMALL.replace("round_j = 100", "round_j = -1"), "-1 is out of range"),
    "a negative intensity": (
        SMALL.replace("intensity = 360", "intensity = -5"),
        "intensity: -5 is out of range",
    ),
    "an unknown unit": (SMALL.replace("round_j = 100", 'round_j = "3 furlongs"'), "unknown unit 'furlongs'"),
    "another unit": (SMALL.replace("round_j = 100", 'round_j = "3 W"'), "unknown unit 'W': use mJ, J"),
    "a unit of what has none": (SMALL.replace("pue = 2", 'pue = "2 kW"'), "'kW': use a plain number, %"),
    "a text without a number": (SMALL.replace("round_j = 100", 'round_j = "much"'), "'much': give a number"),
    "a date": (SMALL.replace("round_j = 100", "round_j = 2025-01-01"), "a number was expected"),
    "ends that do not enclose": (
        SMALL.replace("round_j = 100", "round_j = {{ value = 1, low = 2, high = 3 }}"),
        "does not enclose",
    ),
    "half a client": (SMALL.replace("clients = {clients}", "clients = 1.5"), "give a whole number"),
    "an unknown paradigm": (SMALL.replace('"federated"', '"fed"'), "choose from central, refreshed"),
    "an unknown site": (
        SMALL.replace('site = "edge"', 'site = "moon"'),
        "'moon': the sites are centre, edge",
    ),
    "no site": (SMALL.replace('site = "edge"\n', ""), "client.site is missing: the sites are"),
    "two intensities": (
        SMALL.replace("pue = 2", 'pue = 2\ncountry = "FR"'),
        "intensity and country: give only one",
    ),
    "an unknown country": (
        SMALL.replace("intensity = 360", 'country = "Atlantis"'),
        "site.centre.country 'Atlantis'",
    ),
    "no trace": (SMALL.replace("intensity = 360", 'trace = "none.csv"'), "none.csv: cannot be read"),
    "two ways to charge a link": (
        SMALL.replace("bit_per_j = 1", "bit_per_j = 1\nkwh_per_gb = 1"),
        "bit_per_j and kwh_per_gb: give only one of them",
    ),
    "no link": (SMALL.replace("[link]\nbit_per_j = 1\n", ""), "there is no link.uplink: give [link]"),
    "an unknown network": (SMALL.replace("bit_per_j = 1", 'medium = "pigeon"'), "no factor 'network.pigeon'"),
    "an unknown factor": (SMALL + "[factors]\nnetwork.pigeon = 1\n", "no factor 'network.pigeon'"),
    "a device that lasts no time": (
        SMALL + "[factors]\nlife.server = 0\n[server.device.x]\nembodied_kg = 1\n",
        "factors.life.server: 0 is out of range",
    ),
    "a data centre that cools for nothing": (SMALL + "[factors]\npue.world = 0.5\n", "0.5 is out of range"),
    "overlapping sites": (
        SMALL.replace("[site.centre]", '[site.centre]\nclients = "1-2"').replace(
            "[site.edge]", '[site.edge]\nclients = "2"'
        ),
        "sites centre and edge both hold client 2",
    ),
    "a client nowhere": (
        SMALL.replace("[site.edge]", '[site.edge]\nclients = "1"'),
        "client 2 is at no site",
    ),
    "clients that are not": (
        SMALL.replace("[site.edge]", '[site.edge]\nclients = "1-9"'),
        "there are 1 to 2",
    ),
    "clients in words": (
        SMALL.replace("[site.edge]", '[site.edge]\nclients = "all"'),
        "give clients by number",
    ),
    "no rounds": (SMALL.replace("rounds = 10\n", ""), "paradigm.central.rounds is missing"),
    "no report": (SMALL.replace("round_j = 100", 'report = "gone.json"'), "gone.json: cannot be read"),
    "a graph that is none": (
        SMALL + '[paradigm.c]\nkind = "consensus"\nrounds = 1\ngraph = "knot"\n',
        "unknown topology 'knot'",
    ),
    "sleep without a trace": (
        SMALL + '[paradigm.c]\nkind = "consensus"\nrounds = 1\nneighbours = 1\nsleep_above = 5\n',
        "site edge has no trace to sleep by",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_one_line(command: Command, one_error_line: OneLine, kind: str) -> None:
    text, said = WRONG[kind]
    (command.folder / "s.toml").write_text(
        text.replace("{clients}", "2").replace("{{", "{").replace("}}", "}")
    )
    line = one_error_line(command("simulate", "s.toml"))
    assert said in line
    assert "s.toml" in line or "none.csv" in line or "gone.json" in line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "link.bit_per_j"), "give KEY=VALUE"),
        (("--set", "=5"), "give KEY=VALUE"),
        (("--set", "link.bit_per_j="), "give KEY=VALUE"),
        (("--set", "link.bit_per_j=fast"), "'fast': give a number in bit/J"),
        (("--set", "link.bit_per_j=0"), "out of range"),
        (("--set", "data.clients.x=1"), "clients is not a table"),
        (("--set", "nothing.here=1"), "unknown key 'nothing'"),
        (("--assume", "nothing.here=1"), "is not a number of a scenario"),
        (("--assume", "link.bit_per_j=5"), "it is given (in the scenario); --set replaces it"),
        (("--break-even", "nothing"), "no number above 0"),
    ],
)
def test_wrong_words_are_one_line(
    command: Command, one_error_line: OneLine, words: tuple[str, ...], said: str
) -> None:
    assert said in one_error_line(command("simulate", str(PARADIGMS), *words))


@pytest.mark.slow
def test_a_folder_a_device_and_a_missing_file_are_one_line(command: Command, one_error_line: OneLine) -> None:
    for path in (str(command.folder), "/dev/zero", "gone.toml"):
        assert path in one_error_line(command("simulate", path))


@pytest.mark.slow
def test_setting_one_way_to_charge_a_link_replaces_the_other(command: Command) -> None:
    done = command("simulate", str(PARADIGMS), "--set", "link.kwh_per_gb=0", "--json")
    uplink = json.loads(done.stdout)["paradigms"][0]["parts"]["uplink"]["energy_j"]
    assert uplink == 0


@pytest.mark.slow
def test_a_site_with_a_trace_sleeps_while_its_grid_is_dirty(command: Command) -> None:
    rows = "time,a\n" + "".join(f"2025-01-01T{h:02d}:00Z,{100 if h < 6 else 300}\n" for h in range(24))
    (command.folder / "t.csv").write_text(rows)
    text = SMALL.format(clients=2).replace("intensity = 36\n", 'trace = "t.csv"\n')
    text += '[paradigm.c]\nkind = "consensus"\nrounds = 8\ngraph = "full"\nsleep_above = 200\n'
    text += "train_rounds = 1\nsync_rounds = 3\n"
    (command.folder / "s.toml").write_text(text)
    data = json.loads(command("simulate", "s.toml", "--json").stdout)
    c = next(one for one in data["paradigms"] if one["name"] == "c")
    # Awake a quarter of the time, training in a quarter of that; a message needs both ends awake.
    assert c["parts"]["compute"]["energy_j"] == pytest.approx(2 * 8 / 4 / 4 * 10)
    assert c["parts"]["side link"]["energy_j"] == pytest.approx(2 * 8 / 4 / 4 * 3)
    kg = c["parts"]["compute"]["energy_j"] / 3.6e6 * 100 / 1000
    assert c["parts"]["compute"]["co2_kg"] == pytest.approx(kg)
    assert data["participation"]["c"]["fairness"] == pytest.approx(1)


@pytest.mark.slow
def test_without_numpy_it_says_what_to_install(command: Command, one_error_line: OneLine) -> None:
    absent = command.folder / "absent/numpy"
    absent.mkdir(parents=True)
    (absent / "__init__.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'numpy'\", name='numpy')\n"
    )
    done = command.anew("simulate", str(PARADIGMS), environment={"PYTHONPATH": str(absent.parent)})
    assert (
        "numpy, needed to simulate, is not installed: pip install 'energyprof[simulate]'"
        in one_error_line(done)
    )
    assert command.anew("factors", environment={"PYTHONPATH": str(absent.parent)}).returncode == 0


def test_without_sites_the_server_is_in_a_data_centre_and_the_clients_are_not(command: Command) -> None:
    text = SMALL.format(clients=2).replace('site = "centre"\n', "").replace('site = "edge"\n', "")
    start, end = text.index("[site.centre]"), text.index("[server]")
    (command.folder / "s.toml").write_text(text[:start] + text[end:])
    words = ("simulate", "s.toml", "--json", "--set", "site.data centre.pue=3")
    data = json.loads(command(*words).stdout)
    compute = [one["parts"]["compute"]["energy_j"] for one in data["paradigms"]]
    assert compute == [3 * 10 * 100, 2 * 10 * 10]
