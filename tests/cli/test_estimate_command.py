"""``energyprof estimate`` as it is typed, and emissions where they are asked for."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from energyprof.report.file import write
from energyprof.report.record import Point
from reports import at, report, run, unmetered_run

MEASURED = Path(__file__).parents[2] / "results" / "vm-epyc-2" / "unet-tiny" / "seeds-0-2.json"


@pytest.fixture
def folder(command: Any) -> Path:
    """Two short runs that missed, and a report of the same work whose runs reached the target."""
    short = [replace(run(x, samples=200, seed=i), status="missed") for i, x in enumerate((1.0, 1.02))]
    write(report(short), command.folder / "short.json")
    runs = []
    for seed, samples in enumerate((900, 1000, 1100)):
        history = (Point(samples - 100, 0.7, 1.0, None), Point(samples, 0.8, 2.0, None))
        runs.append(run(2.0, samples=samples, seed=seed, history=history))
    write(report(runs), command.folder / "long.json")
    write(at(1.0, 1.0, config={"batch_size": 8, "precision": "fp32"}), command.folder / "other.json")
    write(report([unmetered_run()]), command.folder / "blind.json")
    return command.folder


@pytest.mark.slow
def test_the_cost_of_a_training_that_nobody_ran_is_called_predicted(command: Any, folder: Path) -> None:
    words = ("estimate", "unet", "--size", "tiny", "--from", "short.json", "--samples-from", "long.json")
    done = command(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert "unet tiny to dice >= 0.8 on here, Xeon, boundary component:" in done.stdout
    assert "PREDICTED for one training from 2 runs, not measured." in done.stdout
    assert "samples to target: long, 3 runs." in done.stdout
    assert "emissions" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "geometric mean of 4 trainings" in " ".join(command(*words, "--repeats", "4").stdout.split())


def test_json_holds_figures_factors_and_intervals(command: Any, folder: Path) -> None:
    words = ("estimate", "unet", "--from", "short.json", "--samples-from", "long.json", "--country", "FR")
    done = command(*words, "--json")
    data = json.loads(done.stdout)
    assert (data["schema"], data["size"]) == ("energyprof.estimate/1", "tiny")
    assert (data["grid"]["place"], data["grid"]["year"]) == ("France", 2023)
    figures = {figure["name"]: figure for figure in data["figures"]}
    assert set(figures) == {"energy_to_target", "time_to_target", "emissions"}
    assert all(figure["low"] < figure["mean"] < figure["high"] for figure in figures.values())
    energy_j = figures["energy_to_target"]["mean"]
    assert math.prod(factor["mean"] for factor in data["factors"]) == pytest.approx(energy_j)
    # 1.01 J a sample, and 50 J an evaluation every 100 samples.
    assert energy_j == pytest.approx((900 * 1000 * 1100) ** (1 / 3) * (1.01 + 0.5), rel=0.01)


def test_a_real_report_and_the_bank_of_its_work(command: Any) -> None:
    done = command("estimate", "unet", "--size", "tiny", "--from", str(MEASURED), "--intensity", "56")
    assert done.returncode == 0, done.stderr
    words = " ".join(done.stdout.split())
    assert "samples to target: reference bank of unet tiny, 20 runs." in words
    assert "These figures are an ESTIMATE, not a measurement." in words
    assert "emissions: of these joules alone, at 56 g CO2e/kWh (as given)." in words


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (["unet", "--size", "base", "--from", "short.json"], 3, "short is of unet tiny, not of unet base"),
        (["unet", "--from", "short.json"], 3, "config.batch_size is 4 in short, 16 in the bank"),
        (["unet", "--from", "short.json", "--samples-from", "other.json"], 3, "4 in short, 8 in other"),
        (["unet", "--from", "blind.json", "--samples-from", "long.json"], 2, "nothing to predict from"),
        (["unet", "--from", "short.json", "--samples-from", "short.json"], 2, "fewer than two runs reached"),
        (["unet", "--from", "nope.json"], 2, "nope.json: cannot be read"),
        (["unet", "--from", "short.json", "--country", "Frnce"], 2, "similar: France (FR)"),
        (["unet", "--from", "short.json", "--country", "FR", "--intensity", "5"], 2, "give only one of them"),
    ],
)
def test_what_cannot_be_told_is_said_with_its_code(
    command: Any, folder: Path, words: list[str], code: int, complaint: str
) -> None:
    done = command("estimate", *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("error: ") and complaint in done.stderr


@pytest.mark.slow
def test_show_and_compare_have_the_emissions_of_the_same_energy(command: Any, folder: Path) -> None:
    shown = " ".join(command("show", "long.json", "--intensity", "56").stdout.split())
    # 2 J × 1000 and 50 J, in the geometric mean of 900, 1000 and 1100 samples: 2.04 kJ.
    assert re.search(r"emissions 3[12][.\d]* ± [.\d]+ mg CO2e of this energy alone", shown)
    assert "of this energy alone, at 56 g CO2e/kWh (as given)" in shown
    assert "emissions" not in command("show", "long.json").stdout
    done = command("compare", "long.json", "--country", "FR", "--json")
    data = json.loads(done.stdout)
    assert (data["grid"]["g_per_kwh"], data["grid"]["year"]) == (56.039, 2023)
    (emissions,) = [e for e in data["entries"][0]["estimates"] if e["figure"] == "emissions"]
    assert emissions["mean"] == pytest.approx(0.0317, rel=0.01)
    text = command("compare", "long.json", "--country", "FR").stdout
    assert re.search(r"3[12][.\d]* mg CO2e", text)
    assert "France 2023: Our World in Data" in " ".join(text.split())
    refused = command("show", "long.json", "--country", "FR", "--json")
    assert (refused.returncode, refused.stdout) == (2, "")


@pytest.mark.slow
def test_one_report_has_the_same_plus_minus_in_show_and_compare(command: Any, folder: Path) -> None:
    budget = json.loads(command("show", "long.json", "--budget", "--json").stdout)["figures"]
    estimates = json.loads(command("compare", "long.json", "--json").stdout)["entries"][0]["estimates"]
    found = {estimate["figure"]: estimate for estimate in estimates}
    assert {figure["figure"] for figure in budget} == {"energy_to_target", "energy_per_sample"}
    for figure in budget:
        estimate = found[figure["figure"]]
        assert estimate["mean"] == pytest.approx(figure["mean_j"], rel=1e-12)
        relative = figure["total"]["expanded_j"] / figure["mean_j"]
        assert estimate["u_rel"] == pytest.approx(relative, rel=1e-12)
