"""Bencher Metric Format: numbers that can be checked in the head, in the shape of Bencher's schema."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from energyprof.compare.comparison import compare
from energyprof.formats import bmf
from energyprof.report.record import Report
from reports import at


def written(*reports: Report, allow: Any = ()) -> Any:
    out = io.StringIO()
    bmf.write_comparison(compare(reports, [f"r{i}" for i in range(len(reports))], allow), out)
    assert out.getvalue().endswith("}\n")
    return json.loads(out.getvalue())


def test_every_figure_is_a_measure_with_its_interval() -> None:
    found = written(at(0.99, 1.0, 1.01))
    assert list(found) == ["unet tiny"]
    per_sample = found["unet tiny"]["energy-per-sample"]
    assert per_sample["value"] == pytest.approx(1.0, abs=1e-4)
    # At least what the scatter gives: ± t(0.975, 2) · 1 % / √3 = ± 2.48 %.
    assert 0.97 < per_sample["lower_value"] <= 0.9755
    assert 1.0248 <= per_sample["upper_value"] < 1.03
    assert found["unet tiny"]["samples-to-target"]["value"] == 1000


def test_it_has_the_shape_of_bencher_s_schema() -> None:
    for measures in written(at(0.99, 1.0, 1.01), at(2.0)).values():
        for name, metric in measures.items():
            # A slug: what Bencher makes of a name (lower case, digits, hyphens; 64 at most).
            assert re.fullmatch(r"[a-z0-9-]{1,64}", name)
            assert set(metric) <= {"value", "lower_value", "upper_value"}
            assert all(isinstance(value, (int, float)) for value in metric.values())


def test_a_single_run_has_a_value_and_no_interval() -> None:
    assert written(at(2.0))["unet tiny"]["energy-per-sample"] == {"value": 2.0}


def test_reports_of_one_work_are_told_apart_by_their_labels() -> None:
    assert list(written(at(1.0), at(2.0))) == ["unet tiny (r0)", "unet tiny (r1)"]
    assert list(written(at(1.0), at(2.0, name="minilm"), allow=["task"])) == ["unet tiny", "minilm tiny"]


def test_an_estimate_never_goes_on_as_the_curve_of_a_measurement() -> None:
    assert list(written(replace(at(1.0), origin="modelled"))) == ["unet tiny, estimated"]
