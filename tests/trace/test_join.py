"""Logs of others joined to a run in which the wall clock was set: the truth lies within what is said."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from energyprof.errors import MeterError
from energyprof.report.energy import MeterEnergy
from energyprof.trace.join import joined
from energyprof.trace.log_order import TimedValue
from energyprof.trace.rows import Sample
from energyprof.trace.wall_clock import Change, Look, Piece, changes, pieces
from fakes.meters import gauge
from fakes.traces import Trace, integrate
from fakes.waveform import Waveform, constant, ramp

NOON_S = 1_714_564_800.0
LOG = gauge(name="csv:wall", refresh_s=0.25, window_s=0.0, external=True)


@dataclass(frozen=True)
class Host:
    """A machine whose clock is set at some times of a run, and that is looked at every half second."""

    steps: Sequence[tuple[float, float]] = ()  # when and by how much
    sleeps: Sequence[tuple[float, float]] = ()
    span_s: float = 30.0
    first_s: float = 0.37  # of the looks after the run's zero

    def utc_s(self, at_s: float) -> float:
        leapt_s = math.fsum(by_s for when_s, by_s in (*self.steps, *self.sleeps) if at_s >= when_s)
        return NOON_S + at_s + leapt_s

    def pieces(self) -> list[Piece]:
        times = [0.0, *(self.first_s + 0.5 * n for n in range(int(2 * self.span_s)))]
        times = [*(t for t in times if t < self.span_s), self.span_s]
        return pieces([Look(t, self.utc_s(t), self._asleep_s(t), 0.0) for t in times])

    def _asleep_s(self, at_s: float) -> float:
        return math.fsum(by_s for when_s, by_s in self.sleeps if at_s >= when_s)


def log(
    stamp: Callable[[float], float], wave: Waveform, from_s: float, until_s: float, period_s: float = 0.25
) -> list[TimedValue]:
    """The rows of a logger whose clock shows ``stamp(t)`` at a time ``t`` of the run."""
    times = [from_s + n * period_s for n in range(int((until_s - from_s) / period_s))]
    return [(stamp(t), wave.power_w(t)) for t in times]


def between(rows: Sequence[TimedValue]) -> Callable[[float, float], Sequence[TimedValue]]:
    """As a file in that order gives them."""

    def rows_between(start_s: float, end_s: float) -> Sequence[TimedValue]:
        return [row for row in rows if start_s <= row[0] <= end_s]

    return rows_between


def of_run(rows: Sequence[TimedValue], host: Host, waited_s: float = 0.5) -> list[Sample]:
    now_s = host.span_s + waited_s
    return joined(between(rows), host.pieces(), host.span_s, now_s, LOG.refresh_s)


def energies(samples: Sequence[Sample], *windows: tuple[float, float]) -> list[MeterEnergy]:
    return integrate(Trace(LOG, LOG.refresh_s, samples), windows)


def check(samples: Sequence[Sample], wave: Waveform, *windows: tuple[float, float]) -> None:
    """The truth is within U of each window, without a gain that would help."""
    for window, found in zip(windows, energies(samples, *windows), strict=True):
        if found.joules is not None:
            off_j = abs(found.joules - wave.energy_j(*window))
            assert off_j <= 2 * found.reading_u_j + 1e-6, (window, found)


STEPS = {
    "5 s forward": [(12.2, 5.0)],
    "5 s back": [(12.2, -5.0)],
    "an hour forward": [(12.2, 3600.0)],
    "an hour back": [(12.2, -3600.0)],
    "some 40 years forward": [(12.2, 1.3e9)],
    "there and back": [(8.1, 3600.0), (19.4, -3600.0)],
    "four steps": [(5.0, 2.0), (9.3, -7.0), (15.0, 11.0), (22.2, -1.0)],
    "before and after the training": [(1.2, -5.0), (28.7, 5.0)],
    "a leap second": [(12.2, -1.0)],
}


@pytest.mark.parametrize("name", STEPS)
def test_a_log_by_the_machines_clock_is_joined_across_its_steps(name: str) -> None:
    host, wave = Host(STEPS[name]), ramp(40, 200, 13.0)
    samples = of_run(log(host.utc_s, wave, -20.0, 30.3), host)
    inside = [sample for sample in samples if -0.01 <= sample.start_s <= 30.01]
    assert [s.start_s for s in inside] == pytest.approx([0.25 * n for n in range(121)], abs=1e-5)
    assert [s.value for s in inside] == [wave.power_w(0.25 * n) for n in range(121)]
    assert max(s.end_s - s.start_s for s in samples) < 1e-5  # and nothing is in doubt
    assert all(found.coverage == 1 for found in energies(samples, (1, 12.2), (12.2, 29), (3, 27)))


def test_a_clock_set_for_the_time_of_two_rows_is_doubt() -> None:
    host, wave = Host([(8.4, 5.0), (8.95, -5.0)]), ramp(40, 200, 13.0)
    check(of_run(log(host.utc_s, wave, -20.0, 30.3), host), wave, (2, 8), (10, 27), (2, 27))


@pytest.mark.parametrize("agreed", [0, -1])
@pytest.mark.parametrize("name", STEPS)
def test_a_log_by_a_clock_of_its_own_is_not_set_with_the_machines(name: str, agreed: int) -> None:
    """Its clock is that of the machine before the steps, or after them: the truth is within ± either way."""
    host, wave = Host(STEPS[name]), ramp(40, 200, 13.0)
    ahead_s = host.utc_s(0.0 if agreed == 0 else host.span_s) - (0.0 if agreed == 0 else host.span_s)
    samples = of_run(log(lambda t: ahead_s + t, wave, -20.0, 30.3), host)
    check(samples, wave, (3, 12.2), (12.2, 27), (3, 27))
    assert all(found.joules is not None for found in energies(samples, (3, 12.2), (12.2, 27), (3, 27)))


def test_rows_after_the_run_are_not_the_runs() -> None:
    """Set forward, the clock makes rows of later look as if they were of the run, and the other way round."""
    for step_s in (5.0, -5.0):
        host = Host([(20.0, step_s)])
        rows = log(host.utc_s, constant(100.0), -20.0, 30.0)
        rows += [(host.utc_s(t), 900.0) for t in (30.1, 30.35, 31.0, 35.0, 40.0)]
        samples = of_run(rows, host)
        assert [s.value for s in samples if s.start_s > 30] == [900.0]
        assert energies(samples, (5, 29))[0].joules == pytest.approx(2400)


def test_a_machine_that_slept_has_no_rows_of_its_sleep() -> None:
    """Another device logs on meanwhile: those rows are of no time of the run."""
    host, wave = Host(sleeps=[(12.2, 60.0)]), constant(100.0)
    stamps = [NOON_S - 20 + 0.25 * n for n in range(4 * 111)]
    rows = [(utc_s, 100.0 if utc_s < NOON_S + 12.2 or utc_s >= NOON_S + 72.2 else 3.0) for utc_s in stamps]
    samples = of_run(rows, host)
    check(samples, wave, (3, 27))
    assert 3.0 not in [s.value for s in samples if not 11.5 < s.start_s < 13]


def test_steps_too_small_for_the_rows_to_show_are_doubt() -> None:
    host, wave = Host([(12.2, 0.4)]), ramp(40, 200, 13.0)
    for stamp in (host.utc_s, lambda t: NOON_S + t, lambda t: NOON_S + t + 0.4):
        samples = of_run(log(stamp, wave, -20.0, 30.3), host)
        assert {round(s.end_s - s.start_s, 3) for s in samples} == {0.4}
        check(samples, wave, (3, 11), (14, 27), (3, 27))
        assert energies(samples, (3, 27))[0].coverage < 1  # how long the step took


def test_a_log_that_was_sorted_is_as_doubtful_as_the_time_that_came_twice() -> None:
    host, wave = Host([(15.0, -5.0)]), ramp(40, 200, 13.0)
    samples = of_run(sorted(log(host.utc_s, wave, -20.0, 30.3)), host)
    check(samples, wave, (3, 15), (15, 27), (3, 27))


def test_a_log_that_ends_before_the_clock_is_set_is_joined_as_far_as_it_goes() -> None:
    for step_s in (5.0, -5.0, 3600.0, -3600.0):
        host, wave = Host([(20.2, step_s)]), ramp(40, 200, 13.0)
        samples = of_run(log(host.utc_s, wave, -20.0, 18.0), host)
        check(samples, wave, (3, 12))
        assert energies(samples, (3, 12))[0].coverage == 1


def test_a_log_without_a_row_of_the_run_gives_none() -> None:
    host = Host([(12.2, 5.0)])
    assert of_run(log(host.utc_s, constant(100.0), -60.0, -50.0), host) == []


def test_a_log_that_cannot_be_read_says_so() -> None:
    def broken(start_s: float, end_s: float) -> Sequence[TimedValue]:
        raise MeterError("gone")

    for host in (Host(), Host([(12.2, 5.0)]), Host([(12.2, 1e9)])):
        with pytest.raises(MeterError, match="gone"):
            joined(broken, host.pieces(), host.span_s, host.span_s, 1.0)


def test_without_a_step_the_rows_stay_as_they_are() -> None:
    host = Host()
    rows = log(host.utc_s, ramp(40, 200, 13.0), -20.0, 30.3)
    samples = joined(between(rows), host.pieces(), 30.0, 30.5, 0.25)
    assert [s.value for s in samples] == [value for t, value in rows if NOON_S <= t <= NOON_S + 30]
    assert [s.start_s for s in samples] == pytest.approx([0.25 * n for n in range(121)], abs=1e-6)
    assert all(s.start_s == s.end_s for s in samples)


def test_a_clock_set_back_before_the_run_leaves_no_row_of_then_in_it() -> None:
    """Stamped as if they were of the run: the idle power of the minute before it."""
    ahead = [(NOON_S - 8 + 0.25 * n + 5, 10.0) for n in range(30)]  # until 0.5 s before the run
    host = Host()
    samples = of_run(ahead + log(host.utc_s, constant(100.0), -0.5, 30.3), host)
    assert {s.value for s in samples if s.start_s > 0} == {100.0}
    assert energies(samples, (0.5, 29))[0].joules == pytest.approx(2850)


def test_a_log_whose_own_clock_goes_back_in_the_run_says_nothing_of_times_that_came_twice() -> None:
    wave = ramp(40, 200, 13.0)
    rows = log(lambda t: NOON_S + t, wave, -2.0, 15.0) + log(lambda t: NOON_S + t - 3, wave, 15.0, 33.5)
    samples = of_run(rows, Host())
    check(samples, wave, (2, 11))
    assert energies(samples, (2, 29))[0].coverage == pytest.approx(1 - 3 / 27, abs=0.02)


@pytest.mark.parametrize(
    ("times", "kept"),
    [
        ([1, 2, 2, 3], [(1, 0), (2, 2), (3, 3)]),  # of two rows with one time the last counts
        ([1, 2, 0, 3], [(1, 0), (2, 1), (2, None), (3, 3)]),  # one that goes back has no place in time
        ([2, 2, 1, 3], [(2, 1), (2, None), (3, 3)]),
    ],
)
def test_a_row_out_of_order_is_a_reading_lost(
    times: Sequence[int], kept: Sequence[tuple[int, int | None]]
) -> None:
    rows = [(NOON_S + t, float(i)) for i, t in enumerate(times)]
    samples = joined(between(rows), Host().pieces(), 30.0, 30.0, 1.0)
    assert [(round(s.start_s, 5), s.value) for s in samples] == kept


@pytest.mark.parametrize("seed", range(60))
def test_whatever_the_clocks_do_the_truth_is_within_the_doubt(seed: int) -> None:
    rng = random.Random(seed)
    sizes = [0.05, 0.3, 0.7, 1.0, 2.0, 5.0, 47.0, 3600.0]
    moves = sorted(
        (rng.uniform(1, 29), rng.choice(sizes) * rng.choice((1, -1))) for _ in range(rng.randint(1, 4))
    )
    slept = [(when_s, abs(by_s)) for when_s, by_s in moves if rng.random() < 0.2]
    set_by = [move for move in moves if (move[0], abs(move[1])) not in slept]
    host, wave = Host(set_by, slept, first_s=rng.uniform(0, 0.5)), ramp(40, 200, rng.uniform(3, 20))
    asleep = [(change.after_s, change.before_s) for change in changes_of(host) if change.slept_s]
    period_s, first_s = rng.uniform(0.1, 0.4), rng.uniform(-21, -20)
    rows = log(host.utc_s, wave, first_s, 30.0 + period_s, period_s)
    samples = joined(between(rows), host.pieces(), 30.0, 30.0 + period_s, period_s)
    cuts = sorted(rng.uniform(2, 28) for _ in range(4))
    windows = [*itertools.pairwise(cuts), (cuts[0], cuts[-1])]
    for window, found in zip(windows, integrate(Trace(LOG, period_s, samples), windows, asleep), strict=True):
        if found.joules is not None:
            off_j = abs(found.joules - wave.energy_j(*window))
            assert off_j <= 2 * found.reading_u_j + 1e-6, (window, found, set_by, slept)


def changes_of(host: Host) -> list[Change]:
    return changes([seen for part in host.pieces() for seen in part.looks])
