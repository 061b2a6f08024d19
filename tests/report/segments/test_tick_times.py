"""When a counter ticked though nobody saw it, on ticks that can be counted in the head."""

from __future__ import annotations

import pytest

from energyprof.report.segments.tick_times import TickTimes


def every_tenth(*caught_s: float) -> TickTimes:
    """Ticks of 0.1 s, of which those at the given times were caught to a millisecond."""
    times = TickTimes(0.1)
    for at_s in caught_s:
        assert times.caught(at_s - 0.001, at_s + 0.001)
    return times


def test_before_any_tick_was_caught_nothing_is_due() -> None:
    assert every_tenth().between(0.0, 0.1)[0] == []


def test_looks_too_far_apart_catch_no_tick() -> None:
    assert not TickTimes(0.1).caught(0.0, 0.02)


def test_ticks_come_evenly_after_one_that_was_caught() -> None:
    due, doubt_s = every_tenth(1.0).between(1.35, 1.45)
    assert due == [pytest.approx(1.4)]
    assert 0 < doubt_s < 0.01


def test_of_a_bracket_longer_than_a_tick_every_tick_in_it_is_due() -> None:
    assert every_tenth(1.0).between(1.25, 1.45)[0] == pytest.approx([1.3, 1.4])


def test_a_tick_due_just_outside_is_put_on_the_edge_of_the_bracket() -> None:
    # Ticks stray: one that is due 1 ms before the look that did not see it came right after that look.
    assert every_tenth(1.0).between(1.301, 1.39)[0] == [1.301]


def test_the_length_of_a_tick_is_learned() -> None:
    times = every_tenth(*(1 + 0.102 * count for count in range(60)))
    last_s = 1 + 0.102 * 59
    due, _ = times.between(last_s + 0.46, last_s + 0.56)
    assert due == [pytest.approx(last_s + 5 * 0.102, abs=1e-3)]


def test_doubt_grows_with_the_ticks_in_between_and_shrinks_as_they_prove_even() -> None:
    few, many = every_tenth(1.0), every_tenth(*(1 + 0.1 * count for count in range(40)))
    assert few.between(1.35, 1.45)[1] > few.between(1.05, 1.15)[1]
    assert many.between(4.95, 5.05)[1] < few.between(1.05, 1.15)[1]


def test_a_tick_far_from_where_it_was_due_starts_anew_and_teaches_nothing() -> None:
    times = every_tenth(1.0, 1.1, 1.2)
    doubt_s = times.between(1.25, 1.35)[1]
    assert times.caught(1.349, 1.351)
    assert times.between(1.40, 1.50)[0] == [pytest.approx(1.45, abs=2e-3)]
    assert times.between(1.40, 1.50)[1] == pytest.approx(doubt_s, rel=0.2)


def test_after_a_standstill_nothing_is_due_until_a_tick_is_caught_again() -> None:
    times = every_tenth(1.0, 1.1, 1.2)
    times.forget()
    assert times.between(3.35, 3.45)[0] == []
    assert times.caught(3.449, 3.451)
    assert times.between(3.5, 3.6)[0] == [pytest.approx(3.55, abs=1e-3)]
