"""What a run's report makes of its clocks: steps and sleeps, and what counters show of these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from energyprof.report.flags import flag
from energyprof.report.rebuild import Rebuild
from energyprof.report.record import Run
from energyprof.trace.rows import Row, Sample
from fakes.meters import counter, gauge
from reports import meter, report

NOON_S = 1_714_564_800.0
COUNTER = counter(name="rapl:package-0", max_power_w=400.0, wraps_at_j=262_143.0)
WATTS = 50.0
SLEEP_S = (9.8, 10.3)  # two looks at the clocks; some time between them the machine slept


def event(time_s: float, kind: str, /, **fields: Any) -> Row:
    return Row(0, f"@{kind}", Sample(time_s, time_s, None), "", fields)


def clock(time_s: float, ahead_s: float = 0.0, asleep_s: float | None = 0.0) -> Row:
    told = {} if asleep_s is None else {"asleep_s": asleep_s}
    return event(time_s, "clock", utc_s=NOON_S + time_s + ahead_s, doubt_s=1e-6, **told)


def rebuilt(*rows: Row, shown: Callable[[float], float] = lambda t: WATTS * t) -> Run:
    """A program from 2 s to 20 s on a machine with a counter that shows this."""
    begun = (
        event(0, "run", seed=0, monotonic_s=0.0, utc=""),
        event(0, "phase", name="idle", samples=None),
        event(2, "phase", name="run", samples=None, unmarked="train"),
        event(2, "started"),
        event(20, "exit", code=0),
    )
    times = [0.1 * n for n in range(1, 221)]
    samples = [Row(0, COUNTER.name, Sample(t, t, shown(t)), "") for t in times if not 10.05 < t < 10.15]
    one = meter(COUNTER.name, info=COUNTER, interval_s=0.1)
    return Rebuild(report(meters=(one,))).add(lambda: (*begun, *samples, *rows))


def about_clocks(run: Run) -> Sequence[tuple[str, str]]:
    return [(f.kind, f.detail) for f in run.flags if f.kind in ("clock_step", "suspended")]


def test_steps_are_told_with_their_size_and_when() -> None:
    run = rebuilt(
        clock(0), clock(7), clock(7.5, -3600), clock(12, -3600), clock(12.5, -3595), clock(21, -3595)
    )
    told = "back by 1 h 00 min, 7.5 s after the start; forward by 5.0 s, 12.5 s after the start"
    assert about_clocks(run) == [("clock_step", told)]
    assert run.energy_j == pytest.approx(WATTS * 18, rel=1e-6)  # a counter has nothing to do with it
    assert run.coverage == 1


def test_of_very_many_steps_the_first_are_told() -> None:
    run = rebuilt(clock(0), *(clock(0.5 * n, 7.0 * n) for n in range(1, 40)))
    ((_, told),) = about_clocks(run)
    assert told.count("forward") == 5 and told.endswith(" and 34 more")


def test_drift_and_what_comes_after_the_run_are_no_step() -> None:
    profiler = event(22, "profiler", cpu_s=0.1, rss_bytes=1)
    run = rebuilt(*(clock(n, 0.0005 * n) for n in range(22)), profiler, clock(23, 0.011), clock(26, 60))
    assert about_clocks(run) == []


@pytest.mark.parametrize(
    "after_j",
    [
        lambda t: WATTS * t,  # it stood still in the sleep
        lambda t: WATTS * t + 30.0,  # it counted what the machine used asleep
        lambda t: WATTS * t + 7200.0,  # … all night
        lambda t: WATTS * (t - 10.0) + 0.5,  # it lost its power, and started from nothing
    ],
)
def test_what_a_counter_shows_of_a_sleep_is_not_the_programs(after_j: Callable[[float], float]) -> None:
    looks = (clock(0), clock(SLEEP_S[0]), clock(SLEEP_S[1], 3600, 3600), clock(21, 3600, 3600))
    run = rebuilt(*looks, shown=lambda t: WATTS * t if t < 10.1 else after_j(t))
    assert about_clocks(run) == [("suspended", "1 h 00 min, 10.3 s after the start")]
    assert run.energy_j is not None and run.energy_u_j is not None
    assert abs(run.energy_j - WATTS * 18) <= run.energy_u_j
    assert run.budget_j["unseen"] > 0
    assert run.coverage == pytest.approx(1 - 0.5 / 18, abs=0.3 / 18)


def test_without_a_sleep_the_same_leap_is_energy_or_a_reset() -> None:
    run = rebuilt(clock(0), clock(21), shown=lambda t: WATTS * t + (30.0 if t > 10.1 else 0.0))
    assert run.energy_j == pytest.approx(WATTS * 18 + 30, rel=1e-6)


def test_a_log_goes_on_after_the_run_and_its_last_phase_does_not() -> None:
    log = gauge(name="csv:wall", refresh_s=1.0, external=True)
    rows = [
        event(0, "run", seed=0, monotonic_s=0.0, utc=""),
        event(0, "phase", name="run", samples=None),
        event(0, "started"),
        event(20, "exit", code=0),
        event(20, "phase", name="idle", samples=None),
        event(25, "profiler", cpu_s=0.1, rss_bytes=1),
        *(Row(0, log.name, Sample(t - 2, t + 2, WATTS), "") for t in range(-1, 28)),
        clock(27),
    ]
    made = Rebuild(report(meters=(meter(log.name, info=log, interval_s=1.0),))).add(lambda: rows)
    assert made.phases[-1].end_s == 25


def test_a_step_spoils_no_verdict_and_a_sleep_is_said_beside_it() -> None:
    assert flag("clock_step", detail="back by 5.0 s").effect == "note"
    assert flag("suspended", detail="60 s").effect == "doubt"
    assert flag("clock_step", detail="back by 5.0 s").words.startswith("the wall clock was set back by 5.0 s")
