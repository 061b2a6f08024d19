"""``customSmallerIsBetter``: name, unit and value of each figure of which less is better."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import pytest

from energyprof.compare.comparison import compare
from energyprof.formats import smaller
from energyprof.report.record import Report
from reports import at


def written(*reports: Report) -> Any:
    out = io.StringIO()
    smaller.write_comparison(compare(reports, [f"r{i}" for i in range(len(reports))]), out)
    assert out.getvalue().endswith("]\n")
    return json.loads(out.getvalue())


def test_an_entry_has_name_unit_value_range_and_what_it_is() -> None:
    entry = next(e for e in written(at(0.99, 1.0, 1.01)) if e["name"] == "unet tiny: energy per sample")
    assert entry["unit"] == "J"
    # In J: at least what the scatter gives, ± t(0.975, 2) · 1 % / √3.
    sign, half_j = entry["range"].split()
    assert sign == "±" and 0.0248 <= float(half_j) < 0.03
    assert entry["value"] == pytest.approx(1.0, abs=1e-4)
    assert "3 runs" in entry["extra"] and "measured, boundary component" in entry["extra"]
    assert set(entry) == {"name", "unit", "value", "range", "extra"}


def test_only_figures_of_which_less_is_better_are_in_it() -> None:
    names = [entry["name"] for entry in written(at(0.99, 1.0, 1.01))]
    assert "unet tiny: samples to target" in names
    assert not any("power" in name or "score" in name for name in names)


def test_everything_has_a_unit_and_a_single_run_no_range() -> None:
    found = written(at(2.0))
    assert all(entry["unit"] for entry in found)
    assert not any("range" in entry for entry in found)


def test_names_differ_where_the_work_is_the_same_and_an_estimate_is_called_one() -> None:
    names = [entry["name"] for entry in written(at(1.0), at(2.0))]
    assert len(set(names)) == len(names)
    guess = written(replace(at(1.0), origin="modelled"))[0]
    assert guess["name"].startswith("unet tiny, estimated: ") and "ESTIMATED" in guess["extra"]
