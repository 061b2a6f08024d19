"""A simulation's page: whole without a network, harmless whatever names hold, and fit for a phone."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from formats.pages import Reader
from simulate.scenarios import SMALL, simulated, written

from energyprof.formats.html.plot import axis
from energyprof.formats.html.simulation import simulation_page
from energyprof.formats.html.simulation_curves import log_axis
from energyprof.formats.simulation_data import simulation_data
from energyprof.formats.simulation_words import energy
from energyprof.simulate.simulation import Simulation

EVIL = "</script><script>alert(1)</script>"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    text = f"name = '{EVIL}'\n" + SMALL.format(clients=2)
    path = written(tmp_path_factory.mktemp("page"), text)
    return simulated(
        path, "server.round_j={value=100, low=50, high=150}", "paradigm.federated.server_round_j=0"
    )


def test_it_holds_every_part_interval_and_curve(found: Simulation) -> None:
    page = Reader(simulation_page(found))
    for title in ("Energy by part", "Carbon by part", "What moves the energy", "Where they cross"):
        assert title in page.said
    for outcome in found.outcomes:
        for part in outcome.parts.values():
            assert energy(part.energy_j) in page.said
    assert "SIMULATED" in page.said
    assert "Energy against rounds of federated" in page.said
    assert page.comparison == json.loads(json.dumps(simulation_data(found)))


def test_it_loads_nothing_runs_nothing_and_names_are_text(found: Simulation) -> None:
    text = simulation_page(found)
    page = Reader(text)
    for tag, attributes in page.elements:
        assert tag not in ("link", "img", "iframe", "object")
        assert not any(name in ("src", "href") or name.startswith("on") for name in attributes)
        assert tag != "script" or attributes["type"] == "application/json"
    assert "<script>alert" not in text
    assert EVIL in page.said


def test_a_bars_pieces_lie_end_to_end_and_sum_to_its_total(found: Simulation) -> None:
    page = simulation_page(found)
    bar = re.search(r'aria-label="federated: [^"]*"[^>]*>(.*?)</svg>', page, re.DOTALL)
    assert bar is not None
    places = [
        (float(x), float(w)) for x, w in re.findall(r'<rect x="([\d.]+)" y="\d+" width="([\d.]+)"', bar[1])
    ]
    reached = 0.0
    for start, width in places:
        assert start == pytest.approx(reached, abs=0.2)
        reached = start + width
    assert len(places) == 3


@pytest.mark.parametrize(("low", "high"), [(1, 1), (3, 7), (1e-3, 1e9), (20, 400), (1e-12, 1e15)])
def test_a_logarithmic_axis_has_a_few_ticks_within_it(low: float, high: float) -> None:
    found = log_axis(low, high, "energy", "Wh")
    assert 1 <= len(found.ticks) <= 6
    assert all(found.low <= tick <= found.high for tick, _ in found.ticks)


def test_heavy_masses_are_tonnes() -> None:
    assert [axis(0.0, g, "CO2e", "g").name for g in (5.0, 5e3, 5e7)] == ["CO2e (g)", "CO2e (kg)", "CO2e (t)"]


def test_a_scenario_without_intervals_or_grids_has_a_page(tmp_path: Path) -> None:
    text = SMALL.format(clients=1).replace("intensity = 360\n", "")
    page = Reader(simulation_page(simulated(written(tmp_path, text))))
    assert "no carbon: site centre has no intensity" in page.said
    assert "Carbon by part" not in page.said
