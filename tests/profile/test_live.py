"""What is shown of a run that goes on: only what meters tell now."""

from __future__ import annotations

from dataclasses import replace

import pytest

from energyprof.profile.live import Live, Snapshot
from energyprof.report.record import MeterRecord
from energyprof.trace.rows import Sample
from fakes.meters import gauge
from reports import meter

COUNTER = meter("rapl:package-0", interval_s=0.1)
POWER = meter("plug", interval_s=0.1, info=gauge(name="plug", resolution=1.0))


def live(*meters: MeterRecord) -> Live:
    """A run whose training began at 1 s."""
    shown = Live(0, 1, None, meters)
    shown.phase(1.0, "train")
    return shown


def feed(shown: Live, index: int, from_s: int, until_s: int, power_w: float) -> None:
    """Readings every tenth of a second of a meter that shows this power."""
    for tick in range(10 * from_s, 10 * until_s + 1):
        counts = shown._meters[index].info.reads == "energy_j"
        shown.sample(index, Sample(tick / 10, tick / 10, power_w * (tick / 10 if counts else 1)))


def known(now: Snapshot) -> bool:
    return now.watts is not None and now.joules is not None


def test_a_meter_that_is_lost_leaves_neither_a_power_nor_a_sum() -> None:
    shown = live(COUNTER, meter("nvml:0", part="gpu", interval_s=0.1))
    feed(shown, 0, 0, 5, 50.0)
    assert shown.snapshot(5.0).watts is None  # the GPU's first reading is still to come
    feed(shown, 1, 0, 5, 70.0)
    assert shown.snapshot(5.0).watts == pytest.approx(120)
    assert shown.snapshot(5.0).joules == pytest.approx(120 * 4, abs=15)
    feed(shown, 0, 6, 20, 50.0)
    assert not known(shown.snapshot(20.0))


def test_what_was_lost_for_a_while_is_counted_as_the_report_counts_it() -> None:
    shown = live(POWER)
    feed(shown, 0, 0, 5, 50.0)
    feed(shown, 0, 15, 20, 50.0)
    assert shown.snapshot(20.0).joules == pytest.approx(50 * 19)


def test_a_power_that_stands_still_is_still_read() -> None:
    shown = live(POWER)
    for tick in range(20):
        shown.sample(0, Sample(tick / 10, tick / 10, 50.0 + tick % 2))
    feed(shown, 0, 2, 20, 50.0)
    assert shown.snapshot(20.0).watts == 50


def test_a_log_that_counts_is_told_when_the_run_is_over() -> None:
    log = replace(POWER, info=replace(POWER.info, external=True))
    shown = live(COUNTER, log)
    feed(shown, 0, 0, 5, 50.0)
    assert not known(shown.snapshot(5.0))
