"""Which runs share a session, and what sessions leave in a ratio."""

from __future__ import annotations

import dataclasses
import math

import pytest

from energyprof.compare.comparison import compare
from energyprof.compare.gate.check import check
from energyprof.compare.gate.noise import noise_of
from energyprof.compare.sessions import ASSUMED_SD, SessionScatter, apart, between, by_session, scatter_of
from energyprof.report.record import Clock, Report, Series
from energyprof.units import utc
from reports import HERE, PER_SAMPLE, at, figures_of

DAY_S = 86_400.0


def on(day: float, *j_per_sample: float, step_s: float = 60.0, **changes: object) -> Report:
    """A report of runs that begin every minute of a day, counted from 1970, or as far apart as asked."""
    made = at(*j_per_sample, **changes)
    runs = (
        dataclasses.replace(run, clock=Clock(0.0, utc(day * DAY_S + step_s * i)), total_time_s=20.0)
        for i, run in enumerate(made.runs)
    )
    return dataclasses.replace(made, created=utc(day * DAY_S), runs=tuple(runs))


def both(first: Report, second: Report) -> Report:
    return dataclasses.replace(first, runs=(*first.runs, *second.runs))


OLD, NEW = on(1, 0.99, 1.0, 1.01), on(2, 1.04, 1.05, 1.06)


def test_reports_of_one_sitting_are_not_apart_and_of_two_days_they_are():
    assert apart(on(1.01, 1.0, 1.0), OLD).weight == 0
    far = apart(NEW, OLD)
    assert (far.weight, far.sessions) == (pytest.approx(math.sqrt(2)), (1, 1))


def test_a_baseline_of_several_sessions_is_the_better_known():
    old = both(both(OLD, on(3, 1.0, 1.0, 1.0)), on(5, 1.0, 1.0, 1.0))
    # √(1 + 1/n): the prediction of one more.
    assert apart(on(7, 1.0, 1.0), old).weight == pytest.approx(math.sqrt(1 + 1 / 3))
    # A session that both have cancels as far as they have the same share of it.
    assert apart(old, old).weight == 0
    assert apart(OLD, old).weight == pytest.approx(math.sqrt((2 / 3) ** 2 + 2 / 9))


def test_runs_that_each_are_a_session_hold_what_sessions_differ_by_in_their_scatter():
    daily = on(1, 1.0, 1.0, 1.0, 1.0, step_s=DAY_S)
    assert [len(runs) for runs in by_session([daily])] == [1, 1, 1, 1]
    assert apart(on(9, 1.0, 1.0, step_s=DAY_S), daily).weight == 0
    assert apart(on(9, 1.0, 1.0), daily).weight == pytest.approx(math.sqrt(1 + 1 / 4))


def test_runs_without_a_time_of_day_are_of_a_session_of_their_own():
    def untimed(report: Report) -> Report:
        runs = (dataclasses.replace(run, clock=Clock(0.0, "")) for run in report.runs)
        return dataclasses.replace(report, runs=tuple(runs))

    assert apart(untimed(at(1.0, 1.0)), untimed(at(1.0, 1.0))).weight == pytest.approx(math.sqrt(2))


def test_a_boot_or_a_machine_in_between_is_another_session():
    def of(report: Report, **hardware: str) -> Report:
        node = dataclasses.replace(report.nodes[0], machine={**HERE, "hardware": hardware})
        return dataclasses.replace(report, nodes=(node,))

    soon = on(1.005, 1.0, 1.0)
    assert apart(of(soon, boot="a"), of(OLD, boot="a")).weight == 0
    assert apart(of(soon, boot="b"), of(OLD, boot="a")).weight > 1
    assert apart(of(soon, serial="b"), of(OLD, serial="a")).weight > 1


def test_a_week_without_a_pause_is_not_one_session():
    week = on(1, *[1.0] * 24, step_s=7 * 3600)
    assert len(by_session([week])) == 24
    busy = on(1, *[1.0] * 200, step_s=600)  # 33 hours
    assert len(by_session([busy])) == 5


