"""The terms of an uncertainty: what meters and runs have in common of each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from energyprof.report.energy import MeterEnergy, total
from energyprof.report.uncertainty import BELOW, COMMON, METER_TERMS, SCALE, TERMS, ZERO, term_of
from fakes.meters import counter

# Two meters of 3 J and 4 J: 7 J if that is one error, 5 J if it is two.
ONE, TWO = 7.0, 5.0


@pytest.mark.parametrize(
    ("kinds", "lanes", "one_error"),
    [
        (("a", "b"), ("", ""), ()),
        (("a", "a"), ("", ""), ("gain", "gain_below", "transfer")),
        (("a", "b"), ("l", "m"), ()),
        (("a", "b"), ("l", "l"), ("edge", "stamp", "shape", "sampling")),
        (("a", "a"), ("l", "l"), ("gain", "gain_below", "transfer", "edge", "stamp", "shape", "sampling")),
    ],
)
def test_meters_of_a_kind_share_the_gain_and_those_of_a_lane_what_they_missed(
    kinds: tuple[str, str], lanes: tuple[str, str], one_error: tuple[str, ...]
) -> None:
    pairs = zip(("x", "y"), kinds, lanes, strict=True)
    meters = [replace(counter(name=name), kind=kind, lane=lane) for name, kind, lane in pairs]
    energies = [
        MeterEnergy(meter, 100.0, {**dict.fromkeys(METER_TERMS, u_j), BELOW: u_j / 2}, 1.0, ())
        for meter, u_j in zip(meters, (3.0, 4.0), strict=True)
    ]
    expected = {name: ONE if name in one_error else TWO for name in METER_TERMS}
    expected[BELOW] /= 2
    assert total(energies).terms_j == pytest.approx(expected)


def test_a_gain_that_is_the_same_both_ways_is_one_term() -> None:
    even = MeterEnergy(counter(), 100.0, dict.fromkeys(METER_TERMS, 1.0), 1.0, ())
    assert BELOW not in total([even]).terms_j


def test_an_interval_takes_each_end_of_a_gain_that_is_further_off_one_way() -> None:
    uneven = MeterEnergy(counter(), 100.0, {"gain": 3.0, BELOW: 0.0, "edge": 4.0}, 1.0, ())
    energy = total([uneven])
    assert energy.interval_j == pytest.approx((100 - 2 * 4, 100 + 2 * 5))
    assert energy.u_j == pytest.approx(10)
    assert energy.terms_j == {"gain": 3.0, BELOW: 0.0, "edge": 4.0}


def test_of_two_meters_each_end_adds_up_on_its_own() -> None:
    """One reads at most too much, the other is as far off both ways: 100 J of each."""
    one, other = replace(counter(name="x"), kind="a"), replace(counter(name="y"), kind="b")
    energies = [
        MeterEnergy(one, 100.0, {"gain": 0.0, BELOW: 3.0}, 1.0, ()),
        MeterEnergy(other, 100.0, {"gain": 4.0, BELOW: 4.0}, 1.0, ()),
    ]
    assert total(energies).interval_j == pytest.approx((200 - 2 * 5, 200 + 2 * 4))


def test_what_runs_on_the_same_meters_have_in_common() -> None:
    assert (SCALE, ZERO) == (("gain", "gain_below", "transfer"), ("offset",))
    assert COMMON == ("gain", "gain_below", "transfer", "offset", "shape", "drift", "meters", "map")


def test_every_term_says_what_it_is_and_an_unknown_one_averages_out() -> None:
    assert all(term.meaning and term.distribution for term in TERMS.values())
    unknown = term_of("of another version")
    assert (unknown.error, unknown.distribution, unknown.meaning) == ("random", "normal", "")
