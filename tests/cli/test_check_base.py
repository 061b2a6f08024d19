"""``energyprof check --base``: what a change says of what it is judged by does not count."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from energyprof.cli.application import application
from energyprof.compare.gate.noise import noise_of, noise_path
from energyprof.compare.gate.noise import write as write_noise
from energyprof.errors import EnergyprofError
from energyprof.report.file import write
from energyprof.report.flags import flag
from reports import at

pytestmark = pytest.mark.slow

WAIVER = '[[waiver]]\ncode = "throttled"\nreport = "*"\nreason = "mine"\nexpires = 2999-01-01\n'


@pytest.fixture
def change(tmp_path, monkeypatch):
    """A repository whose newest commit is a change, and what was measured of that beside it."""
    repository = tmp_path / "repository"
    (repository / "kept").mkdir(parents=True)
    monkeypatch.chdir(repository)
    git("init", "-q")
    write(at(0.99, 1.0, 1.01), repository / "kept" / "base.json")
    commit()
    write(at(1.188, 1.2, 1.212), tmp_path / "hungry.json")
    return repository


def git(*words):
    names = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", *names, *words], check=True, capture_output=True)


def commit():
    git("add", "-A")
    git("commit", "-q", "-m", "change")


def check(*words):
    return CliRunner().invoke(application(), ["check", "../hungry.json", *words])


BASELINE = ("--baseline", "kept/base.json")


def test_a_baseline_that_the_change_inflates_is_the_base_commits(change):
    write(at(1.19, 1.2, 1.21), change / "kept" / "base.json")
    commit()
    assert check(*BASELINE).exit_code == 0
    assert check(*BASELINE, "--base", "HEAD~1").exit_code == 1
    (change / "kept" / "base.json").unlink()
    commit()
    assert check(*BASELINE, "--base", "HEAD~2").exit_code == 1


def test_noise_that_the_change_lays_beside_the_baseline_is_not_there(change):
    noisy = noise_of([at(0.5, 1.0, 1.5), at(0.6, 1.0, 1.6)])
    write_noise(noisy, noise_path(change / "kept" / "base.json"))
    commit()
    assert check(*BASELINE).exit_code == 0
    assert check(*BASELINE, "--base", "HEAD~1").exit_code == 1


def test_a_waiver_of_the_changes_own_is_none(change):
    hot = at(0.99, 1.0, 1.01)
    runs = tuple(replace(run, flags=(flag("throttled", "", "thermal"),)) for run in hot.runs)
    write(replace(hot, runs=runs), change.parent / "hungry.json")
    (change / "waivers.toml").write_text(WAIVER)
    commit()
    words = (*BASELINE, "--waivers", "waivers.toml")
    assert check(*words).exit_code == 0
    refused = check(*words, "--base", "HEAD~1").exception
    assert "waivers.toml: cannot be read: there is no such file, or the base commit has none" in str(refused)


def test_a_history_that_the_change_can_write_is_refused_and_one_outside_is_not(change):
    refused = check("--history", "kept", "--base", "HEAD").exception
    assert isinstance(refused, EnergyprofError) and refused.exit_code == 2
    assert str(refused).startswith("kept: is under version control, so the change that is judged may have")
    write(at(0.99, 1.0, 1.01), change.parent / "store" / "old.json")
    assert "kept" not in check("--history", "../store", "--base", "HEAD").output


def test_a_baseline_that_the_base_commit_lacks_is_missing(change):
    write(at(0.99, 1.0, 1.01), change / "kept" / "new.json")
    commit()
    words = ("--baseline", "kept/new.json", "--base", "HEAD~1")
    assert "the base commit has none" in str(check(*words).exception)
    assert check(*words, "--allow-missing-baseline").exit_code == 0


def test_a_base_that_looks_like_an_option_is_no_revision(change):
    refused = check(*BASELINE, "--base", f"--upload-pack=touch {change / 'ran'}").exception
    assert isinstance(refused, EnergyprofError)
    assert not (change / "ran").exists()


def test_a_base_that_is_nowhere_says_how_to_have_it(change, monkeypatch):
    write(at(1.0, 1.0, 1.02), change / "kept" / "base.json")
    commit()
    refused = str(check(*BASELINE, "--base", "nowhere").exception)
    assert "base nowhere: no such commit in this repository, and it cannot be fetched" in refused
    assert "'origin' does not appear to be a git repository" in refused and "fetch-depth: 0" in refused
    git("clone", "-q", "--depth", "1", f"file://{change}", "../shallow")
    monkeypatch.chdir(change.parent / "shallow")
    refused = str(check(*BASELINE, "--base", "HEAD~1").exception)
    assert "base HEAD~1: no such commit in this shallow clone" in refused
