"""What a counter's or a power meter's readings may mean."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from fakes.meters import counter, gauge, samples_of
from fakes.traces import Trace, integrate, segments

# A counter read every 0.1 s that wraps at 1000 J and believes 200 W: (values read, total J, flags)
CASES = {
    "plain": ([0, 10, 20, 30], 30, set()),
    "a wrap inside": ([985, 995, 5, 15], 30, set()),
    "a wrap just before the end": ([970, 980, 990, 0], 30, set()),
    "a reset is bridged with the last good power": ([500, 510, 0, 10], 30, {"reset"}),
    "a leap up that stays is a reset of another kind": ([0, 10, 600, 610], 30, {"reset"}),
    "a spike that the next reading takes back": ([0, 10, 1e9, 30, 40], 40, {"rejected_reading"}),
    "a negative reading": ([0, 10, -1, 30], 30, {"rejected_reading"}),
    "a reading that is not a number": ([0, 10, math.nan, 30], 30, {"rejected_reading"}),
    "a failed read": ([0, 10, None, 30], 30, {"failed_read"}),
    "no reading at all": ([None, None], 0, set()),
    "one reading": ([5], 0, set()),
}


@pytest.mark.parametrize("case", CASES)
def test_a_counter_that_shows(case: str) -> None:
    values, joules, flags = CASES[case]
    parts = list(segments(Trace(counter(wraps_at_j=1000, max_power_w=200), 0.1, samples_of(values, 0.1))))
    assert math.fsum(part.joules for part in parts) == pytest.approx(joules, abs=1e-9)
    assert {flag for part in parts for flag in part.flags} == flags


def test_segments_follow_each_other_without_holes_or_overlaps() -> None:
    values = [0, 10, None, 30, 30, 30, 60, 0, 10, 20]
    parts = list(segments(Trace(counter(max_power_w=400), 0.1, samples_of(values, 0.1))))
    assert all(a.end_s == b.start_s for a, b in pairwise(parts))


def test_a_counter_that_stands_still_for_good_is_not_covered() -> None:
    parts = list(segments(Trace(counter(), 0.1, samples_of([0, 10, 20] + [20] * 30, 0.1))))
    assert math.fsum(part.joules for part in parts if part.seen) == pytest.approx(20)
    assert parts[-1].flags == ("stalled",)
    assert not parts[-1].covered
    assert not parts[-1].seen


def test_of_a_counter_that_never_moved_nothing_is_known_however_short_the_run() -> None:
    energy = integrate(Trace(counter(refresh_s=0.001), 0.1, samples_of([70, 70, 70, 70], 0.1)), [(0, 0.3)])[0]
    assert (energy.joules, energy.coverage) == (None, 0.0)
    assert "no_reading" in energy.flags


def test_a_counter_that_catches_up_after_a_stall_loses_nothing() -> None:
    # 100 W throughout; the readings from 0.2 s to 3.2 s repeat an old value.
    values = [0, 10, 20] + [20] * 30 + [330, 340]
    parts = list(segments(Trace(counter(), 0.1, samples_of(values, 0.1))))
    stall = next(part for part in parts if "stalled" in part.flags)
    assert math.fsum(part.joules for part in parts) == pytest.approx(340)
    assert stall.start_w == pytest.approx(100)
    assert stall.covered


def test_a_counter_that_goes_on_from_where_it_stood_did_not_count() -> None:
    # 100 W throughout; it stands from 0.2 s to 3.2 s and then goes on from there.
    values = [0, 10, 20] + [20] * 30 + [30, 40, 50]
    trace = Trace(counter(), 0.1, samples_of(values, 0.1))
    stall = next(part for part in segments(trace) if "stalled" in part.flags)
    assert not stall.seen
    (energy,) = integrate(trace, [(0, 3.4)])
    assert energy.coverage < 0.2
    assert abs(energy.joules - 340) < 2 * energy.reading_u_j


def test_a_counter_that_goes_back_doubts_what_it_took_back() -> None:
    # 100 W throughout; one reading is 25 J too high, which a load of 350 W could be.
    values = [500, 510, 545, 530, 540, 550]
    trace = Trace(counter(max_power_w=400), 0.1, samples_of(values, 0.1))
    (energy,) = integrate(trace, [(0, 0.5)])
    assert energy.flags == ("reset", "short")
    assert energy.terms_j["bridge"] == pytest.approx(15 / math.sqrt(3))
    assert abs(energy.joules - 50) < 2 * energy.reading_u_j


def test_a_tick_slower_than_the_reads_is_spread_over_the_tick() -> None:
    # The source renews every 0.3 s, read every 0.1 s: 30 J a tick is 100 W, not 300 W now and then.
    values = [0, 0, 0, 30, 30, 30, 60, 60, 60, 90]
    parts = list(segments(Trace(counter(refresh_s=0.3), 0.1, samples_of(values, 0.1))))
    assert [part.start_w for part in parts] == [pytest.approx(100)] * len(parts)
    # The last tick, which nobody saw the end of, is taken as the one before it, with as much doubt as energy.
    assert math.fsum(part.joules for part in parts[:-1]) == pytest.approx(90)
    assert parts[-1].shape_j == pytest.approx(parts[-1].joules)


def test_a_gap_in_a_counter_keeps_its_energy_and_says_so() -> None:
    times = [0.0, 0.1, 2.1, 2.2]
    parts = list(segments(Trace(counter(), 0.1, samples_of([0, 10, 210, 220], times))))
    assert math.fsum(part.joules for part in parts) == pytest.approx(220)
    assert [part.covered for part in parts] == [True, False, True]
    assert parts[1].flags == ("gap",)


def test_a_gap_in_a_gauge_is_bridged_and_was_not_seen() -> None:
    times = [0.0, 0.1, 2.1, 2.2]
    parts = list(segments(Trace(gauge(), 0.1, samples_of([50, 50, 50, 50], times))))
    assert parts[1].joules == pytest.approx(100)
    assert (parts[1].covered, parts[1].seen, parts[1].flags) == (False, False, ("gap",))


def test_a_counter_that_may_have_gone_round_twice_between_two_reads_is_not_trusted() -> None:
    meter = counter(wraps_at_j=100, max_power_w=200)
    parts = list(segments(Trace(meter, 1.0, samples_of([0, 50], 1.0))))
    assert (parts[0].covered, parts[0].flags) == (False, ("wraps_unsure",))
    assert parts[0].bridge_j >= 100


def test_equal_powers_are_kept() -> None:
    parts = list(segments(Trace(gauge(), 0.1, samples_of([60] * 11, 0.1))))
    assert math.fsum(part.joules for part in parts) == pytest.approx(60)


@pytest.mark.parametrize("bad", [None, math.nan, -1.0, 1e7])
def test_a_gauge_rejects_what_is_no_power(bad: float | None) -> None:
    parts = list(segments(Trace(gauge(max_power_w=1000), 0.1, samples_of([60, bad, 60], 0.1))))
    assert math.fsum(part.joules for part in parts) == pytest.approx(12)
    assert parts[0].flags in (("failed_read",), ("rejected_reading",))


def test_a_source_that_renews_once_a_second_has_no_gap_between_its_ticks() -> None:
    # Read every 0.1 s for 5 s: 20 J appear each second.
    values = [20.0 * (i // 10) for i in range(51)]
    parts = list(segments(Trace(counter(refresh_s=1.0), 0.1, samples_of(values, 0.1))))
    assert [part.start_w for part in parts] == [pytest.approx(20)] * len(parts)
    assert all(part.covered and not part.flags for part in parts)


def test_a_gap_while_the_counter_stood_still_is_flagged_all_the_same() -> None:
    times = [0.0, 0.1, 0.8, 0.9]
    parts = list(segments(Trace(counter(), 0.1, samples_of([0, 10, 10, 20], times))))
    assert "gap" in {flag for part in parts for flag in part.flags}
    assert not all(part.covered for part in parts)


def test_a_gap_after_a_standstill_is_where_nobody_looked() -> None:
    times = [0.0, 0.1, 0.2, 2.2]
    parts = list(segments(Trace(counter(), 0.1, samples_of([0, 10, 10, 30], times))))
    assert [(part.start_s, part.covered) for part in parts] == [(0.0, True), (0.1, True), (0.2, False)]
