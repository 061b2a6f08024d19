"""The energy of a run that goes on, from powers that can be added up in the head."""

from __future__ import annotations

from dataclasses import replace

import pytest

from energyprof.report.so_far import KEPT, MOMENTS, SoFar
from energyprof.trace.rows import Sample
from reports import meter

COUNTER = meter(interval_s=0.1)
PROGRAM = 7


def fed(until_s: float, power_w: float = 50.0) -> SoFar:
    """A run that began at 1 s, of a counter that is read every tenth of a second from 0."""
    so_far = SoFar([COUNTER], 1.0)
    feed(so_far, 0.0, until_s, power_w)
    return so_far


def feed(so_far: SoFar, from_s: float, until_s: float, power_w: float = 50.0) -> None:
    for tick in range(round(10 * from_s), round(10 * until_s) + 1):
        so_far.sample(COUNTER.name, Sample(tick / 10, tick / 10, power_w * tick / 10))


def test_what_was_before_the_program_is_not_its_energy() -> None:
    energy, time_s = fed(11.0).until_now()
    assert energy.joules == pytest.approx(50 * time_s)
    assert 9.5 <= time_s <= 10


def test_before_the_first_readings_nothing_is_known() -> None:
    energy, time_s = SoFar([COUNTER], 1.0).until_now()
    assert (energy.joules, time_s) == (None, 0.0)


def test_a_window_is_known_when_readings_have_passed_its_end() -> None:
    so_far = fed(2.0)
    so_far.open((PROGRAM, 1), 2.5)
    feed(so_far, 2.1, 4.0)
    opened = so_far.of_window((PROGRAM, 1), "now")
    assert opened is not None
    assert opened[0].joules == pytest.approx(50 * opened[1])
    assert so_far.of_window((PROGRAM, 1), "over") is None
    so_far.close((PROGRAM, 1), 4.05)
    assert so_far.of_window((PROGRAM, 1), "over") is None  # no reading has come since
    feed(so_far, 4.1, 5.0)
    known = so_far.of_window((PROGRAM, 1), "over")
    assert known is not None
    assert known[0].joules == pytest.approx(50 * 1.55)
    assert known[0].u_j is not None and known[0].u_j > 0
    assert known[1] == pytest.approx(1.55)


def test_windows_nest_and_those_of_several_processes_are_apart() -> None:
    so_far = fed(1.0)
    for key, edges in {(7, 1): (2.0, 8.0), (7, 2): (3.0, 4.0), (8, 1): (3.5, 9.0)}.items():
        so_far.open(key, edges[0])
        so_far.close(key, edges[1])
    feed(so_far, 1.1, 10.0)
    found = {key: so_far.of_window(key, "over") for key in ((7, 1), (7, 2), (8, 1))}
    joules = {key: known[0].joules for key, known in found.items() if known is not None}
    assert joules == pytest.approx({(7, 1): 300, (7, 2): 50, (8, 1): 275})


def test_an_edge_that_comes_when_all_behind_it_is_summed_up_is_not_guessed() -> None:
    so_far = fed(10.0)
    so_far.open((PROGRAM, 1), 3.0)
    so_far.close((PROGRAM, 1), 4.0)
    feed(so_far, 10.1, 11.0)
    known = so_far.of_window((PROGRAM, 1), "over")
    assert known is not None and known[0].joules is None


def test_windows_that_closed_long_ago_are_forgotten_and_memory_stays() -> None:
    so_far = fed(1.0)
    for number in range(KEPT + 50):
        so_far.open((PROGRAM, number), 2 + number / 1000)
        so_far.close((PROGRAM, number), 2 + (number + 0.5) / 1000)
    feed(so_far, 1.1, 6.0)
    assert so_far.of_window((PROGRAM, 0), "over") is None
    assert so_far.of_window((PROGRAM, KEPT), "over") is not None


def test_a_window_that_never_opened_does_not_close() -> None:
    so_far = fed(2.0)
    so_far.close((PROGRAM, 3), 2.0)
    assert so_far.of_window((PROGRAM, 3), "over") is None


def test_a_counted_meter_without_readings_leaves_no_sum() -> None:
    so_far = SoFar([COUNTER, meter("nvml:0", part="gpu")], 1.0)
    feed(so_far, 0.0, 5.0)
    assert so_far.until_now()[0].joules is None


def test_energies_of_several_meters_are_summed_up_until_the_same_moment() -> None:
    late = meter("nvml:0", part="gpu", interval_s=0.1)
    so_far = SoFar([COUNTER, late], 1.0)
    feed(so_far, 0.0, 3.0)
    for tick in range(31):
        so_far.sample(late.name, Sample(tick / 10, tick / 10, 70 * tick / 10))
    feed(so_far, 3.1, 63.0)  # the other is lost
    energy, time_s = so_far.until_now()
    assert energy.joules == pytest.approx(120 * time_s)
    assert 1.5 <= time_s <= 2.0
    for tick in range(631, 640):
        at_s = tick / 10
        feed(so_far, at_s, at_s)
        so_far.sample(late.name, Sample(at_s, at_s, 70 * at_s))
    energy, time_s = so_far.until_now()
    assert energy.joules == pytest.approx(120 * time_s)
    assert time_s > 61.5


def test_moments_that_a_lost_meter_never_passes_take_no_memory() -> None:
    so_far = SoFar([COUNTER, meter("nvml:0", part="gpu")], 1.0)
    feed(so_far, 0.0, MOMENTS / 10 + 20)
    assert len(so_far._edges) <= MOMENTS + 3


def test_without_a_log_that_counts_there_is_no_sum_yet() -> None:
    log = meter("csv:gpu.csv", part="gpu")
    so_far = SoFar([COUNTER, replace(log, info=replace(log.info, external=True))], 1.0)
    so_far.open((PROGRAM, 1), 1.5)
    feed(so_far, 0.0, 5.0)
    so_far.close((PROGRAM, 1), 4.0)
    assert so_far.until_now()[0].joules is None
    known = so_far.of_window((PROGRAM, 1), "over")
    assert known is not None and known[0].joules is None
