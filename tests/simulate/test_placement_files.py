"""What a job's and its sites' files say, as they are read and shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from energyprof.cli.place import prepared
from energyprof.errors import UsageError
from energyprof.formats.placement import placement_json
from energyprof.report.file import write
from energyprof.simulate.placement.policies import Placement
from reports import report, run

pytest.importorskip("numpy")
PRICED = """
[[site]]
name = "here"
machines = 2
intensity = 100
price_per_kwh = 0.25
[[site]]
name = "there"
machines = 2
intensity = 10
"""
PLACED = """
[job]
name = "it"
samples = 36000
start = 2026-03-02
hours = 2
[[job.level]]
machines = 1
samples_per_s = 10
power_w = 3600
"""


def placed(folder: Path, job: str, sites: str) -> Placement:
    for name, text in (("job.toml", job), ("sites.toml", sites)):
        (folder / name).write_text(text)
    return prepared(folder / "job.toml", folder / "sites.toml", 48, 0.1, 0, ())()


def test_what_a_site_costs_that_says_no_price_is_not_known(tmp_path: Path) -> None:
    found = placed(tmp_path, PLACED, PRICED)
    money = {p["policy"]: p["money"] for p in json.loads(placement_json(found))["policies"]}
    assert (money["run now"], money["best constant site"]) == (pytest.approx(3.6 * 0.25), None)
    for job in (
        PLACED.replace("hours = 2", 'hours = 2\nobjective = "money"'),
        PLACED + "[budget]\nmoney = 9\n",
    ):
        with pytest.raises(UsageError, match=r"site there: give price_per_kwh"):
            placed(tmp_path, job, PRICED)


def test_sites_of_one_domain_share_its_watts_whoever_says_them(tmp_path: Path) -> None:
    sites = PRICED.replace("intensity", 'domain = "hall"\nintensity')
    capped = sites.replace("price_per_kwh = 0.25", "domain_w = 1000")
    with pytest.raises(UsageError, match=r"no site has the machines"):
        placed(tmp_path, PLACED, capped)
    with pytest.raises(UsageError, match=r"domain hall: domain_w is 1000 and 7: give one"):
        placed(tmp_path, PLACED, capped + "domain_w = 7\n")


def test_a_level_says_which_report_it_is_of(tmp_path: Path) -> None:
    write(report([run()]), tmp_path / "r.json")
    job = PLACED.replace("samples_per_s = 10\npower_w = 3600", 'report = "r.json"').replace("36000", "1000")
    (line,) = json.loads(placement_json(placed(tmp_path, job, PRICED)))["levels"]
    assert "r.json: 1 run on" in line and "boundary" in line


def test_a_number_where_a_table_was_given_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"pue: expected float"):
        placed(tmp_path, PLACED, PRICED.replace("machines = 2", "machines = 2\npue = { value = 1.2 }", 1))


@pytest.mark.parametrize(("reach", "error"), [(float("nan"), 0.1), (float("inf"), 0.1), (48, float("nan"))])
def test_a_forecast_without_a_number_is_one_line(tmp_path: Path, reach: float, error: float) -> None:
    with pytest.raises(UsageError, match=r"--(reach|error) (nan|inf): is not a number"):
        prepared(tmp_path / "job.toml", tmp_path / "sites.toml", reach, error, 0, ())
