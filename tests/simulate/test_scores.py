"""SCI scores, inference, development, water and primary energy, in numbers for the head."""

from __future__ import annotations

from pathlib import Path

import pytest
from simulate.scenarios import FULL, SMALL, outcome, simulated, written

from energyprof.formats.simulation_words import mass
from energyprof.simulate.presence import Presence, fairness, participation

# 2000 J of compute at 0.1 g/kJ and 14 J of network at a tenth of that.
TRAINED_G = 2000 * 1e-4 + 14 * 1e-5


def scored(folder: Path, text: str, *sets: str) -> dict[tuple[str, str], float]:
    found = simulated(written(folder, SMALL.format(clients=2) + text), *sets)
    return {(one.role, one.per): one.kg * 1000 for one in found.scores if one.paradigm == "central"}


def test_the_provider_answers_for_training(tmp_path: Path) -> None:
    text = '[sci]\nflop = 1e6\nflop_kind = "effective"\ntokens = 100\nsamples = 10\nparameters = 5e8\n'
    assert scored(tmp_path, text) == {
        ("provider", "effective FLOP"): pytest.approx(TRAINED_G / 1e6),
        ("provider", "training token"): pytest.approx(TRAINED_G / 100),
        ("provider", "training sample"): pytest.approx(TRAINED_G / 10),
        ("provider", "10⁹ parameters"): pytest.approx(TRAINED_G * 2),
    }


def test_seeds_sweeps_and_early_stops_count_but_are_no_use(tmp_path: Path) -> None:
    text = "[sci]\ntokens = 100\n[life]\ntrainings = 2\ndevelopment = 3\n"
    spent_g = 5 * 2000 * 1e-4 + 14 * 1e-5
    assert scored(tmp_path, text)["provider", "training token"] == pytest.approx(spent_g / 200)


@pytest.mark.slow
def test_the_consumer_answers_for_an_inference_and_what_it_sends(tmp_path: Path) -> None:
    text = "[life]\ninferences = 1000\ninference_j = 4\ninference_bits = 6\n"
    each_g = 4 * 2 * 1e-4 + 6 * 1e-5
    assert scored(tmp_path, text)["consumer", "inference"] == pytest.approx(each_g)
    at_client = scored(tmp_path, text, "paradigm.central.inference_at=client")
    assert at_client["consumer", "inference"] == pytest.approx(4 * 1e-5)


def test_water_is_by_the_energy_of_the_computers(tmp_path: Path) -> None:
    text = (
        SMALL.format(clients=1)
        .replace("pue = 2", "pue = 2\nwue = 1.8")
        .replace("pue = 1\n", "pue = 1\nwue = 0\n")
    )
    whole = outcome(simulated(written(tmp_path, text)), "central").total
    assert whole.water_l == pytest.approx(1000 / 3.6e6 * 1.8)
    assert whole.primary_j == pytest.approx(1.9 * (2000 + 7))


@pytest.mark.slow
def test_everything_that_a_scenario_can_say_is_computed(tmp_path: Path) -> None:
    found = simulated(written(tmp_path, FULL))
    parts = {name for one in found.outcomes for name in one.parts}
    assert parts == {
        "compute", "server", "uplink", "downlink", "side link", "storage", "idle", "inference", "manufacture",
        "end of life",
    }  # fmt: skip
    (agreed,) = found.agreements
    assert (agreed.graph, agreed.messages_a_round) == ("torus", 36)
    assert set(found.links) == {"uplink", "downlink", "side"}


def test_fairness_is_one_where_all_take_part_alike() -> None:
    even = (Presence("a", 0.5, 0.4, 100.0), Presence("b", 0.5, 0.4, 90.0))
    assert participation(even) == pytest.approx(0.4)
    assert fairness(even) == pytest.approx(1)
    # Half of the clients never take part: Jain's index is their share.
    assert fairness((Presence("a", 0.5, 1.0, 1.0), Presence("b", 0.5, 0.0, 1.0))) == pytest.approx(0.5)


def test_a_mass_has_a_prefix_however_small_it_is() -> None:
    assert [mass(kg) for kg in (2.4e-8, 3.74e-10, 1.2e-13)] == ["24.00 µg", "374.00 ng", "120.00 pg"]
