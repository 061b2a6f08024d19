"""``energyprof check`` as it is typed: one test an exit code."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from energyprof.cli.application import application
from energyprof.compare.gate.noise import noise_of, noise_path
from energyprof.compare.gate.noise import write as write_noise
from energyprof.errors import EnergyprofError
from energyprof.report.file import write
from energyprof.report.flags import flag
from energyprof.report.record import Series
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
        "guess": at(0.99, 1.0, 1.01, origin="modelled"),
        "other": at(1.0, 1.1, config={"batch_size": 8}),
        "missed": report([run(), run(status="missed")]),
        "blind": report([run(), unmetered_run()]),
    }.items():
        write(made, tmp_path / f"{name}.json")

    def run_it(new, *words, baseline="base.json"):
        return CliRunner().invoke(application(), ["check", f"{new}.json", "--baseline", baseline, *words])

    return run_it


def refusal(result):
    assert isinstance(result.exception, EnergyprofError)
    return result.exception


@pytest.mark.slow
@pytest.mark.parametrize(("name", "said"), [("base", True), ("same", True), ("frugal", False)])
def test_a_report_beside_itself_or_a_copy_is_called_one(typed, name, said):
    done = typed(name)
    assert done.exit_code == 0
    assert ("those of its baseline to the last digit: one report" in " ".join(done.stdout.split())) is said


@pytest.mark.slow
def test_a_pass_is_0(typed):
    done = typed("same")
    assert done.exit_code == 0
    assert "PASS  energy per sample +0.0 % (-1.7 … +1.8 %, one-sided 95 %), limit +3 %" in done.stdout
    said = " ".join(done.stdout.split())
    assert (
        "With 3 against 3 runs at this scatter an increase of 3.8 % would FAIL with a chance of 80 %." in said
    )
    assert "Unchanged work passes a limit of 3 % with a chance of 80 % from 3 runs a side on." in said


@pytest.mark.slow
def test_a_regression_is_1(typed):
    done = typed("hungry")
    assert done.exit_code == 1
    assert "FAIL  energy per sample +20.0 %" in done.stdout


@pytest.mark.slow
def test_a_bad_limit_a_bad_format_or_a_missing_baseline_is_2(typed):
    for words, complaint in (
        (["--limit", "joules:3%"], "choose from energy_per_sample"),
        (["--limit", "energy_per_sample:0%"], "must be above 0"),
        (["--format", "xml"], "choose from text, markdown, "),
    ):
        error = refusal(typed("same", *words))
        assert error.exit_code == 2 and complaint in str(error)
    assert refusal(typed("same", baseline="nope.json")).exit_code == 2
    assert refusal(typed("nope")).exit_code == 2


@pytest.mark.slow
def test_other_work_is_3(typed):
    error = refusal(typed("other"))
    assert error.exit_code == 3
    assert "work: config.batch_size is 8 in other, 4 in base" in str(error)


@pytest.mark.parametrize(("name", "why"), [("missed", "target missed"), ("blind", "energy not measured")])
def test_a_missed_target_or_a_run_without_energy_is_4(typed, name, why):
    done = typed(name)
    assert done.exit_code == 4
    assert "INVALID" in done.stdout and why in done.stdout


@pytest.mark.slow
def test_inconclusive_is_5_if_strict_and_a_loud_0_if_not(typed):
    loud = typed("noisy")
    assert (loud.exit_code, typed("noisy", "--strict").exit_code) == (0, 5)
    assert "NEITHER A PASS NOR A FAIL" in loud.stdout
    assert "Unchanged work passes a limit of 3 % with a chance" in loud.stdout


@pytest.mark.slow
def test_a_missing_baseline_that_is_allowed_is_0_and_a_line(typed):
    done = typed("same", "--allow-missing-baseline", baseline="nope.json")
    assert done.exit_code == 0
    assert "NO BASELINE: nope.json does not exist" in done.stdout
    assert refusal(typed("nope", "--allow-missing-baseline", baseline="no.json")).exit_code == 2


@pytest.mark.slow
def test_an_improvement_is_as_loud_as_a_regression(typed):
    done = typed("frugal")
    assert done.exit_code == 0
    assert "IMPROVED: less energy per sample than the baseline" in done.stdout


@pytest.mark.slow
def test_an_estimate_is_called_one_in_every_format(typed):
    for name in ("text", "markdown"):
        done = typed("guess", "--format", name, baseline="guess.json")
        assert "ESTIMATE, not a measurement" in done.stdout
    assert json.loads(typed("guess", "--json", baseline="guess.json").stdout)["origin"] == "modelled"


def test_json_is_on_stdout_and_words_are_on_stderr(typed):
    limits = ["--limit", "energy_per_sample:3%", "--limit", "time_to_target:5%"]
    done = typed("hungry", "--json", *limits)
    data = json.loads(done.stdout)
    assert done.exit_code == 1
    assert (data["schema"], data["outcome"]) == ("energyprof.check/1", "FAIL")
    assert [v["limit"]["margin"] for v in data["verdicts"]] == [0.03, 0.05]
    assert data["information"]["samples_to_target"]["ratio"] == 1.0
    assert "FAIL  energy per sample +20.0 %" in done.stderr


@pytest.mark.slow
def test_markdown_is_fit_for_a_job_summary(typed):
    done = typed("hungry", "--format", "markdown")
    assert done.stdout.startswith("### FAIL: hungry against base")
    assert "| FAIL | energy per sample | +20.0 % (+17.9 … +22.1 %, one-sided 95 %) | +3 % |" in done.stdout


def of(made, size):
    return replace(made, workload=replace(made.workload, size=size, work=size))


@pytest.fixture
def judge(tmp_path, monkeypatch):
    """Run ``energyprof check`` with any words in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run_it(*words):
        return CliRunner().invoke(application(), ["check", *words])

    return run_it


