"""Gross, idle and net, on sums that can be done in the head."""

from __future__ import annotations

import math

import pytest

from energyprof.report.energy import Energy
from energyprof.report.flags import Flag, flag
from energyprof.report.idle import idle
from energyprof.report.phases import PhaseInterval


def phase(
    name: str,
    start_s: float,
    end_s: float,
    power_w: float | None,
    reading_j: float = 0.0,
    seen_s: float | None = None,
) -> tuple[PhaseInterval, Energy]:
    span_s = end_s - start_s
    terms_j = {"gain": 9.0, "edge": reading_j, "unseen": 99.0}
    energy = Energy((power_w or 1.0) * span_s, 0.0, 0.0, 1.0, (), terms_j, power_w, seen_s or span_s)
    return PhaseInterval(name, start_s, end_s, None), energy


# 100 W of training from 12 s to 22 s, by a gain of 5 % (standard) and readings good to 3 J.
TRAINING = Energy(1000.0, 0.0, 100.0, 1.0, (), {"gain": 50.0, "offset": 7.0, "edge": 3.0})
WINDOW = (12.0, 22.0)


def test_the_net_energy_is_what_idling_would_not_have_used() -> None:
    phases = [
        phase("idle", 0, 10, 20.0, 10.0),
        phase("train", 12, 22, 100.0),
        phase("idle", 25, 35, 20.0, 10.0),
    ]
    result = idle(TRAINING, WINDOW, phases, 24.0)
    assert (result.before_w, result.after_w) == (20.0, 20.0)
    assert result.net_j == pytest.approx(800)
    # gain: 50 J · 0.8; each idle power ± 1 W, their mean ± 0.71 W, over 10 s; the zero error drops out.
    assert result.net_u_j == pytest.approx(2 * math.hypot(40, math.hypot(1, 1) / 2 * 10, 3))
    assert result.flags == ()


def test_one_side_is_enough_and_none_is_no_net_energy() -> None:
    only_before = idle(TRAINING, WINDOW, [phase("idle", 0, 10, 20.0)], 24.0)
    assert (only_before.after_w, only_before.net_j) == (None, pytest.approx(800))
    assert idle(TRAINING, WINDOW, [phase("train", 12, 22, 100.0)], 24.0).net_j is None
    assert idle(TRAINING, None, [phase("idle", 0, 10, 20.0)], 24.0).net_j is None


@pytest.mark.parametrize(
    ("after_w", "reading_j", "flags"),
    [
        (20.5, 0.0, ()),  # 2.5 %
        (20.7, 0.0, (flag("idle_drift", detail="20 W before, 20.7 W after"),)),  # 3.5 %
        (19.3, 0.0, (flag("idle_drift", detail="20 W before, 19.3 W after"),)),
        (20.7, 10.0, ()),  # each side is known to 1 W only
    ],
)
def test_a_drift_of_more_than_three_percent_is_flagged_if_the_meters_can_tell(
    after_w: float, reading_j: float, flags: tuple[Flag, ...]
) -> None:
    phases = [phase("idle", 0, 10, 20.0, reading_j), phase("idle", 25, 35, after_w, reading_j)]
    assert idle(TRAINING, WINDOW, phases, 24.0).flags == flags


def test_the_net_energy_knows_the_idle_power_no_better_than_it_drifted() -> None:
    phases = [phase("idle", 0, 10, 20.0), phase("idle", 25, 35, 50.0)]
    result = idle(TRAINING, WINDOW, phases, 24.0)
    assert result.net_j == pytest.approx(650)
    # gain: 50 J · 0.65; the idle power may have been off by 15 W for all of the 10 s.
    assert result.net_u_j == pytest.approx(2 * math.hypot(32.5, 150 / math.sqrt(3), 3))


def test_an_idle_power_is_that_of_the_time_that_was_seen() -> None:
    result = idle(TRAINING, WINDOW, [phase("idle", 0, 10, 20.0, 10.0, seen_s=5.0)], 24.0)
    assert (result.before_w, result.net_j) == (20.0, pytest.approx(800))
    assert result.net_u_j == pytest.approx(2 * math.hypot(40, 2 * 10, 3))


def test_a_look_too_short_for_the_meter_is_no_idle_power_and_says_so() -> None:
    result = idle(TRAINING, WINDOW, [phase("idle", 0, 2, None)], 24.0)
    assert (result.before_w, result.net_j) == (None, None)
    assert result.flags == (flag("idle_short", detail="2 s"),)


def test_the_moment_before_a_program_that_had_no_idle_look_is_none() -> None:
    result = idle(TRAINING, WINDOW, [phase("idle", 0, 0.04, 7.1)], 24.0)
    assert (result.before_w, result.net_j, result.flags) == (None, None, ())
