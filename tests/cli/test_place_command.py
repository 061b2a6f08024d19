"""``energyprof place``: its example, and what it refuses in one line."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import Command

pytest.importorskip("scipy")
EXAMPLES = Path(__file__).parents[2] / "examples"
JOB = """[job]
name = "it"
samples = 7200
start = "2026-01-01T00:00Z"
hours = 4
[[job.level]]
machines = 1
samples_per_s = 1
power_w = 1000
"""
SITES = """[[site]]
name = "here"
machines = 1
intensity = 100
"""

DESCENT = "[descent]\nrate = 0.1\nsmoothness = 1\nvariance = 1\nbatch = 1\n"


@pytest.fixture
def example(command: Command) -> Command:
    for name in ("place.toml", "place-sites.toml", "place-week.csv"):
        shutil.copy(EXAMPLES / name, command.folder)
    return command


@pytest.mark.slow
def test_the_example_has_every_policy_and_a_plan_that_does_all_of_the_work(example: Command) -> None:
    done = example("place", "place.toml", "--sites", "place-sites.toml", "--json", "--html", "p.html")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [p["policy"] for p in told["policies"]] == [
        *("run now", "best constant site", "suspend and resume", "greedy", "MILP", "rolling horizon"),
        "workers by progress",
    ]
    for policy in told["policies"]:
        assert sum(row["samples"] for row in policy["plan"]) == pytest.approx(4.5e8, rel=1e-6)
        assert all(0 < row["machines"] <= 8 for row in policy["plan"])
    assert told["policies"][0]["plan"][0]["machines"] == 8
    assert told["origin"] == "simulated"
    assert "<svg" in (example.folder / "p.html").read_text()
    assert not re.search(r"\b(src|href)=", (example.folder / "p.html").read_text())


@pytest.mark.slow
def test_a_policy_that_emits_far_more_than_the_others_leaves_the_chart_and_is_named(example: Command) -> None:
    done = example("place", "place.toml", "--sites", "place-sites.toml", "--html", "p.html")
    assert "run now takes 47.4 kg of CO2e, over the budget of 40 kg of CO2e" in done.stdout
    page = (example.folder / "p.html").read_text()
    assert page.count("beyond the top") == 1 and "run now, beyond the top: ends at 47.40 kg" in page


@pytest.mark.slow
def test_what_is_printed_fits_80_columns_and_says_that_it_is_simulated(example: Command) -> None:
    done = example("place", "place.toml", "--sites", "place-sites.toml", environment={"COLUMNS": "80"})
    assert "SIMULATED" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def placed(command: Command, job: str = JOB, sites: str = SITES, *words: str) -> Any:
    (command.folder / "j.toml").write_text(job)
    (command.folder / "s.toml").write_text(sites)
    return command("place", "j.toml", "--sites", "s.toml", *words)


@pytest.mark.slow
def test_a_constant_grid_is_a_product(command: Command) -> None:
    told = json.loads(placed(command, JOB, SITES, "--json").stdout)
    # 2 h of 1 kW at 100 g/kWh
    assert told["policies"][0]["carbon_kg"] == pytest.approx(0.2)
    assert told["policies"][0]["energy_j"] == pytest.approx(7.2e6)


@pytest.mark.parametrize(
    ("job", "sites", "said"),
    [
        (JOB.replace("hours = 4", "hours = 1"), SITES, "the deadline is what binds"),
        (JOB.replace("hours = 4\n", ""), SITES, "give deadline or hours"),
        (JOB.replace("hours", "hour"), SITES, "unknown key 'hour': did you mean hours?"),
        (JOB.replace("7200", "-1"), SITES, "samples"),
        (JOB.replace("7200", "nan"), SITES, "samples"),
        (JOB.replace('"2026-01-01T00:00Z"', '"soon"'), SITES, "is not a time such as"),
        (JOB.replace("power_w = 1000\n", ""), SITES, "give a report, or samples_per_s and power_w"),
        (JOB + JOB.partition("hours = 4\n")[2], SITES, "two levels have the same number of machines"),
        (
            JOB.replace("power_w = 1000", 'report = "none.json"').replace("samples_per_s = 1\n", ""),
            SITES,
            "none.json",
        ),
        ("", SITES, "[job]: is missing"),
        ("[job", SITES, "not TOML"),
        (JOB, "", "has no [[site]]"),
        (JOB, SITES.replace("intensity = 100\n", ""), "give one of intensity, country, trace"),
        (JOB, SITES.replace("100", "-3"), "intensity"),
        (JOB.replace("machines = 1", "machines = 2"), SITES, "no site has the machines"),
        (JOB, SITES.replace("machines = 1", "machines = 0"), "site here: machines is 0: give 1 or more"),
        (
            JOB,
            SITES + SITES.replace("machines = 1", "machines = 0").replace("here", "there"),
            "site there: machines is 0: give 1 or more",
        ),
        (JOB, SITES + SITES, "two sites are called here"),
        (JOB, SITES.replace("intensity = 100", 'country = "Atlantis"'), "Atlantis"),
        (JOB, SITES.replace("intensity = 100", 'trace = "none.csv"'), "none.csv"),
        (JOB, SITES + "pue = 0.5\n", "pue"),
        (JOB + "[budget]\ncarbon_kg = 0.1\n", SITES, "no policy keeps the budget"),
        (JOB + "[budget]\ncarbon = 0.1\n", SITES, "did you mean carbon_kg?"),
        (JOB + DESCENT + "gradient2 = [1]\n", SITES, "gradient2: give two or more"),
        (JOB + DESCENT, SITES, "[descent].gradient2 is missing"),
        (JOB + DESCENT + "gradient2 = [1, -1]\n", SITES, "gradient2"),
    ],
)
def test_what_cannot_be_placed_is_one_line(
    command: Command, one_error_line: Any, job: str, sites: str, said: str
) -> None:
    assert said in one_error_line(placed(command, job, sites))


@pytest.mark.slow
def test_a_level_may_be_measured(command: Command) -> None:
    done = command("exec", "--idle", "0", "-o", "r.json", "--quiet", "--", "python3", "-c", "")
    assert done.returncode == 0, done.stderr
    job = JOB.replace("samples_per_s = 1\npower_w = 1000", 'report = "r.json"')
    assert "no run of it has samples, an energy and a time" in placed(command, job).stderr
    report = json.loads((command.folder / "r.json").read_text())
    report["runs"][0] |= {"samples": 100, "energy_j": 500.0, "time_s": 10.0}
    (command.folder / "r.json").write_text(json.dumps(report))
    told = json.loads(placed(command, job.replace("7200", "36000"), SITES, "--json").stdout)
    # 36,000 samples at 10 a second and 50 W
    assert told["policies"][0]["energy_j"] == pytest.approx(180_000)
