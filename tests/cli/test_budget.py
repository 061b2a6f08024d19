"""``show --budget`` and what the summary says of net energy and calibrations, at 80 columns and as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from energyprof.meter import Calibration
from energyprof.report.file import write
from energyprof.report.record import Report, Run
from reports import meter, report, run, unmetered_run

RECTANGLE = 1 / math.sqrt(3)


def saved(command: Any, content: Report) -> str:
    write(content, command.folder / "r.json")
    return "r.json"


def measured(energy_j: float, gain_a: float = 0.05, **changes: Any) -> Run:
    gain_j = gain_a * RECTANGLE * energy_j
    terms = {"gain": gain_j, "offset": 90.0, "edge": 40.0}
    u_j = 2 * math.hypot(*terms.values())
    known = {"energy_j": energy_j, "energy_u_j": u_j, "gain_u_j": 2 * gain_j, "budget_j": terms}
    return run(**{**known, **changes})


def five(gain_a: float = 0.05, **changes: Any) -> Report:
    runs = [measured(900e3 * (1 + 0.015 * z / math.sqrt(2.5)), gain_a, **changes) for z in range(-2, 3)]
    return report(runs)


def test_the_budget_says_where_the_uncertainty_comes_from(command: Any) -> None:
    done = command("show", saved(command, five()), "--budget", environment={"COLUMNS": "80"})
    assert done.returncode == 0, done.stderr
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    assert "…" not in done.stdout
    words = " ".join(done.stdout.split())
    assert "energy to target 900 ± 53 kJ (± 5.9 %) geometric mean of 5 runs" in words
    assert "gain B rectangular 26.0 kJ 2.9 % 95 %" in words
    assert "scatter A Student, 4 dof 6.04 kJ 0.67 % 5.1 %" in words
    assert "U, k = 2 53.4 kJ 5.9 %" in words or "U, k = 2 53.3 kJ 5.9 %" in words
    assert "without gain combined 4 dof 6.04 kJ 0.67 %" in words
    assert "the meters' scale" in words
    assert "rapl: ±5 %, assumed" in words
    assert "energy per sample" in words


@pytest.mark.slow
def test_the_summary_shows_the_same_as_the_budget(command: Any) -> None:
    for gain_a, shown in ((0.05, "900 ± 53 kJ"), (0.01, "900 ± 18 kJ")):
        name = saved(command, five(gain_a))
        assert shown in command("show", name).stdout
        assert shown in command("show", name, "--budget").stdout


def test_the_budget_speaks_json(command: Any) -> None:
    done = command("show", saved(command, five()), "--budget", "--json")
    data = json.loads(done.stdout)
    assert data["schema"] == "energyprof.budget/1"
    energy, sample = data["figures"]
    assert (energy["figure"], sample["figure"]) == ("energy_to_target", "energy_per_sample")
    assert energy["total"]["expanded_j"] / energy["mean_j"] == pytest.approx(0.059, abs=5e-4)
    shares = [item["share"] for item in energy["items"] if item["share"] is not None]
    assert sum(shares) == pytest.approx(1)
    assert {"term", "evaluation", "distribution", "meaning", "source", "u_j", "share"} == set(
        energy["items"][0]
    )


@pytest.mark.slow
def test_several_meters_have_a_budget_each(command: Any) -> None:
    each = {"rapl:package-0": {"gain": 100.0}, "nvml:0": {"gain": 300.0, "edge": 4.0}}
    content = replace(five(budget_by_meter_j=each), meters=(meter(), meter("nvml:0")))
    words = " ".join(command("show", saved(command, content), "--budget").stdout.split())
    assert "by meter" in words
    assert "rapl:package-0 gain 100 J 0.01 % nvml:0 gain 300 J 0.03 % edge 1.79 J <0.01 %" in words


def test_an_older_report_says_that_it_holds_only_the_totals(command: Any) -> None:
    done = command("show", saved(command, report([run(u_rel=0.1, gain_rel=0.06)])), "--budget")
    words = " ".join(done.stdout.split())
    assert "the report holds only totals, not the terms" in words
    assert "reading" in words


@pytest.mark.slow
def test_an_estimates_budget_says_so(command: Any) -> None:
    name = saved(command, replace(five(), origin="modelled"))
    assert "ESTIMATE, not a measurement" in command("show", name, "--budget").stdout
    assert json.loads(command("show", name, "--budget", "--json").stdout)["origin"] == "modelled"


def test_without_energy_there_is_no_budget_and_no_zero(command: Any) -> None:
    done = command("show", saved(command, report([unmetered_run()])), "--budget")
    assert done.returncode == 0
    assert "no energy was measured, so there is no budget" in done.stdout
    assert " 0 J" not in done.stdout
    assert json.loads(command("show", "r.json", "--budget", "--json").stdout)["figures"] == []


@pytest.mark.slow
def test_a_real_run_has_a_budget_of_every_energy(command: Any) -> None:
    command("exec", "--idle", "0.5", "-o", "r.json", "--", "sleep", "1")
    figures = json.loads(command("show", "r.json", "--budget", "--json").stdout)["figures"]
    assert [figure["figure"] for figure in figures] == ["energy", "net_energy"]
    made = command.report()["runs"][0]
    assert figures[0]["total"]["expanded_j"] == pytest.approx(made["energy_u_j"])
    assert figures[1]["total"]["expanded_j"] == pytest.approx(made["net_energy_u_j"])
    assert "net of idle" in command("show", "r.json").stdout


def test_the_summary_shows_net_energy_and_the_idle_machine(command: Any) -> None:
    net = {"net_energy_j": 800e3, "net_energy_u_j": 47e3, "idle_before_w": 20.0, "idle_after_w": 21.0}
    done = command("show", saved(command, report([measured(900e3, **net)])))
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    words = " ".join(done.stdout.split())
    assert "net of idle 800 ± 47 kJ" in words
    assert "idle before: 20.0 W, after: 21.0 W" in words


@pytest.mark.slow
def test_the_summary_says_that_a_meter_is_calibrated(command: Any) -> None:
    calibration = Calibration(1.06, 0.006, 0.0, 0.2, "c.json, against shelly:192.0.2.7 on 2026-01-02")
    card = meter("nvml:0")
    content = report(
        [measured(900e3)], meters=(replace(card, info=replace(card.info, calibration=calibration)),)
    )
    done = command("show", saved(command, content), environment={"COLUMNS": "80"})
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    words = " ".join(done.stdout.split())
    assert "calibrated: gain 1.060 ± 0.013" in words
    assert "c.json, against" in words
    assert "calibrated" not in command("show", saved(command, report([measured(900e3)]))).stdout