SAME, HUNGRY = at(0.99, 1.0, 1.01), at(1.188, 1.2, 1.212)


@pytest.mark.slow
def test_folders_are_judged_work_by_work(judge, tmp_path):
    for name, made in {
        "new/a": of(SAME, "small"),
        "new/deep/b": of(HUNGRY, "large"),
        "new/c": of(SAME, "huge"),
        "main/x": of(SAME, "small"),
        "main/y": of(SAME, "large"),
        "main/z": of(SAME, "gone"),
    }.items():
        write(made, tmp_path / f"{name}.json")
    done = judge("new", "--baseline", "main")
    assert done.exit_code == 1
    assert "FAIL: new against main" in done.stdout
    assert "REMOVED, so not judged: unet gone on here, Xeon" in done.stdout
    assert "ADDED, no baseline yet: unet huge on here, Xeon" in done.stdout
    large, small = done.stdout.index("unet large\nFAIL"), done.stdout.index("unet small\nPASS")
    assert large < small
    table = judge("new", "-b", "main", "--format", "markdown").stdout
    assert "| FAIL | unet large: energy per sample | +20.0 %" in table
    data = json.loads(judge("new", "-b", "main", "--json").stdout)
    assert [(v["work"], v["outcome"]) for v in data["verdicts"]] == [
        ("unet large", "FAIL"),
        ("unet small", "PASS"),
    ]
    assert data["removed"] == ["unet gone on here, Xeon"]


@pytest.mark.slow
def test_changed_work_in_a_folder_is_3_unless_it_is_allowed(judge, tmp_path):
    write(at(1.0, 1.1, config={"batch_size": 8}), tmp_path / "new" / "a.json")
    write(SAME, tmp_path / "main" / "a.json")
    done = judge("new", "-b", "main")
    assert done.exit_code == 3
    assert "NOT COMPARABLE" in done.stdout and "CHANGED, so not judged: unet tiny" in done.stdout
    assert judge("new", "-b", "main", "--allow-changed").exit_code == 0