def test_runs_that_took_turns_are_together_whatever_the_time():
    old, new = (
        dataclasses.replace(report, series=Series("s", side, positions, (3,)))
        for report, side, positions in ((OLD, "A", (0, 3, 4)), (NEW, "B", (1, 2, 5)))
    )
    assert apart(new, old).weight == 0


def test_what_nobody_measured_is_assumed_and_said_and_turns_a_verdict():
    soon = on(1.01, 1.04, 1.05, 1.06)
    assert check(soon, OLD, PER_SAMPLE).outcome == "FAIL"
    result = check(NEW, OLD, PER_SAMPLE)
    (verdict,) = result.verdicts
    assert (verdict.outcome, verdict.withheld) == ("INCONCLUSIVE", "FAIL")
    assert verdict.left == ("sessions differ (±8.5 %)",)
    assert "measured in other sessions than baseline: new" in result.notes[-1]
    assert "3 % (1 sd) is assumed" in result.notes[-1]
    # 1.645 · 3 % · √2 and somewhat more for the runs.
    assert math.log1p(verdict.high) - math.log1p(verdict.change) == pytest.approx(0.0709, abs=0.001)


def test_a_noise_file_of_several_sessions_replaces_what_is_assumed():
    sessions = [
        on(day, *(x * level for x in (0.99, 1.0, 1.01))) for day, level in enumerate((1.0, 1.004, 0.996))
    ]
    noise = noise_of(sessions)
    spread = noise.figures["energy_per_sample"]
    assert (spread.sessions, spread.n) == (3, 9)
    assert spread.session_sd == pytest.approx(0.004, rel=1e-3)
    result = check(NEW, OLD, PER_SAMPLE, noise=noise)
    assert "known from 3 of them (aa --sessions)" in result.notes[-1]
    (verdict,) = result.verdicts
    assert verdict.low > 0.03
    few = noise_of(sessions[:2]).figures["energy_per_sample"]
    assert (few.sessions, few.session_sd) == (2, None)


def test_what_the_algorithm_decides_is_the_same_every_day():
    far, known = apart(NEW, OLD), {"energy": SessionScatter(0.01, 4, "aa")}
    assert between("samples_to_target", far, known) == (0.0, None)
    assert between("energy", far, known) == (pytest.approx(0.01 * math.sqrt(2)), 4)
    assert between("power", far, known) == (pytest.approx(ASSUMED_SD * math.sqrt(2)), None)


def test_the_scatter_of_sessions_is_that_of_their_means():
    assert scatter_of([0.0, 0.02], "x") is None
    assert scatter_of([0.0, 0.02, 0.04], "x") == SessionScatter(pytest.approx(0.02), 2, "x")


def test_a_comparison_across_sessions_widens_and_says_so():
    near = compare([OLD, on(1.01, 1.04, 1.05, 1.06)], ["old", "new"])
    far = compare([OLD, NEW], ["old", "new"])
    one, other = (figures_of(found.entries[1])["energy_per_sample"].change for found in (near, far))
    assert (one.verdict, other.verdict) == ("higher", "unclear")
    assert other.high / other.low > 1.15 > one.high / one.low
    assert far.best == {} and near.best
    assert any("measured in other sessions than old: new" in line for line in far.notes)
    assert not any("sessions" in line for line in near.notes)


def test_runs_added_to_a_report_are_a_further_look_and_paid_for():
    soon = on(1.01, 1.04, 1.05, 1.06)
    added = dataclasses.replace(soon, resumed=(2,))
    (plain,), (paid,) = (check(new, OLD, PER_SAMPLE).verdicts for new in (soon, added))
    assert (plain.low_confidence, paid.low_confidence) == (0.95, 0.975)
    assert "runs were added once" in check(added, OLD, PER_SAMPLE).notes[0]
    twice = dataclasses.replace(OLD, resumed=(1, 2))
    assert check(added, twice, PER_SAMPLE).verdicts[0].high_confidence == pytest.approx(1 - 0.05 / 4)
