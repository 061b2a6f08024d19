"""When meters are read: time is simulated, so that nothing here depends on how fast this machine is."""

from __future__ import annotations

import bisect
import random
from itertools import pairwise

import pytest

from energyprof.measure.schedule import FixedInterval, StratifiedRandom, TickTracking

INTERVAL_S = 0.097


def hunted(tick_s: float, learned_s: float, jitter_s: float, late_s: float) -> tuple[list[float], float]:
    """A minute of a counter that ticks every ``tick_s``: the times that hold a tick each, and reads a second.

    The hunt is told that a tick lasts ``learned_s``; each read comes ``late_s`` late in the mean.
    """
    rng = random.Random(1)
    first_s = rng.uniform(0, tick_s)
    ticks = sorted(first_s + k * tick_s + rng.gauss(0, jitter_s) for k in range(round(70 / tick_s)))
    hunt, now_s, reads = TickTracking(INTERVAL_S, learned_s), 0.0, 0
    last: tuple[float, int] | None = None
    brackets = []
    while now_s < 60:
        value = bisect.bisect(ticks, now_s)
        if last is not None and value == last[1] + 1:
            brackets.append(now_s - last[0])
        last = (now_s, value)
        hunt.saw(now_s, now_s + 5e-5, value)
        reads += 1
        now_s += 5e-5
        now_s = max(now_s, hunt.next_s(now_s)) + (rng.expovariate(1 / late_s) if late_s else 0.0)
    return sorted(brackets), reads / 60


@pytest.mark.parametrize("tick_s", [0.02, 0.05, 0.1, 0.25])
@pytest.mark.parametrize("learned", [0.98, 1.0, 1.03])
def test_ticks_are_bracketed_within_a_few_milliseconds_by_about_thirty_reads_a_second(
    tick_s: float, learned: float
) -> None:
    brackets, reads_hz = hunted(tick_s, learned * tick_s, jitter_s=0.0002, late_s=0.0002)
    tight = [bracket for bracket in brackets if bracket < 0.005]
    wanted = 60 / max(tick_s, INTERVAL_S)
    assert len(tight) > 0.6 * wanted
    assert reads_hz < 45


def test_ticks_that_stray_cost_precision_and_not_reads() -> None:
    brackets, reads_hz = hunted(0.1, 0.1, jitter_s=0.003, late_s=0.0002)
    assert brackets[len(brackets) // 2] < 0.02
    assert reads_hz < 45


def test_a_counter_that_stopped_ticking_is_still_looked_at_and_not_hammered() -> None:
    hunt, now_s, times = TickTracking(INTERVAL_S, 0.1), 0.0, []
    while now_s < 120:
        times.append(now_s)
        hunt.saw(now_s, now_s + 5e-5, 7.0)
        now_s = max(now_s + 5e-5, hunt.next_s(now_s + 5e-5))
    assert max(b - a for a, b in pairwise(times)) <= 1.3 * INTERVAL_S
    assert len(times) < 120 * 80


def test_failed_reads_do_not_stop_the_hunt() -> None:
    hunt, now_s, reads = TickTracking(INTERVAL_S, 0.1), 0.0, 0
    while now_s < 10:
        hunt.saw(now_s, now_s + 5e-5, None if 3 < now_s < 5 else float(int(now_s / 0.1)))
        after_s = hunt.next_s(now_s + 5e-5)
        assert now_s < after_s <= now_s + 2 * INTERVAL_S
        now_s, reads = after_s, reads + 1
    assert reads > 100


def test_random_beats_come_once_an_interval_and_anywhere_in_it() -> None:
    beats, now_s, times = StratifiedRandom(0.1, random.Random(3)), 5.0, []
    for _ in range(2000):
        times.append(now_s)
        beats.saw(now_s, now_s, 1.0)
        now_s = beats.next_s(now_s)
        assert beats.next_s(now_s - 1e-9) == now_s  # asked again before it is due: the same
    strata = [int((t - 5.0) / 0.1 + 1e-9) for t in times]
    assert strata == list(range(2000))
    places = sorted((t - 5.0) / 0.1 % 1 for t in times[1:])
    assert all(abs(place - (i + 0.5) / 1999) < 0.04 for i, place in enumerate(places))


def test_a_load_that_keeps_step_with_the_interval_does_not_fool_random_beats() -> None:
    # 100 W in the first half of every interval, 0 W in the second: even beats would read one or the other.
    beats, now_s, powers = StratifiedRandom(0.1, random.Random(4)), 0.0, []
    for _ in range(4000):
        powers.append(100.0 if now_s / 0.1 % 1 < 0.5 else 0.0)
        beats.saw(now_s, now_s, powers[-1])
        now_s = beats.next_s(now_s)
    assert sum(powers) / len(powers) == pytest.approx(50, abs=3)


def test_beats_that_a_slow_read_let_pass_are_not_caught_up() -> None:
    beats = FixedInterval(0.1)
    beats.saw(1.0, 1.01, 5.0)
    assert beats.next_s(1.01) == pytest.approx(1.1)
    assert beats.next_s(1.35) == pytest.approx(1.4)
