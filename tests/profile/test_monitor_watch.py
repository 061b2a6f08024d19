"""What `monitor` shows of meters whose powers can be added up in the head."""

from __future__ import annotations

import pytest

from energyprof.profile.monitor import Watch
from energyprof.trace.rows import Sample
from fakes.meters import gauge
from reports import meter

ONE = meter("rapl:package-0", interval_s=0.1)
OTHER = meter("rapl:package-1", interval_s=0.1)
PLUG = meter("plug", interval_s=0.1, info=gauge(name="plug", resolution=1.0, refresh_s=0.05))


def feed(watch: Watch, index: int, from_tick: int, until_tick: int, power_w: float) -> None:
    """A counter's readings every tenth of a second."""
    for tick in range(from_tick, until_tick):
        watch.sample(index, Sample(tick / 10, tick / 10, power_w * tick / 10))


def test_a_counter_that_is_lost_shows_no_power_any_more() -> None:
    watch = Watch([ONE, OTHER])
    for second in range(20):
        watch.edge(float(second))
        feed(watch, 0, 10 * second, 10 * second + 10, 50.0)
        if second < 5:
            feed(watch, 1, 10 * second, 10 * second + 10, 70.0)
        look = watch.look()
        if second == 4:
            assert look.total.power_w == pytest.approx(120)
    assert look.meters[0][1].power_w == pytest.approx(50)
    assert look.meters[1][1].power_w is None
    assert look.total.power_w is None


def test_the_total_is_of_one_stretch_of_time() -> None:
    watch = Watch([ONE, OTHER])
    watch.edge(1.0)
    watch.edge(2.0)
    feed(watch, 1, 0, 24, 70.0)  # does not know the last half second yet
    watch.edge(2.5)
    feed(watch, 0, 0, 30, 50.0)
    look = watch.look()
    assert [power.power_w for _, power in look.meters] == pytest.approx([50, 70])
    assert look.total.power_w == pytest.approx(120)


def test_a_power_that_stands_still_is_shown_until_it_does_so_for_too_long() -> None:
    watch = Watch([PLUG])
    shown = {}
    for tick in range(2000):
        if tick % 10 == 0:
            watch.edge(tick / 10)
        watch.sample(0, Sample(tick / 10, tick / 10, 500.0 + tick % 2 if tick < 100 else 50.0))
        if tick % 10 == 9:
            shown[tick // 10] = watch.look().meters[0][1].power_w
    assert shown[30] == pytest.approx(50)
    assert shown[199] is None
