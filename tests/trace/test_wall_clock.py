"""The wall clock beside the monotonic one: what a step is, what a sleep, what a drift."""

from __future__ import annotations

import pytest

from energyprof.trace.wall_clock import Change, Look, changes, look, pieces, unset

NOON_S = 1_714_564_800.0


def seen(*times: tuple[float, float, float]) -> list[Look]:
    """Looks at these times; the clock is then ahead by so much, and the machine has slept for so long."""
    return [Look(t, NOON_S + t + ahead_s, 5000.0 + asleep_s, 1e-6) for t, ahead_s, asleep_s in times]


def test_a_clock_that_runs_on_has_no_change() -> None:
    looks = seen((0, 0, 0), (0.5, 0, 0), (600, 0.0004, 0))
    assert changes(looks) == []
    (only,) = pieces(looks)
    assert only.time_of(NOON_S + 3) == pytest.approx(3.0, abs=1e-5)


@pytest.mark.parametrize("step_s", [5.0, -5.0, 3600.0, -3600.0, 0.1, -1.0])
def test_a_step_lies_between_the_looks_around_it(step_s: float) -> None:
    (change,) = changes(seen((0, 0, 0), (7, 0, 0), (7.5, step_s, 0), (20, step_s, 0)))
    assert change == (7, 7.5, pytest.approx(step_s, abs=1e-5), 0)


def test_a_machine_that_slept_was_not_set() -> None:
    (change,) = changes(seen((0, 0, 0), (7, 0, 0), (7.5, 3600, 3600)))
    assert change == (7, 7.5, 0, pytest.approx(3600))


def test_a_clock_that_is_set_in_a_sleep_has_both() -> None:
    (change,) = changes(seen((0, 0, 0), (0.5, 3590, 3600)))
    assert (change.step_s, change.slept_s) == (pytest.approx(-10), pytest.approx(3600))


def test_a_clock_that_went_back_did_not_sleep_backwards() -> None:
    (change,) = changes(seen((0, 0, 0), (0.5, -5, -5)))
    assert (change.step_s, change.slept_s) == (pytest.approx(-5), 0)


def test_without_a_clock_that_counts_sleep_a_leap_is_a_step() -> None:
    looks = [Look(0, NOON_S, None, 0.0), Look(0.5, NOON_S + 60.5, None, 0.0)]
    assert changes(looks) == [Change(0, 0.5, 60.0, 0.0)]


def test_a_drift_is_followed_and_is_no_step() -> None:
    """NTP slews by 0.05 %, chrony by 8 % at most: the time of a stamp is that of the moment."""
    looks = seen(*((0.5 * n, 0.04 * n, 0) for n in range(41)))
    (only,) = pieces(looks)
    assert changes(looks) == []
    assert only.time_of(NOON_S + 10 + 0.8) == pytest.approx(10.0)
    assert only.utc_of(10.0) == pytest.approx(NOON_S + 10.8)


def test_a_step_that_nobody_looked_at_for_long_is_one() -> None:
    (change,) = changes(seen((0, 0, 0), (600, 1.0, 0)))
    assert change.step_s == pytest.approx(1.0)


def test_what_was_read_apart_is_no_step() -> None:
    assert changes([Look(0, NOON_S, 0.0, 0.0), Look(0.5, NOON_S + 0.8, 0.3, 0.3)]) == []


def test_each_piece_has_the_clock_of_its_time() -> None:
    first, second, third = pieces(seen((0, 0, 0), (7, 0, 0), (7.5, 60, 0), (9, 60, 0), (9.5, 58, 0)))
    assert (first.step_s, second.step_s, third.step_s) == pytest.approx((0, 60, 58))
    assert (second.earliest_s, second.latest_s) == (7, 9.5)
    assert first.time_of(NOON_S + 3) == pytest.approx(3)
    assert second.time_of(NOON_S + 68) == pytest.approx(8)
    assert third.time_of(NOON_S + 70) == pytest.approx(12)
    assert second.holds(7.0, 0.0) and second.holds(9.5, 0.0) and not second.holds(9.6, 0.01)


def test_a_clock_that_nobody_set_runs_through_all_pieces() -> None:
    parts = unset(pieces(seen((0, 0, 0), (7.5, 60, 0), (9.5, 58, 0))), 60.0)
    assert [part.time_of(NOON_S + 68) for part in parts] == pytest.approx([8, 8, 8])


def test_a_look_comes_from_an_event() -> None:
    assert look(1.5, {"utc_s": NOON_S}) == Look(1.5, NOON_S, None, 0.0)
    assert look(1.5, {"utc_s": NOON_S, "asleep_s": 2.0, "doubt_s": 0.1}) == Look(1.5, NOON_S, 2.0, 0.1)