@pytest.mark.slow
def test_folders_without_reports_are_2_unless_a_missing_baseline_is_allowed(judge, tmp_path):
    write(SAME, tmp_path / "new" / "a.json")
    (tmp_path / "empty").mkdir()
    assert "empty: no report in this folder" in str(refusal(judge("new", "-b", "empty")))
    assert "nowhere: not a folder" in str(refusal(judge("new", "-b", "nowhere")))
    assert "empty: no report in this folder" in str(
        refusal(judge("empty", "-b", "new", "--allow-missing-baseline"))
    )
    for name in ("empty", "nowhere"):
        done = judge("new", "-b", name, "--allow-missing-baseline")
        assert (done.exit_code, "NO BASELINE" in done.stdout) == (0, True)


def test_a_broken_report_in_a_folder_is_2(judge, tmp_path):
    for name in ("new", "main"):
        write(SAME, tmp_path / name / "a.json")
    (tmp_path / "new" / "cut.json").write_text('{"schema": "energyprof.report/1"')
    error = refusal(judge("new", "-b", "main"))
    assert error.exit_code == 2 and "cut.json: not a readable report" in str(error)


@pytest.mark.slow
def test_a_report_and_a_folder_do_not_go_together(judge, tmp_path):
    write(SAME, tmp_path / "a.json")
    assert "is a folder" in str(refusal(judge("a.json", "-b", str(tmp_path))))
    assert "judges one report" in str(refusal(judge(str(tmp_path), "--history", str(tmp_path))))
    assert "give --baseline REPORT or --history FOLDER" in str(refusal(judge("a.json")))
    both = judge(str(tmp_path), "-b", str(tmp_path), "--history", ".")
    assert "--history: beside --baseline for two reports" in str(refusal(both))


def dated(made, day):
    return replace(made, created=f"2026-01-{day:02}T00:00:00Z")


@pytest.mark.slow
def test_a_report_is_judged_by_those_before_it(judge, tmp_path):
    for day, x in enumerate((0.99, 1.0, 1.01, 1.0, 0.995), 1):
        write(dated(at(x), day), tmp_path / "past" / f"{day}.json")
    write(dated(at(1.0, config={"batch_size": 8}), 6), tmp_path / "past" / "other.json")
    write(dated(at(1.0), 7), tmp_path / "past" / "this.json")
    write(dated(at(1.1), 7), tmp_path / "hungry.json")
    done = judge("past/this.json", "--history", "past")
    assert done.exit_code == 0
    assert "PASS: this against past" in done.stdout
    assert "1 left out, other work: other.json" in done.stdout
    assert "With 5 reports before it at this scatter" in done.stdout
    said = " ".join(done.stdout.split())
    assert re.search(r"energy per sample \+0.4 % \([^()]*\) over 6 reports, limit \+3 %", said)
    done = judge("hungry.json", "--history", "past", "--last", "4")
    assert done.exit_code == 1 and "4 reports before it at this scatter" in done.stdout


@pytest.mark.slow
def test_a_history_without_a_report_before_it_is_2_unless_that_is_allowed(judge, tmp_path):
    write(dated(SAME, 1), tmp_path / "first.json")
    write(dated(at(1.0, config={"batch_size": 8}), 1), tmp_path / "past" / "other.json")
    error = refusal(judge("first.json", "--history", "past"))
    assert error.exit_code == 2 and "1 left out, other work: other.json" in str(error)
    assert refusal(judge("first.json", "--history", "nowhere")).exit_code == 2
    for folder in ("past", "nowhere"):
        done = judge("first.json", "--history", folder, "--allow-missing-baseline")
        assert done.exit_code == 0
        assert f"NO BASELINE: an earlier report in {folder} does not exist" in done.stdout


@pytest.mark.slow
def test_an_accepted_level_is_judged_by_from_the_next_report_on(judge, tmp_path):
    for day, x in enumerate((0.99, 1.0, 1.01, 1.0, 0.995, 1.1), 1):
        write(dated(at(x), day), tmp_path / "past" / f"{day}.json")
    assert judge("past/6.json", "--history", "past").exit_code == 1
    done = judge("past/6.json", "--history", "past", "--accept", "a larger model")
    assert done.exit_code == 0 and "NO BASELINE" in done.stdout
    assert json.loads((tmp_path / "past" / "6.accepted.json").read_text())["why"] == "a larger model"
    assert judge("past/6.json", "--history", "past").exit_code == 0
    write(dated(at(1.1), 7), tmp_path / "next.json")
    done = judge("next.json", "--history", "past")
    assert done.exit_code == 0 and "accepted: a larger model" in " ".join(done.stdout.split())
    write(dated(at(1.2), 7), tmp_path / "next.json")
    assert judge("next.json", "--history", "past").exit_code == 1
    marked = judge("next.json", "-b", "past/1.json", "--accept", "why")
    assert "give that, and no --baseline" in str(refusal(marked))


