from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from energyprof.errors import MeterError
from energyprof.measure.sampler import Reading, Sampler, _schedule
from energyprof.measure.schedule import FixedInterval, StratifiedRandom, TickTracking
from fakes.meters import FakeMeter, counter, gauge, hanging, since_now


def until(condition: Callable[[], bool]) -> None:
    """Wait for something another thread does; the limit only ends a broken test."""
    deadline_s = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.005)


def of(readings: list[Reading], meter: int) -> list[Reading]:
    return [reading for reading in readings if reading.meter == meter]


def test_readings_come_in_order_with_a_stamp_on_both_sides() -> None:
    meter = FakeMeter(since_now(50))
    sampler = Sampler([meter], 0.005)
    until(lambda: meter.reads >= 20)
    assert sampler.stop() == []
    readings = list(sampler.drain())
    assert len(readings) == meter.reads
    stamps = [stamp for reading in readings for stamp in (reading.start_s, reading.end_s)]
    assert stamps == sorted(stamps)


@pytest.mark.slow
def test_deadlines_lie_on_a_fixed_grid_that_slow_reads_do_not_shift() -> None:
    interval_s = 0.02

    def slow() -> float:
        time.sleep(0.013)
        return 1.0

    meter = FakeMeter(slow)
    sampler = Sampler([meter], interval_s)
    until(lambda: meter.reads >= 30)
    sampler.stop()
    starts = [reading.start_s for reading in sampler.drain()][:-1]  # the last read is the stop's
    # However late a busy machine is, no read begins before its deadline on the grid: were the interval
    # counted from the end of each read, the starts would be 33 ms apart and off the grid.
    late = [(start - starts[0]) % interval_s for start in starts[1:]]
    assert sorted(late)[len(late) // 2] < interval_s / 2


@pytest.mark.slow
def test_a_hanging_meter_delays_no_other_and_is_named_at_the_end() -> None:
    released = threading.Event()
    try:
        good = FakeMeter(since_now(50))
        sampler = Sampler([FakeMeter(hanging(released)), good], 0.005)
        until(lambda: good.reads >= 50)
        assert sampler.stop() == [0]
        readings = list(sampler.drain())
        assert of(readings, 0) == []
        assert len(of(readings, 1)) >= 50
    finally:
        released.set()


@pytest.mark.parametrize("error", [MeterError("gone: plug it in"), ZeroDivisionError("a bug")])
def test_a_failing_meter_is_written_down_and_read_again(error: Exception) -> None:
    def failing() -> float:
        raise error

    bad, good = FakeMeter(failing), FakeMeter(since_now(50))
    sampler = Sampler([bad, good], 0.005)
    until(lambda: bad.reads >= 10 and good.reads >= 10)
    sampler.stop()
    readings = of(list(sampler.drain()), 0)
    assert len(readings) >= 10
    assert all(reading.value is None and str(error) in reading.error for reading in readings)


def test_a_poke_reads_every_meter_at_once() -> None:
    meters = [FakeMeter(since_now(50), counter(name=str(i))) for i in range(3)]
    sampler = Sampler(meters, 3600)
    until(lambda: all(meter.reads == 1 for meter in meters))
    sampler.read_now()
    until(lambda: all(meter.reads == 2 for meter in meters))
    sampler.stop()
    assert all(meter.reads == 3 for meter in meters)  # stopping reads once more: the end has a reading


def test_the_last_reading_begins_after_the_stop() -> None:
    sampler = Sampler([FakeMeter(since_now(50))], 3600)
    stop_s = time.monotonic()
    sampler.stop()
    assert list(sampler.drain())[-1].start_s >= stop_s


def test_meters_of_one_lane_are_read_by_one_thread() -> None:
    threads: list[set[int]] = [set(), set(), set()]

    def reader(index: int) -> Callable[[], float]:
        def value() -> float:
            threads[index].add(threading.get_ident())
            return 1.0

        return value

    infos = [counter(name="a", lane="bus"), counter(name="b", lane="bus"), counter(name="c")]
    meters = [FakeMeter(reader(i), meter) for i, meter in enumerate(infos)]
    sampler = Sampler(meters, 0.005)
    until(lambda: all(meter.reads >= 3 for meter in meters))
    sampler.stop()
    assert threads[0] == threads[1]
    assert len(threads[0] | threads[2]) == 2


def test_a_device_that_must_rest_is_not_read_however_often_it_is_poked() -> None:
    meter = FakeMeter(since_now(50), counter(min_interval_s=3600))
    sampler = Sampler([meter], 0.005)
    until(lambda: meter.reads == 1)
    for _ in range(20):
        sampler.read_now()
        time.sleep(0.002)
    assert meter.reads == 1
    sampler.stop()
    assert meter.reads == 2  # but its last reading is taken


def test_the_last_tick_is_seen_to_its_end() -> None:
    started_s, tick_s = time.monotonic(), 0.15

    def value() -> float:
        return float(int((time.monotonic() - started_s) / tick_s))

    meter = FakeMeter(value, counter(refresh_s=tick_s, ticks=True))
    sampler = Sampler([meter], 3600)
    until(lambda: meter.reads >= 1)
    stop_s = time.monotonic()
    sampler.stop()
    readings = list(sampler.drain())
    at_stop = next(reading.value for reading in readings if reading.start_s >= stop_s)
    assert (readings[-1].value or 0) > (at_stop or 0)


def test_powers_are_read_at_random_times_and_ticking_counters_at_their_ticks() -> None:
    gauge_schedule = _schedule([(0, FakeMeter(since_now(1), gauge()))], 0.1)
    counter_schedule = _schedule([(0, FakeMeter(since_now(1), counter()))], 0.1)
    ticking_schedule = _schedule([(0, FakeMeter(since_now(1), counter(ticks=True, refresh_s=0.1)))], 0.1)
    kinds = [type(schedule) for schedule in (gauge_schedule, counter_schedule, ticking_schedule)]
    assert kinds == [StratifiedRandom, FixedInterval, TickTracking]
