"""Manufacture, storage, networks and the published footprint of BLOOM."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from simulate.scenarios import EXAMPLES, J_PER_WH, SMALL, outcome, simulated, written

from energyprof.simulate.dimension import DIMENSIONS
from energyprof.simulate.embodied import share_of_life
from energyprof.simulate.factors import network, table
from energyprof.simulate.links import bit_per_j
from energyprof.simulate.parts import FIGURES, total

HOUR_S = 3600.0
WHISPER_BIT = 781_964 * 32 * 21 * 10 * 2


def test_bloom_comes_out_part_by_part() -> None:
    found = outcome(simulated(EXAMPLES / "simulate-bloom.toml"), "training")
    tonnes = {name: round(part.co2_kg / 1000, 2) for name, part in found.parts.items() if part.co2_kg}
    assert tonnes == {"compute": 24.69, "idle": 14.63, "manufacture": 11.21}
    assert round(found.total.co2_kg / 1000, 2) == 50.53
    assert found.parts["compute"].energy_j == pytest.approx(433_196 * 1000 * J_PER_WH)


@pytest.mark.parametrize(("kg", "shown"), [(2500, 0.05596), (150, 0.003358)])
def test_an_hour_of_blooms_devices(kg: float, shown: float) -> None:
    assert float(f"{kg * share_of_life(HOUR_S, 6, 0.85):.4g}") == shown


@pytest.mark.parametrize(("g_per_kwh", "percent"), [(56, 48), (331, 14), (662, 7)])
def test_the_embodied_share_of_an_a100(g_per_kwh: float, percent: int) -> None:
    made_g = 750_000 * share_of_life(HOUR_S, 4, 0.85)
    used_g = 0.4 * 1.2 * g_per_kwh
    assert round(made_g, 1) == 25.2
    assert round(100 * made_g / (made_g + used_g)) == percent


def test_a_kilowatt_hour_a_gigabyte_is_so_many_bits_a_joule() -> None:
    assert round(bit_per_j(1.0), 1) == 2222.2


@pytest.mark.parametrize(("year", "kwh"), [(2015, 0.06), (2021, 0.0075), (2025, 0.001875)])
def test_fixed_networks_halve_every_two_years(year: int, kwh: float) -> None:
    assert network("fixed", year, "here").value == kwh


@pytest.mark.parametrize(
    ("medium", "year", "wh"),
    [("fixed", 2025, 2.5), ("wifi", None, 66), ("mobile", None, 158), ("mobile_4g_2019", None, 788)],
)
def test_the_messages_of_a_whisper_head(medium: str, year: int | None, wh: float) -> None:
    kwh = network(medium, year, "here").value * WHISPER_BIT / 8e9
    assert round(1000 * kwh, 1 if wh < 10 else 0) == wh


@pytest.mark.parametrize(("medium", "wh"), [("wifi", 65.685), ("mobile_4g_2019", 788.22)])
def test_the_whisper_example_is_charged_so(medium: str, wh: float) -> None:
    found = simulated(EXAMPLES / "simulate-whisper.toml", f"link.medium={medium}")
    sent_j = sum(found.outcomes[0].parts[name].energy_j for name in ("uplink", "downlink"))
    assert sent_j / J_PER_WH == pytest.approx(wh, rel=1e-5)


def test_the_network_moves_the_whisper_example_most() -> None:
    found = simulated(EXAMPLES / "simulate-whisper.toml")
    assert found.swings[0].factor == "link.kwh_per_gb"
    assert found.swings[0].high / found.swings[0].low == 320


def test_time_of_router_and_idle_client(tmp_path: Path) -> None:
    text = SMALL.format(clients=1).replace("bit_per_j = 1", "router_w = 6\nidle_w = 4\nbit_per_s = 2")
    found = simulated(written(tmp_path, text))
    assert outcome(found, "central").parts["uplink"].energy_j == 7 / 2 * 10
    assert found.links["uplink"].startswith("router × time")


def test_stored_data_take_power_and_disks(tmp_path: Path) -> None:
    stored = 'stored_s = "1 years"\nstored_bytes = "2 TB"\nreplication = 3\nmedium = "hdd"\nlife_years = 6\n'
    text = SMALL.format(clients=1).replace("model_bits = 3\n", f"model_bits = 3\n{stored}")
    part = outcome(simulated(written(tmp_path, text)), "central").parts["storage"]
    assert part.energy_j == pytest.approx(2 * 2 * 3 * 4.2 * 8760 * 3600)  # PUE × TB × copies × W/TB
    assert part.embodied_kg == pytest.approx(2 * 3 * 20 / 6)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("simulate-*.toml")), ids=lambda path: path.stem)
def test_totals_are_the_sums_of_their_parts_in_every_example(path: Path) -> None:
    for found in simulated(path, "draws=100").outcomes:
        for parts in (found.parts, found.low, found.high):
            for figure in FIGURES:
                values = [getattr(part, figure) for part in parts.values()]
                if not any(map(math.isnan, values)):
                    assert getattr(total(parts), figure) == pytest.approx(math.fsum(values))


@pytest.mark.slow
def test_what_a_report_estimated_is_called_an_estimate() -> None:
    found = simulated(EXAMPLES / "simulate-report.toml", "draws=100")
    estimate = next(line for line in found.assumptions if ": server.round_j =" in line)
    assert estimate.startswith("an estimate of a report, not a measurement")
    assert any(line.startswith("given, not measured: client.round_j") for line in found.assumptions)
    assert any(line.startswith("server.round_s") for line in found.measurements)


def test_every_factor_says_where_it_comes_from() -> None:
    for factor in table().values():
        assert factor.unit in DIMENSIONS
        assert factor.source and factor.licence and 2000 < factor.year < 2100
        assert 0 <= factor.low <= factor.value <= factor.high
