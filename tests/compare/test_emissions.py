"""The intensity of a grid, and what it makes of joules."""

from __future__ import annotations

import pytest

from energyprof.compare.comparison import compare
from energyprof.compare.emissions import GIVEN, chosen, described, grams, of_country, of_number
from energyprof.errors import UsageError
from reports import at, figures_of, program, report, run, unmetered_run


@pytest.mark.parametrize("name", ["FR", "fr", " FRA ", "France", "FRANCE"])
def test_a_country_is_found_by_code_and_name(name: str) -> None:
    grid = of_country(name)
    assert (grid.place, grid.g_per_kwh, grid.year) == ("France", 56.039, 2023)


@pytest.mark.parametrize(
    ("name", "place"), [("uk", "United Kingdom"), ("EL", "Greece"), ("Cote d’Ivoire", "")]
)
def test_reserved_codes_are_known_and_odd_letters_are_no_crash(name: str, place: str) -> None:
    if place:
        assert of_country(name).place == place
    else:
        with pytest.raises(UsageError, match="Cote d'Ivoire"):
            of_country(name)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("Frnce", r"France \(FR\)"),
        ("GER", r"Germany \(DE\)"),
        ("Korea", r"South Korea \(KR\)"),
        ("QQQQ", "FR"),
    ],
)
def test_an_unknown_country_is_one_line_with_names_near_it(name: str, near: str) -> None:
    with pytest.raises(UsageError, match=near) as caught:
        of_country(name)
    assert "\n" not in str(caught.value)


def test_every_country_can_be_asked_for_and_says_when_and_by_whom() -> None:
    for code, low, high in (("SE", 10, 60), ("DE", 300, 450), ("PL", 550, 850), ("ZA", 600, 900)):
        grid = of_country(code)
        assert low < grid.g_per_kwh < high
        assert f"{grid.place} {grid.year}: Our World in Data" in described(grid)


def test_a_number_is_taken_as_it_is() -> None:
    grid = of_number(56)
    assert described(grid) == "56 g CO2e/kWh (as given)"
    assert (grid.place, grid.year, grid.source) == (None, None, GIVEN)
    assert grams(3.6e6, grid) == pytest.approx(56)  # 1 kWh


@pytest.mark.parametrize("number", [0.0, -1.0, float("nan"), float("inf")])
def test_a_number_must_be_above_0(number: float) -> None:
    with pytest.raises(UsageError, match="--intensity"):
        of_number(number)


def test_one_of_country_and_intensity_is_enough() -> None:
    assert chosen(None, None) is None
    assert chosen("FR", None) == of_country("FR")
    assert chosen(None, 56.0) == of_number(56.0)
    with pytest.raises(UsageError, match="one of them"):
        chosen("FR", 56.0)


def test_emissions_stand_beside_the_joules_with_their_uncertainty_and_ratio() -> None:
    reports = [report([run(x, u_rel=0.06, gain_rel=0.06) for x in (y, 1.01 * y)]) for y in (1.0, 2.0)]
    plain = compare(reports, ["a", "b"])
    with_grid = compare(reports, ["a", "b"], grid=of_number(56))
    assert (plain.grid, with_grid.grid) == (None, of_number(56))
    for before, after in zip(plain.entries, with_grid.entries, strict=True):
        assert "emissions" not in figures_of(before)
        emissions, energy = figures_of(after)["emissions"], figures_of(after)["energy_to_target"]
        assert emissions.mean == pytest.approx(energy.mean / 3.6e6 * 56)
        assert emissions.u_rel == pytest.approx(energy.u_rel)
        assert {k: v for k, v in figures_of(after).items() if k != "emissions"} == figures_of(before)
        if energy.change is not None and emissions.change is not None:
            assert emissions.change.ratio == pytest.approx(energy.change.ratio)


def test_a_program_without_target_emits_too_and_one_without_meter_emits_nobody_knows_what() -> None:
    grid = of_number(3600)
    (entry,) = compare([program(1000.0)], ["a"], grid=grid).entries
    assert figures_of(entry)["emissions"].mean == pytest.approx(1.0)
    (entry,) = compare([report([unmetered_run()], boundary=None, meters=())], ["a"], grid=grid).entries
    assert "emissions" not in figures_of(entry)
    (entry,) = compare([at(1.0)], ["a"], grid=grid).entries
    assert figures_of(entry)["emissions"].mean == pytest.approx(1.05)
