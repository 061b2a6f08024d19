"""The terms of an uncertainty: what meters and runs have in common of each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from energyprof.report.energy import MeterEnergy, total
from energyprof.report.uncertainty import COMMON, METER_TERMS, SCALE, TERMS, ZERO, term_of
from fakes.meters import counter

# Two meters of 3 J and 4 J: 7 J if that is one error, 5 J if it is two.
ONE, TWO = 7.0, 5.0


@pytest.mark.parametrize(
    ("kinds", "lanes", "one_error"),
    [
        (("a", "b"), ("", ""), ()),
        (("a", "a"), ("", ""), ("gain", "transfer")),
        (("a", "b"), ("l", "m"), ()),
        (("a", "b"), ("l", "l"), ("edge", "stamp", "shape", "sampling")),
        (("a", "a"), ("l", "l"), ("gain", "transfer", "edge", "stamp", "shape", "sampling")),
    ],
)
def test_meters_of_a_kind_share_the_gain_and_those_of_a_lane_what_they_missed(
    kinds: tuple[str, str], lanes: tuple[str, str], one_error: tuple[str, ...]
) -> None:
    pairs = zip(("x", "y"), kinds, lanes, strict=True)
    meters = [replace(counter(name=name), kind=kind, lane=lane) for name, kind, lane in pairs]
    energies = [
        MeterEnergy(meter, 100.0, dict.fromkeys(METER_TERMS, u_j), 1.0, ())
        for meter, u_j in zip(meters, (3.0, 4.0), strict=True)
    ]
    expected = {name: ONE if name in one_error else TWO for name in METER_TERMS}
    assert total(energies).terms_j == pytest.approx(expected)


def test_what_runs_on_the_same_meters_have_in_common() -> None:
    assert (SCALE, ZERO) == (("gain", "transfer"), ("offset",))
    assert COMMON == ("gain", "transfer", "offset", "shape", "meters", "map")


def test_every_term_says_what_it_is_and_an_unknown_one_averages_out() -> None:
    assert all(term.meaning and term.distribution for term in TERMS.values())
    unknown = term_of("of another version")
    assert (unknown.error, unknown.distribution, unknown.meaning) == ("random", "normal", "")
