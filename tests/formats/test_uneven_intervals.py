"""A gain that is further off one way than the other: every output shows both ends, in one form."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace
from typing import Any

import pytest

from energyprof.compare import budget
from energyprof.compare.change import collect
from energyprof.compare.comparison import compare
from energyprof.compare.figures import BY_NAME
from energyprof.compare.forecast import estimate
from energyprof.compare.samples_to_target import Samples
from energyprof.formats import csv as as_csv
from energyprof.formats import json as as_json
from energyprof.formats import markdown
from energyprof.formats import text as plain
from energyprof.formats.forecast import write_text
from energyprof.formats.html.page import page
from energyprof.report.file import write
from energyprof.report.record import Report, Run
from reports import meter, report, run

# The truth is at most 5 % below and 12 % above what these meters read.
BELOW, ABOVE = 0.05, 0.12
SHOWN = "-5.0 % +12 %"


def read_low(energy_j: float, seed: int = 0) -> Run:
    """A run whose only doubt is the gain."""

    def terms(joules: float) -> dict[str, float]:
        return {"gain": ABOVE / 2 * joules, "gain_below": BELOW / 2 * joules}

    made = run(energy_j / 1050, seed=seed, u_rel=ABOVE, gain_rel=ABOVE)
    phases = tuple(replace(phase, budget_j=terms(phase.energy_j or 0.0)) for phase in made.phases)
    joules = made.energy_j or 0.0
    low_j, high_j = joules * (1 - BELOW), joules * (1 + ABOVE)
    return replace(
        made,
        phases=phases,
        budget_j=terms(joules),
        energy_low_j=low_j,
        energy_high_j=high_j,
        net_energy_j=0.8 * joules,
        net_energy_u_j=0.8 * joules * ABOVE,
    )


def uneven(*energies_j: float) -> Report:
    known = meter()
    info = replace(known.info, gain_below=BELOW, gain_above=ABOVE, gain_source="low meters (3): a study")
    return report([read_low(e, i) for i, e in enumerate(energies_j)], meters=(replace(known, info=info),))


def test_the_terminal_shows_both_ends(command: Any) -> None:
    write(uneven(1050.0), command.folder / "r.json")
    shown = command("show", "r.json").stdout
    assert f"1.05 kJ ({SHOWN})" in shown  # energy to target
    assert shown.count(SHOWN) >= 3  # and per sample, and net of idle


@pytest.mark.slow
def test_the_budget_names_the_row_and_has_a_line_for_each_end(command: Any) -> None:
    write(uneven(1050.0), command.folder / "r.json")
    words = " ".join(command("show", "r.json", "--budget").stdout.split())
    assert "rapl: -5.0 % +12 %, low meters (3): a study" in words
    assert "gain B normal 63.0 J 6.0 %" in words
    assert "gain_below B normal 26.2 J 2.5 %" in words
    assert "U down, k = 2 52.5 J 5.0 %" in words
    assert "U up, k = 2 126 J 12 %" in words
    data = json.loads(command("show", "r.json", "--budget", "--json").stdout)["figures"][0]["total"]
    assert (data["below_j"], data["above_j"]) == pytest.approx((52.5, 126.0))


def test_several_runs_keep_both_ends() -> None:
    found = budget.energy(uneven(1000.0, 1000.0, 1000.0))
    assert found is not None
    low_j, high_j = found.ends_j
    assert (low_j / found.mean_j, high_j / found.mean_j) == pytest.approx((1 - BELOW, 1 + ABOVE))


def test_the_net_energy_has_both_ends() -> None:
    made = uneven(1050.0)
    found, net_j = budget.net_energy(made), made.runs[0].net_energy_j or 0.0
    assert found is not None
    assert found.ends_j == pytest.approx((net_j * (1 - BELOW), net_j * (1 + ABOVE)))


@pytest.mark.parametrize("form", [plain, markdown], ids=["text", "markdown"])
def test_a_comparison_shows_both_ends(form: Any) -> None:
    out = io.StringIO()
    form.write_comparison(compare([uneven(1000.0, 1010.0), uneven(1100.0, 1090.0)], ["a", "b"]), out)
    assert "-5." in out.getvalue() and "% +12 %" in out.getvalue()


def test_tables_for_programs_have_both_halves() -> None:
    comparison = compare([uneven(1000.0)], ["a"])
    out = io.StringIO()
    as_csv.write_comparison(comparison, out)
    rows = [row for row in csv.DictReader(io.StringIO(out.getvalue())) if row["figure"] == "energy_to_target"]
    assert float(rows[0]["u_rel_below"]) == pytest.approx(BELOW)
    assert float(rows[0]["u_rel_above"]) == pytest.approx(ABOVE)
    assert float(rows[0]["u_rel"]) == pytest.approx(ABOVE)
    out = io.StringIO()
    as_json.write_comparison(comparison, out)
    (energy,) = [
        found
        for found in json.loads(out.getvalue())["entries"][0]["estimates"]
        if found["figure"] == "energy_to_target"
    ]
    assert (energy["u_rel_below"], energy["u_rel_above"]) == pytest.approx((BELOW, ABOVE))


def test_the_page_shows_both_ends() -> None:
    reports = [uneven(1000.0)]
    shown = page(compare(reports, ["a"]), reports, [None])
    assert SHOWN in shown
    assert "low meters (3): a study" in shown


def test_what_one_device_says_of_two_reports_knows_no_gain() -> None:
    (_, other) = compare([uneven(1000.0, 1001.0), uneven(1100.0, 1101.0)], ["a", "b"]).entries
    for found in other.estimates:
        assert found.change is None or found.change.u_rel is None


def test_no_energy_is_less_than_nothing_however_far_its_runs_scatter() -> None:
    scattered = uneven(1000.0, 5000.0, 400.0)
    compared, out = compare([scattered], ["a"]), io.StringIO()
    plain.write_comparison(compared, out)
    assert "-100 % +" in out.getvalue()
    (entry,) = compared.entries
    (energy,) = [found for found in entry.estimates if found.figure == "energy_to_target"]
    assert energy.u_rel_below == 1.0 and energy.u_rel_above is not None and energy.u_rel_above > 1.0
    whole = collect(BY_NAME["energy_to_target"], scattered)
    assert whole is not None and whole.mean.ends[0] == 0.0


def test_of_two_devices_a_ratio_knows_both_as_factors() -> None:
    elsewhere = uneven(1100.0, 1101.0)
    info = replace(elsewhere.meters[0].info, device="another")
    elsewhere = replace(elsewhere, meters=(replace(elsewhere.meters[0], info=info),))
    (_, other) = compare([uneven(1000.0, 1001.0), elsewhere], ["a", "b"], allow=["meters"]).entries
    (energy,) = [found for found in other.estimates if found.figure == "energy_to_target"]
    assert energy.change is not None and energy.change.u_rel is not None
    assert math.log1p(energy.change.u_rel) == pytest.approx(math.sqrt(2) * math.log1p(ABOVE), rel=1e-3)


def test_a_forecast_has_both_ends() -> None:
    exact = Samples("a bank", 2000.0, 0.0, 20, 100.0, ())
    found = {f.name: f for f in estimate(uneven(1050.0), exact, "r").figures}["energy_to_target"]
    assert found.low == pytest.approx(found.mean * (1 - BELOW), rel=1e-3)
    assert found.high == pytest.approx(found.mean * (1 + ABOVE), rel=1e-3)
    out = io.StringIO()
    write_text(estimate(uneven(1050.0), exact, "r"), out)
    assert SHOWN in out.getvalue()


def test_a_forecast_that_is_wide_both_ways_is_told_by_the_factor_that_it_is() -> None:
    exact = Samples("a bank", 2000.0, 0.0, 20, 100.0, ())
    wide = report([run(u_rel=0.87, gain_rel=0.87, eval_j=0.0)])
    found = {f.name: f for f in estimate(wide, exact, "r").figures}["energy_to_target"]
    out = io.StringIO()
    write_text(estimate(wide, exact, "r"), out)
    assert found.high is not None
    assert f"× ÷ {found.high / found.mean:.2g}  (" in out.getvalue() and "±87" not in out.getvalue()
