"""The CSV of a comparison: every number of it, digit for digit."""

from __future__ import annotations

import csv
import io

import pytest

from energyprof.compare.compared import Comparison
from energyprof.compare.comparison import compare
from energyprof.formats import csv as writer
from reports import at, report


def rows(comparison: Comparison) -> list[dict[str, str]]:
    out = io.StringIO()
    writer.write_comparison(comparison, out)
    assert "\r" not in out.getvalue()
    return list(csv.DictReader(io.StringIO(out.getvalue())))


def test_a_row_for_each_figure_of_each_report_holds_the_very_numbers() -> None:
    comparison = compare([at(1.0, 1.01, 0.99), at(2.0, 2.03, 1.98)], ["a", "b"])
    written = rows(comparison)
    wanted = [(entry, estimate) for entry in comparison.entries for estimate in entry.estimates]
    assert len(written) == len(wanted)
    for row, (entry, estimate) in zip(written, wanted, strict=True):
        assert (row["report"], row["figure"], int(row["n"])) == (entry.label, estimate.figure, estimate.n)
        assert float(row["mean"]) == estimate.mean
        assert (row["low"] and float(row["low"])) == (estimate.low or "")
        assert (row["ratio"] and float(row["ratio"])) == (estimate.change.ratio if estimate.change else "")
        assert row["verdict"] == ((estimate.change and estimate.change.verdict) or "")
    best = {(row["report"], row["figure"]) for row in written if row["best"] == "true"}
    assert ("a", "energy_per_sample") in best and not any(label == "b" for label, _ in best)


def test_what_is_not_known_is_empty_and_an_estimate_says_so() -> None:
    row = rows(compare([at(1.0, origin="modelled")], ["a"]))[0]
    assert (row["low"], row["high"], row["ratio"], row["grid"]) == ("", "", "", "")
    assert (row["origin"], row["boundary"], row["unit"]) == ("modelled", "component", "J")


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1", "@x", "a\nb,c\x1b"])
def test_no_name_is_a_formula_or_breaks_a_row(name: str) -> None:
    (row, *_) = rows(compare([report(at(1.0).runs, name=name)], [name]))
    assert row["report"][0] in "'a"
    assert row["report"].lstrip("'") == name.replace("\n", "?").replace("\x1b", "?")
    assert row["workload"].startswith(row["report"])