@pytest.mark.slow
def test_the_noise_beside_the_baseline_widens_the_default_limit(typed, tmp_path):
    base = at(0.99, 1.0, 1.01)
    write(at(1.03, 1.04, 1.05), tmp_path / "more.json")
    assert typed("more").exit_code == 1
    noisy = [at(math.exp(0.03), math.exp(-0.03))]
    write_noise(replace(noise_of(noisy), work=base.workload.work), noise_path(tmp_path / "base.json"))
    done = typed("more")
    assert done.exit_code == 0 and "limit +8.49 %" in done.stdout  # 2 · 0.03 · √2
    assert "the limit on energy_per_sample is twice this machine's own variation" in done.stdout
    assert typed("more", "--limit", "energy_per_sample:3%").exit_code == 1
    noise_path(tmp_path / "base.json").write_text("{")
    assert refusal(typed("more")).exit_code == 2


@pytest.mark.slow
def test_a_series_is_judged_in_pairs_and_says_when_to_look_again(typed, tmp_path):
    for name, side, values, places in (
        ("before", "A", (1.0, 1.1, 1.2), (0, 3, 4)),
        ("after", "B", (1.05, 1.156, 1.26), (1, 2, 5)),
        ("unclear", "B", (1.0, 1.2, 1.1), (1, 2, 5)),
    ):
        write(
            replace(at(*values), series=Series("s", side, places, (3, 5, 7, 10))), tmp_path / f"{name}.json"
        )
    done = typed("after", baseline="before.json")
    assert done.exit_code == 1
    assert "With 3 pairs of runs at this scatter" in done.stdout
    done = typed("unclear", baseline="before.json")
    assert "NEITHER A PASS NOR A FAIL, go on to 5 pairs" in " ".join(done.stdout.split())


@pytest.mark.slow
def test_a_disturbed_run_is_4_and_says_by_what(typed, tmp_path):
    write(
        report([run(flags=(flag("throttled", "nvml:0", "hw_thermal, 12 % of the time"),)), run()]),
        tmp_path / "hot.json",
    )
    done = typed("hot")
    assert done.exit_code == 4
    assert "throttled: nvml:0 (hw_thermal, 12 % of the time)" in done.stdout


@pytest.mark.slow
def test_a_doubt_is_said_in_words(typed, tmp_path):
    write(
        report([run(flags=(flag("idle_drift", detail="50 W before, 60 W after"),)), run()]),
        tmp_path / "drift.json",
    )
    shown = " ".join(typed("drift").stdout.split())
    assert "drift, run 1 (seed 0): the idle power drifted: 50 W before, 60 W after" in shown


@pytest.mark.slow
def test_where_a_real_meter_is_required_an_estimate_is_4(typed, tmp_path):
    assert typed("same", "--require-power").exit_code == 0
    write(report([unmetered_run(), unmetered_run()]), tmp_path / "dark.json")
    for new, baseline, complaint in (
        ("guess", "guess.json", "guess.json: its energy is modelled, not measured"),
        ("dark", "base.json", "dark.json: nothing measured the power of its runs"),
        ("same", "dark.json", "dark.json: nothing measured the power of its runs"),
    ):
        refused = refusal(typed(new, "--require-power", baseline=baseline))
        assert complaint in str(refused)
        assert refused.exit_code == 4
    refusal(typed("guess", "--require-power", "--allow-missing-baseline", baseline="none.json"))
    assert typed("same", "--require-power", "--allow-missing-baseline", baseline="none.json").exit_code == 0
