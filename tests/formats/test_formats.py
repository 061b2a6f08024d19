"""The two tables of formats: each name writes what its table says, and a wrong one is refused in one line."""

from __future__ import annotations

import io

import pytest

from energyprof import formats
from energyprof.compare.comparison import compare
from energyprof.compare.gate.check import check
from energyprof.errors import UsageError
from reports import PER_SAMPLE, at


@pytest.mark.parametrize("name", formats.COMPARISON_FORMATS)
def test_every_format_of_comparisons_writes_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    out = io.StringIO()
    formats.comparison_format(name).write_comparison(compare([at(1.0, 1.1)], ["base"]), out)
    assert out.getvalue().endswith("\n") and out.getvalue().strip()


@pytest.mark.parametrize("name", formats.VERDICT_FORMATS)
def test_every_format_of_verdicts_writes_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    out = io.StringIO()
    base = at(1.0, 1.1)
    formats.verdict_format(name).write_check(check(base, base, PER_SAMPLE), out)
    assert out.getvalue().endswith("\n") and "inconclusive" in out.getvalue().lower()


@pytest.mark.parametrize("name", ["xml", "", "energyprof.formats.text", "TEXT"])
def test_a_name_in_neither_table_is_refused_with_those_that_are(name: str) -> None:
    with pytest.raises(UsageError, match=r"compare has no format .*from text, markdown, csv, json, bmf"):
        formats.comparison_format(name)
    with pytest.raises(UsageError, match=r"check has no format .*from text, markdown, json, junit, github$"):
        formats.verdict_format(name)


@pytest.mark.parametrize("name", ["csv", "bmf", "smaller"])
def test_figures_are_no_verdicts_and_the_line_names_the_command_for_them(name: str) -> None:
    with pytest.raises(UsageError, match=f"check has no format '{name}'.*figures: energyprof compare$"):
        formats.verdict_format(name)


def test_verdicts_are_no_figures_and_the_line_names_the_command_for_them() -> None:
    with pytest.raises(UsageError, match=r"compare has no format 'junit'.*verdicts: energyprof check$"):
        formats.comparison_format("junit")
