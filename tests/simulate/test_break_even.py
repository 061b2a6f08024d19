"""Where paradigms cross, against what can be worked out on paper."""

from __future__ import annotations

from pathlib import Path

import pytest
from simulate.scenarios import PARADIGMS, SMALL, simulated, written

from energyprof.errors import UsageError
from energyprof.formats.simulation_words import crossing_lines
from energyprof.simulate.break_even import Crossing
from energyprof.simulate.outcome import Interval
from energyprof.simulate.reading import read_scenario
from energyprof.simulate.simulation import Simulation, simulate


def crossing(found: Simulation, dial: str, *pair: str, figure: str = "energy_j") -> Crossing:
    return next(
        one
        for one in found.crossings
        if one.dial == dial and {one.below, one.above} == set(pair) and one.figure == figure
    )


@pytest.mark.slow
def test_consensus_takes_less_than_federated_on_poor_links() -> None:
    found = crossing(simulated(PARADIGMS), "link", "federated", "consensus")
    assert (found.below, found.above, found.how) == ("consensus", "federated", "closed form")
    assert round(found.at / 1000, 1) == 20.6  # kbit/J


def test_where_the_rounds_of_one_make_it_dearer(tmp_path: Path) -> None:
    text = SMALL.format(clients=2)
    found = simulated(written(tmp_path, text), "paradigm.federated.server_round_j=0")
    one = crossing(found, "rounds of federated", "central", "federated")
    # 2014 J = n·(2·10 + 2·3 + 2·2·3)
    assert one.at == pytest.approx(2014 / 38)
    assert (one.below, one.above) == ("federated", "central")


def test_the_updates_at_which_continual_training_meets_joint_training(tmp_path: Path) -> None:
    text = SMALL.format(clients=1).replace("model_bits = 3", "model_bits = 3\nnew_bits_per_client = 5")
    text += '[paradigm.continual]\nkind = "continual"\nrounds = 1\nupdates = 2\n'
    one = crossing(simulated(written(tmp_path, text)), "updates", "central", "continual")
    assert one.at == pytest.approx((2 * 10 * 100 + 7) / (2 * 100 + 5))


def test_grids_cross_by_their_ratio(tmp_path: Path) -> None:
    found = simulated(written(tmp_path, SMALL.format(clients=2)), "paradigm.federated.server_round_j=0")
    one = crossing(found, "clients' grid over the server's", "central", "federated", figure="co2_kg")
    # 2000 + 14·r = 240 + (200 + 60)·r, in J weighed by the server's grid
    assert one.at == pytest.approx((2000 - 2 * 60 * 1) / (260 - 14))


@pytest.mark.slow
def test_a_device_that_lasts_longer_crosses_on_a_line_in_its_inverse(tmp_path: Path) -> None:
    text = SMALL.format(clients=1) + (
        "[server.device.box]\nembodied_kg = 1\nlife_years = 1\nutilisation = 1\n"
        "[client.device.phone]\nembodied_kg = 1\nlife_years = 1\nutilisation = 1\n"
    )
    path = written(tmp_path, text)
    sets = ["site.edge.intensity=0", "site.centre.intensity=0", "server.round_s=30", "client.round_s=10",
            "paradigm.federated.server_round_s=0"]  # fmt: skip
    found = simulate(read_scenario(path, sets), "here", ["client.device.phone.life_years"])
    one = crossing(found, "client.device.phone.life_years", "central", "federated", figure="co2_kg")
    assert one.how == "closed form"
    assert one.at == pytest.approx(1 / 3)
    unsure = [*sets, "server.round_s={value=30, low=20, high=40}"]
    found = simulate(read_scenario(path, unsure), "here", ["client.device.phone.life_years"])
    span = crossing(found, "client.device.phone.life_years", "central", "federated", figure="co2_kg").interval
    assert span is not None and span.low < 1 / 3 < span.high


@pytest.mark.slow
def test_rounds_without_training_cross_between_brackets(tmp_path: Path) -> None:
    text = SMALL.format(clients=2) + "".join(
        f'[paradigm.{name}]\nkind = "consensus"\nrounds = {rounds}\nneighbours = 0\n'
        f"train_rounds = 1\nsync_rounds = {idle}\n"
        for name, rounds, idle in (("rare", 30, 1), ("ever", 10, 0))
    )
    key = "paradigm.rare.sync_rounds"
    one = crossing(simulate(read_scenario(written(tmp_path, text)), "here", [key]), key, "rare", "ever")
    assert (one.how, one.at) == ("bracketed", pytest.approx(2))


@pytest.mark.slow
def test_what_was_asked_for_is_shown_first_or_said_not_to_cross() -> None:
    keys = ["factors.primary.electricity", "paradigm.federated.server_share"]
    found = simulate(read_scenario(PARADIGMS), "here", keys)
    first, second, *rest = crossing_lines(found)
    assert first == "factors.primary.electricity: nothing crosses along it"
    assert second.startswith("paradigm.federated.server_share at ")
    assert rest[-1].endswith("more: --json")


def test_a_crossing_lies_in_its_interval(tmp_path: Path) -> None:
    # The input can only be more than its value, so nearly all draws cross further on.
    sets = "paradigm.federated.server_round_j=0", "server.round_j={value=100, high=150}"
    found = simulated(written(tmp_path, SMALL.format(clients=2)), *sets)
    one = crossing(found, "rounds of federated", "central", "federated")
    assert one.interval is not None and one.interval.low == pytest.approx(one.at)


def test_the_interval_of_a_crossing_is_that_of_its_draws(tmp_path: Path) -> None:
    found = simulated(
        written(tmp_path, SMALL.format(clients=2)),
        "paradigm.federated.server_round_j=0",
        "server.round_j={value=100, low=50, high=150}",
    )
    one = crossing(found, "rounds of federated", "central", "federated")
    assert isinstance(one.interval, Interval)
    # Triangular from 1014 to 3014 over 38: the middle 95 % leave out √(0.05)/2 of the span at either end.
    out = 0.05**0.5 / 2 * 2000
    assert one.interval.low == pytest.approx((1014 + out) / 38, rel=0.02)
    assert one.interval.high == pytest.approx((3014 - out) / 38, rel=0.02)


def test_a_dial_that_is_none_is_refused(tmp_path: Path) -> None:
    scenario = read_scenario(written(tmp_path, SMALL.format(clients=2)))
    with pytest.raises(UsageError, match=r"--break-even nothing: no number above 0"):
        simulate(scenario, "here", ["nothing"])
