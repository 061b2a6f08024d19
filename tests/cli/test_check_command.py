"""``energyprof check`` as it is typed: one test an exit code."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from energyprof.cli import app
from energyprof.errors import EnergyprofError
from energyprof.report import write
from reports import at, report, run, unmetered_run


@pytest.fixture
def typed(tmp_path, monkeypatch):
    """Run ``energyprof check`` in a folder of reports with known answers."""
    monkeypatch.chdir(tmp_path)
    for name, made in {
        "base": at(0.99, 1.0, 1.01),
        "same": at(0.99, 1.0, 1.01),
        "hungry": at(1.188, 1.2, 1.212),
        "frugal": at(0.89, 0.9, 0.91),
        "noisy": at(0.8, 1.05, 1.3),
        "guess": at(0.99, 1.0, 1.01, estimated=True),
        "other": at(1.0, 1.1, config={"batch_size": 8}),
        "missed": report([run(), run(status="missed")]),
        "blind": report([run(), unmetered_run()]),
    }.items():
        write(made, tmp_path / f"{name}.json")

    def run_it(new, *words, baseline="base.json"):
        return CliRunner().invoke(app, ["check", f"{new}.json", "--baseline", baseline, *words])

    return run_it


def refusal(result):
    assert isinstance(result.exception, EnergyprofError)
    return result.exception


def test_a_pass_is_0(typed):
    done = typed("same")
    assert done.exit_code == 0
    assert "PASS  energy per sample +0.0 % (-1.7 … +1.8 %), limit +3 %" in done.stdout
    assert "3 against 3 runs show an increase of 2.5 % or more (80 % power)" in done.stdout


def test_a_regression_is_1(typed):
    done = typed("hungry")
    assert done.exit_code == 1
    assert "FAIL  energy per sample +20.0 %" in done.stdout


def test_a_bad_limit_a_bad_format_or_a_missing_baseline_is_2(typed):
    for words, complaint in (
        (["--limit", "joules:3%"], "choose from energy_per_sample"),
        (["--limit", "energy_per_sample:0%"], "must be above 0"),
        (["--format", "xml"], "choose from text, markdown, json"),
    ):
        error = refusal(typed("same", *words))
        assert error.exit_code == 2 and complaint in str(error)
    assert refusal(typed("same", baseline="nope.json")).exit_code == 2
    assert refusal(typed("nope")).exit_code == 2


def test_other_work_is_3(typed):
    error = refusal(typed("other"))
    assert error.exit_code == 3
    assert "work: config.batch_size is 8 in other, 4 in base" in str(error)


@pytest.mark.parametrize(("name", "why"), [("missed", "target missed"), ("blind", "energy not measured")])
def test_a_missed_target_or_a_run_without_energy_is_4(typed, name, why):
    done = typed(name)
    assert done.exit_code == 4
    assert "INVALID" in done.stdout and why in done.stdout


def test_inconclusive_is_5_if_strict_and_a_loud_0_if_not(typed):
    loud = typed("noisy")
    assert (loud.exit_code, typed("noisy", "--strict").exit_code) == (0, 5)
    assert "NEITHER A PASS NOR A FAIL" in loud.stdout
    assert "To hold a limit of 3 % reliably takes" in loud.stdout


def test_a_missing_baseline_that_is_allowed_is_0_and_a_line(typed):
    done = typed("same", "--allow-missing-baseline", baseline="nope.json")
    assert done.exit_code == 0
    assert "NO BASELINE: nope.json is not there" in done.stdout
    assert refusal(typed("nope", "--allow-missing-baseline", baseline="no.json")).exit_code == 2


def test_an_improvement_is_as_loud_as_a_regression(typed):
    done = typed("frugal")
    assert done.exit_code == 0
    assert "IMPROVED: less energy per sample than the baseline" in done.stdout


def test_an_estimate_is_called_one_in_every_format(typed):
    for name in ("text", "markdown"):
        done = typed("guess", "--format", name, baseline="guess.json")
        assert "ESTIMATE, not a measurement" in done.stdout
    assert json.loads(typed("guess", "--json", baseline="guess.json").stdout)["estimated"] is True


def test_json_is_on_stdout_and_words_are_on_stderr(typed):
    limits = ["--limit", "energy_per_sample:3%", "--limit", "time_to_target:5%"]
    done = typed("hungry", "--json", *limits)
    data = json.loads(done.stdout)
    assert done.exit_code == 1
    assert (data["schema"], data["outcome"]) == ("energyprof.check/1", "FAIL")
    assert [v["limit"]["margin"] for v in data["verdicts"]] == [0.03, 0.05]
    assert data["information"]["samples_to_target"]["ratio"] == 1.0
    assert "FAIL  energy per sample +20.0 %" in done.stderr


def test_markdown_is_fit_for_a_job_summary(typed):
    done = typed("hungry", "--format", "markdown")
    assert done.stdout.startswith("### FAIL: hungry against base")
    assert "| FAIL | energy per sample | +20.0 % (+17.9 … +22.1 %) | +3 % |" in done.stdout
