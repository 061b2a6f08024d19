from __future__ import annotations

import pytest

from energyprof.report.segments.cadence import Cadence
from fakes.meters import samples_of


def cadence(times: list[float], interval_s: float = 0.1) -> Cadence:
    result = Cadence(interval_s)
    for sample in samples_of([1.0] * len(times), times):
        result.push(sample)
    return result


def test_reads_on_time_miss_nothing() -> None:
    on_time = cadence([i * 0.1 for i in range(101)])
    assert on_time.achieved_hz == pytest.approx(10)
    assert on_time.missed == 0
    assert on_time.p99_gap_s == pytest.approx(0.1, rel=0.01)


def test_a_pause_of_a_second_misses_nine_deadlines() -> None:
    paused = cadence([0.0, 0.1, 1.1, 1.2])
    assert paused.missed == 9
    assert paused.max_gap_s == pytest.approx(1.0)


def test_the_99th_percentile_leaves_out_one_gap_in_a_hundred() -> None:
    one_late = [i * 0.1 for i in range(100)] + [12.9]
    two_late = [i * 0.1 for i in range(99)] + [12.8, 15.8]
    assert cadence(one_late).p99_gap_s == pytest.approx(0.1, rel=0.01)
    assert cadence(two_late).p99_gap_s == pytest.approx(3.0, rel=0.01)


def test_the_pause_between_two_runs_is_no_gap() -> None:
    both = cadence([0.0, 0.1, 0.2])
    both.new_run()
    for sample in samples_of([1.0] * 3, [60.0, 60.1, 60.2]):
        both.push(sample)
    assert both.max_gap_s == pytest.approx(0.1)
    assert both.achieved_hz == pytest.approx(10)


def test_a_failed_read_is_no_read() -> None:
    failing = Cadence(0.1)
    for sample in samples_of([1.0, None, 1.0], 0.1):
        failing.push(sample)
    assert failing.missed == 1


def test_without_two_reads_there_is_no_rate() -> None:
    assert cadence([0.0]).achieved_hz is None
    assert cadence([0.0]).p99_gap_s is None
