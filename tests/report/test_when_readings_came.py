"""When a value came that a meter shows: reads that take long, ticks that come late. The truth is within U."""

from __future__ import annotations

import bisect
import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from energyprof.meter import MeterInfo
from energyprof.report.energy import MeterEnergy
from energyprof.trace.rows import Sample
from fakes.meters import counter, gauge
from fakes.simulated import Device, Value, simulate
from fakes.traces import Trace, integrate, segments
from fakes.waveform import Waveform, square

# Low until 5 s, high until 10 s, and so on.
LOAD = square(low_w=110.0, high_w=10.0, period_s=10.0)
TICKS = counter(refresh_s=1.0, ticks=True, resolution=0.001)


def read(meter: MeterInfo, wave: Waveform, every_s: float, read_s: float, at: float) -> Trace:
    """Reads of ``read_s`` each; the value is that of a moment within, as a share of the read."""
    samples = []
    for n in range(int(30 / every_s)):
        start_s = n * every_s
        shown_s = start_s + at * read_s
        value = wave.power_w(shown_s) if meter.reads == "power_w" else wave.energy_j(0.0, shown_s)
        samples.append(Sample(start_s, start_s + read_s, value))
    return Trace(meter, every_s, samples)


def outside(found: MeterEnergy, truth_j: float) -> float:
    assert found.joules is not None
    return abs(found.joules - truth_j) - 2 * found.reading_u_j


@pytest.mark.parametrize("at", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("read_s", [0.05, 0.4, 0.9])
@pytest.mark.parametrize("meter", [counter(), gauge()], ids=["counter", "power"])
def test_a_value_may_be_of_any_moment_of_its_read(meter: MeterInfo, read_s: float, at: float) -> None:
    trace = read(meter, LOAD, 1.0, read_s, at)
    for window in ((2.0, 8.0), (7.0, 13.0), (2.0, 28.0)):
        (found,) = integrate(trace, [window])
        assert outside(found, LOAD.energy_j(*window)) <= 1e-6


def test_a_slow_read_of_a_counter_is_its_power_over_half_of_the_read() -> None:
    """It shows what it had counted when the read began: 0.2 s of it less than in the middle."""
    (found,) = integrate(read(counter(), LOAD, 1.0, 0.4, 0.0), [(2.2, 8.2)])
    assert found.joules == pytest.approx(LOAD.energy_j(2.0, 8.0))
    assert found.terms_j["stamp"] == pytest.approx(0.2 * math.hypot(10, 110) / math.sqrt(3))


def ticking(wave: Waveform, ticks_s: Sequence[float]) -> Value:
    """The joules until the last of these ticks."""

    def value(at_s: float) -> float:
        return 1e4 + wave.energy_j(-10.0, ticks_s[bisect.bisect_right(ticks_s, at_s) - 1])

    return value


def seen(value: Value, meter: MeterInfo = TICKS, until_s: float = 30.0) -> Trace:
    """Looked at every twentieth of a second, with a pause around 12 s, as after a tick that was due."""
    times = [0.05 * n for n in range(int(until_s / 0.05)) if not 11.5 < 0.05 * n < 12.0]
    return Trace(meter, 0.1, [Sample(t, t, value(t)) for t in times])


def test_the_energy_of_a_stalled_tick_may_be_of_any_part_of_it_however_it_was_looked_at() -> None:
    """High from 10 s: the tick of 9 s to 15 s has 560 J, 10 J of them before that."""
    load = replace(LOAD, period_s=20.0)
    trace = seen(ticking(load, [*map(float, range(-9, 10)), *map(float, range(15, 40))]))
    before, after = integrate(trace, [(2.0, 12.0), (12.0, 20.0)])
    assert before.joules == pytest.approx(70 + 560 / 2, abs=3)  # spread over the tick; 70 + 230 in truth
    for found, window in ((before, (2.0, 12.0)), (after, (12.0, 20.0))):
        assert outside(found, load.energy_j(*window)) <= 0
        assert found.terms_j["edge"] > 100


def test_a_counter_that_stands_still_at_the_end_has_not_come_to_rest() -> None:
    """For two and a half ticks it shows what it showed: nobody knows what it would show next."""
    trace = seen(ticking(square(100.0, 100.0, 1.0), [float(n) for n in range(-9, 28)]), until_s=29.55)
    (found,) = integrate(trace, [(2.0, 29.5)])
    assert outside(found, 2750.0) <= 0
    assert found.coverage == pytest.approx(25 / 27.5, abs=0.03)
    assert [part.seen for part in segments(trace)][-1] is False


def test_a_counter_that_is_too_coarse_to_move_stands_still_all_the_same() -> None:
    coarse = counter(refresh_s=1.0, resolution=500.0)
    trace = seen(lambda t: 1e4 + 500.0 * (t >= 20), coarse, until_s=22.55)
    assert [part.seen for part in segments(trace)][-1] is True


@pytest.mark.slow
@pytest.mark.parametrize("tick_s", [0.1, 0.3, 1.0])
def test_after_a_stall_no_tick_is_where_it_was_thought_to_be(tick_s: float) -> None:
    """Stalls of up to four ticks, after which the ticks come at other times than before."""
    held = told = 0
    for seed in range(12):
        rng = random.Random(f"{tick_s} {seed}")
        load = square(rng.uniform(5, 60), rng.uniform(80, 250), rng.uniform(0.5, 5))
        ticks_s = [rng.uniform(-3, -2)]
        stalls_s = sorted(rng.uniform(0, 25) for _ in range(3))
        while ticks_s[-1] < 30:
            late_s = [rng.uniform(0.2, 4) * tick_s for at_s in stalls_s if 0 <= at_s - ticks_s[-1] < tick_s]
            ticks_s.append(ticks_s[-1] + tick_s + sum(late_s))
        device = Device(replace(TICKS, refresh_s=tick_s), ticking(load, ticks_s))
        edges = [0.5, *sorted(rng.uniform(1, 24) for _ in range(4)), 25.0]
        (trace,) = simulate([device], 0.1, 25.1, edges[:-1], seed)
        windows = [*itertools.pairwise(edges), (edges[0], edges[-1])]
        for window, found in zip(windows, integrate(trace, windows), strict=True):
            if found.joules is not None:
                told += 1
                held += outside(found, load.energy_j(*window)) <= 0
    assert held >= 0.95 * told
    assert told >= 60
