"""Others' numbers as reports: what they published, and what it says of energies to target."""

from __future__ import annotations

import io
import math
import statistics
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import published

from energyprof.compare.comparison import compare
from energyprof.formats import markdown, text
from energyprof.formats.html.page import page
from energyprof.report.file import read, to_json
from energyprof.report.record import Report
from reports import report, run

FOLDER = Path(__file__).parents[2] / "results" / "published"
UNET = FOLDER / "unet3d-kits19-8xa100.json"
SPREAD = "from run to run the energy to target varies by 37.8 %"


def all_of_them() -> dict[str, Report]:
    return {UNET.stem: published.unet(), **published.others()}


def test_the_files_are_what_the_script_writes() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(all_of_them())
    for name, made in all_of_them().items():
        assert (FOLDER / f"{name}.json").read_text() == to_json(made), name


@pytest.mark.parametrize("name", all_of_them())
def test_every_one_names_its_source_and_what_is_not_known(name: str) -> None:
    made = read(FOLDER / f"{name}.json")
    assert any("github.com/" in note for note in made.notes)
    assert any(note.startswith("not known here") for note in made.notes)
    assert all(run.energy_u_j is None and run.energy_j for run in made.runs)


def test_thirteen_seeds_differ_in_energy_and_not_in_joules_a_sample() -> None:
    (entry,) = compare([read(UNET)], ["study"]).entries
    figures = {found.figure: found for found in entry.estimates}
    assert figures["energy_per_sample"].n == figures["energy_to_target"].n == 13
    assert 13.4 < figures["energy_per_sample"].mean < 14.3
    energies = [run.energy_j or 0.0 for run in read(UNET).runs]
    assert statistics.fmean(energies) == pytest.approx(6.265e6, rel=1e-3)
    assert statistics.stdev(energies) / statistics.fmean(energies) == pytest.approx(0.40, abs=0.01)
    assert entry.product is not None and entry.product.factors[0].spread == pytest.approx(0.02, abs=0.001)


def test_a_users_training_is_laid_beside_the_study_and_the_page_says_what_to_compare() -> None:
    own = report([run(j, seed=i, u_rel=0.1, gain_rel=0.1) for i, j in enumerate((10.0, 10.1, 10.2))])
    reports = [read(UNET), own]
    comparison = compare(reports, ["study", "mine"], allow=["task", "meters"])
    for form in (text, markdown):
        out = io.StringIO()
        form.write_comparison(comparison, out)
        assert "37.8 %" in out.getvalue()
        assert "mine: from run to run" not in out.getvalue()  # three runs that agree to a percent
        assert "0.000" not in out.getvalue()  # a machine a million times as large is not 0 times as small
    assert SPREAD in page(comparison, reports, [None, None])


def test_where_both_vary_alike_nothing_is_said() -> None:
    alike = report([run(j, seed=i) for i, j in enumerate((10.0, 14.0, 8.0))])
    (entry,) = compare([alike], ["a"]).entries
    assert entry.product is not None
    assert math.isclose(entry.product.spread or 0.0, entry.product.factors[0].spread or 1.0, rel_tol=0.3)
    out = io.StringIO()
    text.write_comparison(compare([alike], ["a"]), out)
    assert "from run to run" not in out.getvalue()
