"""What must hold of any scenario: more of anything never takes less, and ends enclose what lies between."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulate.scenarios import PARADIGMS, SMALL, outcome, simulated

from energyprof.formats.simulation_data import simulation_json
from energyprof.report.file import write
from energyprof.simulate.draws import drawn
from energyprof.simulate.evaluate import parts_of
from energyprof.simulate.parts import total
from energyprof.simulate.quantity import Quantity
from energyprof.simulate.reading import read_scenario
from reports import report, run

SCENARIO = read_scenario(PARADIGMS)
VALUES = SCENARIO.values()
RISING = (
    "site.centre.pue",
    "site.edge.pue",
    "data.model_bits",
    "data.bits_per_client",
    "site.centre.intensity",
    "site.edge.intensity",
    *(f"paradigm.{paradigm.name}.rounds" for paradigm in SCENARIO.paradigms),
)
WITH_ENDS = """
[data]
clients = 4
bits_per_client = { value = 1e6, low = 5e5, high = 4e6 }
model_bits = 1e5
[site.centre]
pue = { value = 1.5, low = 1.1, high = 1.7 }
intensity = { value = 300, low = 50, high = 600 }
[site.edge]
intensity = 100
[server]
site = "centre"
round_j = { value = 50, low = 40, high = 70 }
[client]
site = "edge"
round_j = { value = 20, low = 10, high = 30 }
[link]
medium = "any"
[paradigm.central]
kind = "central"
rounds = 20
[paradigm.federated]
kind = "federated"
rounds = { value = 30, low = 20, high = 60 }
"""


@pytest.mark.slow
@given(
    st.sampled_from(RISING),
    st.floats(1.0, 50.0),
    st.fixed_dictionaries({key: st.floats(0.1, 10.0) for key in RISING}),
)
def test_more_of_anything_never_lowers_a_total(key: str, factor: float, scales: dict[str, float]) -> None:
    base = {**VALUES, **{name: VALUES[name] * scale for name, scale in scales.items()}}
    more = {**base, key: base[key] * factor}
    for paradigm in SCENARIO.paradigms:
        before, after = (total(parts_of(SCENARIO, paradigm.name, v, "here")) for v in (base, more))
        assert after.energy_j >= before.energy_j * (1 - 1e-12)
        assert after.co2_kg >= before.co2_kg * (1 - 1e-12)


@given(st.lists(st.floats(0.01, 1.0), min_size=3, max_size=3), st.booleans(), st.integers(0, 99))
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
def test_draws_lie_within_their_limits_and_come_again(ends: list[float], wide: bool, seed: int) -> None:
    low, value, high = sorted(ends)
    quantity = Quantity(value, low, high * (100 if wide else 1), "1", "given", "here")
    first, second = (drawn({"k": quantity, "other": quantity}, seed, 200) for _ in range(2))
    if not quantity.sure:
        assert (first["k"] == second["k"]).all()
        assert (first["k"] != first["other"]).any()
        assert quantity.low * (1 - 1e-9) <= first["k"].min() <= first["k"].max() <= quantity.high * (1 + 1e-9)


def test_an_interval_of_95_percent_is_drawn_as_one() -> None:
    quantity = Quantity(100, 80, 150, "J", "measured", "here", "interval")
    draws = drawn({"k": quantity}, 0, 20_000)["k"]
    assert (draws < 80).mean() == pytest.approx(0.025, abs=0.004)
    assert (draws > 150).mean() == pytest.approx(0.025, abs=0.004)


@pytest.mark.slow
def test_limits_enclose_the_draws_and_both_the_value(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(WITH_ENDS)
    for found in simulated(path).outcomes:
        span = found.drawn["energy_j"]
        least, most = total(found.low).energy_j, total(found.high).energy_j
        assert least < span.low < found.total.energy_j < span.high < most
        carbon = found.drawn["co2_kg"]
        assert total(found.cleaner).co2_kg < carbon.low < carbon.high < total(found.dirtier).co2_kg


def test_a_total_lies_in_its_interval_though_nearly_all_draws_are_above_it(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    never_less = "{ value = 50, low = 50, high = 150 }"
    path.write_text(SMALL.format(clients=1).replace("round_j = 100", f"round_j = {never_less}"))
    found = outcome(simulated(path), "central")
    span = found.drawn["energy_j"]
    assert span.low == found.total.energy_j < span.high


@pytest.mark.slow
def test_the_seed_decides_and_paradigms_share_their_draws(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(WITH_ENDS)
    first, again, other = (simulated(path, f"seed={seed}") for seed in (1, 1, 2))
    assert simulation_json(first) == simulation_json(again)
    assert first.outcomes[0].drawn != other.outcomes[0].drawn
    shares = first.least["energy_j"]
    assert sum(shares.values()) == pytest.approx(1)


def test_what_is_off_by_one_meter_or_one_factor_is_off_together() -> None:
    one, other = (Quantity(1, 0.5, high, "1", "measured", "r", "interval", "meter") for high in (2, 8))
    alone = Quantity(1, 0.5, 2, "1", "measured", "r", "interval")
    draws = drawn({"a": one, "b": other, "c": alone}, 0, 1000)
    assert ((draws["a"] > 1) == (draws["b"] > 1)).all()
    assert ((draws["a"] > 1) != (draws["c"] > 1)).any()


def test_reports_of_the_same_meters_do_not_differ_by_their_gain(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    texts = [f'[paradigm.{name}]\nkind = "central"\nreport = "{name}.json"\n' for name in ("less", "more")]
    path.write_text("[data]\nclients = 1\nbits_per_client = 0\n[link]\nkwh_per_gb = 0\n" + "".join(texts))
    for name, j_per_sample in (("less", 1.0), ("more", 1.02)):
        write(report([run(j_per_sample, u_rel=0.3)]), tmp_path / f"{name}.json")
    found = simulated(path)
    assert found.least["energy_j"] == {"less": 1.0, "more": 0.0}
    span = found.outcomes[0].drawn["energy_j"]
    assert span.high / span.low > 1.5


@pytest.mark.parametrize(("kind", "starts"), [("central", 1), ("federated", 4), ("consensus", 4)])
def test_every_training_starts_once_on_every_machine(tmp_path: Path, kind: str, starts: int) -> None:
    path = tmp_path / "s.toml"
    path.write_text(
        "[data]\nclients = 4\nbits_per_client = 0\nmodel_bits = 0\n[link]\nkwh_per_gb = 0\n"
        "[life]\ntrainings = 3\n"
        "[site.here]\npue = 1\nintensity = 3.6e3\n"
        "[server]\nround_j = 1\nstart_j = 7\n[client]\nround_j = 1\nstart_j = 7\n"
        f'[paradigm.it]\nkind = "{kind}"\nrounds = 2\n' + ("neighbours = 2\n" if kind == "consensus" else "")
    )
    part = simulated(path).outcomes[0].parts["start-up"]
    assert part.energy_j == pytest.approx(3 * starts * 7)
    assert part.co2_kg == pytest.approx(3 * starts * 7 / 1e6)


def test_a_reports_start_up_is_what_its_runs_took_beyond_their_training(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(
        "[data]\nclients = 1\nbits_per_client = 0\n[link]\nkwh_per_gb = 0\n"
        '[paradigm.it]\nkind = "central"\nreport = "r.json"\n[site."data centre"]\npue = 1\n'
    )
    write(report([run(seed=seed) for seed in range(2)]), tmp_path / "r.json")
    found = simulated(path)
    assert found.outcomes[0].parts["start-up"].energy_j == pytest.approx(500)
    write(report([replace(run(), total_energy_j=None, total_energy_u_j=None)]), tmp_path / "r.json")
    without = simulated(path)
    assert "start-up" not in without.outcomes[0].parts
    assert "start-up is not counted: start_j is not given" in without.notes


def test_runs_scatter_of_its_own_does_not_cancel(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    texts = [f'[paradigm.{name}]\nkind = "central"\nreport = "{name}.json"\n' for name in ("less", "more")]
    path.write_text("[data]\nclients = 1\nbits_per_client = 0\n[link]\nkwh_per_gb = 0\n" + "".join(texts))
    for name, factor in (("less", 1.0), ("more", 1.02)):
        runs = [run(factor * x, seed=i) for i, x in enumerate((0.8, 1.0, 1.25))]
        write(report(runs), tmp_path / f"{name}.json")
    assert 0.3 < simulated(path).least["energy_j"]["more"] < 0.6
