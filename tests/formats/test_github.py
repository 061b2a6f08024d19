"""GitHub Actions: annotations that its runner reads, and a summary that is added to."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from energyprof.compare.comparison import compare
from energyprof.compare.gate.check import Check, check, without_baseline
from energyprof.compare.gate.limits import Limit
from energyprof.errors import FileError
from energyprof.formats import github
from reports import PER_SAMPLE, at, report, run

BASE = at(0.99, 1.0, 1.01)
HUNGRY = at(1.188, 1.2, 1.212)


class Annotation(NamedTuple):
    level: str
    title: str
    message: str


@pytest.fixture(autouse=True)
def summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    return path


def annotations(result: Check) -> list[Annotation]:
    """What the runner makes of the lines: as actions/runner's ActionCommand does."""
    out = io.StringIO()
    github.write_check(result, out)
    found = []
    for line in out.getvalue().splitlines():
        match = re.fullmatch(r"::(\w+) title=([^:,]+)::(.*)", line)
        assert match, line
        title = match[2].replace("%2C", ",").replace("%3A", ":")
        found.append(
            Annotation(match[1], *(t.replace("%0A", "\n").replace("%25", "%") for t in (title, match[3])))
        )
    return found


def test_a_regression_is_an_error_with_its_figure_in_the_title() -> None:
    (found,) = annotations(check(HUNGRY, BASE, PER_SAMPLE))
    assert (found.level, found.title) == ("error", "energyprof: FAIL, energy per sample")
    assert found.message.startswith(
        "energy per sample +20.0 % (+17.9 … +22.1 %, one-sided 95 %), limit +3 %. With 3 against 3 runs"
    )


def test_each_outcome_has_its_level() -> None:
    noisy, missed = at(0.8, 1.05, 1.3), report([run(status="missed"), run()])
    for result, level, title in (
        (check(BASE, BASE, PER_SAMPLE), "notice", "energyprof: PASS, energy per sample"),
        (check(at(0.89, 0.9, 0.91), BASE, PER_SAMPLE), "notice", "energyprof: IMPROVED, energy per sample"),
        (check(noisy, BASE, PER_SAMPLE), "warning", "energyprof: INCONCLUSIVE, energy per sample"),
        (check(missed, BASE, PER_SAMPLE), "error", "energyprof: INVALID"),
        (without_baseline("new", "base.json"), "warning", "energyprof: NO BASELINE"),
    ):
        assert [(a.level, a.title) for a in annotations(result)] == [(level, title)]


def test_failures_come_first_since_the_runner_shows_only_ten() -> None:
    limits = [Limit("samples_to_target", 0.5), *PER_SAMPLE]
    assert [a.level for a in annotations(check(HUNGRY, BASE, limits))] == ["error", "notice"]


def test_cpu_time_and_estimates_are_never_called_a_measured_energy() -> None:
    timed = report([run(cpu_s=x, seed=i) for i, x in enumerate((9.9, 10.0, 10.1))])
    (found,) = annotations(check(timed, timed, [Limit("cpu_time", 0.1)]))
    assert "CPU time, not energy" in found.message
    guess = replace(BASE, origin="modelled")
    (found,) = annotations(check(guess, guess, PER_SAMPLE))
    assert "ESTIMATE" in found.message


def test_a_name_in_a_report_cannot_speak_to_the_runner() -> None:
    name = "100 %\r\n::set-output name=x::y\n::error::z"
    out = io.StringIO()
    github.write_check(without_baseline(name, "b"), out)
    assert len(out.getvalue().splitlines()) == 1
    missed = report([run(status="failed", exit_code=1)])
    out = io.StringIO()
    github.write_check(check(missed, BASE, PER_SAMPLE, (name, "b")), out)
    assert all(line.startswith("::error title=energyprof") for line in out.getvalue().splitlines())


def test_the_tables_are_added_to_what_the_summary_holds(summary: Path) -> None:
    summary.write_text("# before\n")
    annotations(check(HUNGRY, BASE, PER_SAMPLE, ("new", "base")))
    said = summary.read_text()
    assert said.startswith("# before\n") and "FAIL: new against base" in said
    assert "| FAIL |" in said


def test_without_a_summary_there_are_annotations_alone(
    summary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    assert annotations(check(BASE, BASE, PER_SAMPLE))
    assert not summary.exists()


def test_a_summary_that_cannot_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    with pytest.raises(FileError, match="unset GITHUB_STEP_SUMMARY"):
        github.write_check(check(BASE, BASE, PER_SAMPLE), io.StringIO())


def test_a_comparison_goes_into_the_summary(summary: Path) -> None:
    out = io.StringIO()
    github.write_comparison(compare([BASE], ["base"]), out)
    assert out.getvalue() == ""
    assert "energy per sample" in summary.read_text()
