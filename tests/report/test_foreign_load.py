"""What others used of the processors, from readings that can be added up in the head."""

from __future__ import annotations

from typing import Any

import pytest

from energyprof.report.flags import flag
from energyprof.report.foreign_load import LoadReading, Others, in_training, others, reading
from energyprof.report.rebuild import Rebuild
from energyprof.report.record import Run
from energyprof.trace.rows import Row, Sample
from reports import meter, report


def loaded(busy_cpus: float, own_cpus: float, cpus: int = 2, until_s: int = 20) -> list[LoadReading]:
    """A reading a second of a machine that is evenly busy, of which ``own_cpus`` are ours."""
    return [LoadReading(float(t), 100 + busy_cpus * t, own_cpus * t, cpus) for t in range(until_s + 1)]


def event(time_s: float, kind: str, /, **fields: Any) -> Row:
    return Row(0, f"@{kind}", Sample(time_s, time_s, None), "", fields)


def run_of(idle_cpus: float, others_cpus: float, *, known: bool = True) -> Run:
    """10 s idle, 10 s of training on one processor of four, 10 s idle, at 50 W all along."""
    busy_s = [100.0]
    busy_s += [busy_s[-1] + 10 * idle_cpus]
    busy_s += [busy_s[-1] + 10 * (1 + others_cpus)]
    busy_s += [busy_s[-1] + 10 * idle_cpus]
    said = [{"busy_s": s, "profiler_s": 0.5, "cpus": 4} if known else {} for s in busy_s]
    rows = [
        event(0, "run", seed=0, monotonic_s=0.0, utc=""),
        event(0, "load", cpu_s=0.0, **said[0]),
        event(0, "phase", name="idle", samples=None),
        event(10, "load", cpu_s=0.0, **said[1]),
        event(10, "phase", name="train", samples=0),
        event(10, "cpu", cpu_s=0.0),
        event(10, "started"),
        event(20, "exit", code=0),
        event(20, "cpu", cpu_s=10.0, **said[2]),
        event(20, "phase", name="idle", samples=None),
        event(30, "load", cpu_s=10.0, **said[3]),
    ]
    rows += [Row(0, "rapl:package-0", Sample(t / 10, t / 10, 5.0 * t), "") for t in range(301)]
    return Rebuild(report(meters=(meter(),))).add(lambda: rows)


def test_what_is_not_ours_is_others() -> None:
    assert others(loaded(1.5, 0.5), 5, 15) == Others(pytest.approx(1.0), 2)
    assert others(loaded(0.5, 0.5), 5.25, 15.75) == Others(pytest.approx(0.0), 2)


def test_ticks_that_fall_short_of_our_own_time_are_no_negative_load() -> None:
    assert others(loaded(0.4, 0.5), 0, 10) == Others(0.0, 2)


def test_a_twentieth_of_the_machine_is_where_others_matter() -> None:
    assert not Others(0.1, 2).matter
    assert Others(0.11, 2).matter
    assert not Others(1.0, 64).matter
    assert in_training(loaded(1.9, 0.0), 0, 20) == (flag("foreign", "the CPUs", "1.9 of 2"),)
    assert in_training(loaded(2.0, 1.95), 0, 20) == ()


def test_what_was_not_seen_or_is_too_short_is_not_judged() -> None:
    assert others([], 0, 10) is None
    assert others(loaded(2, 0), 0, 0.4) is None
    assert others(loaded(2, 0, until_s=10), 0, 20) is None
    assert others(loaded(2, 0, until_s=19), 0, 20) == Others(pytest.approx(2.0), 2)


def test_an_event_of_a_kernel_that_does_not_tell_is_no_reading() -> None:
    assert reading(1.0, {"cpu_s": 3.0}) is None
    assert reading(1.0, {"cpu_s": 3.0, "busy_s": 9.0, "profiler_s": 1.0, "cpus": 2}) == (1.0, 9.0, 4.0, 2)


def test_only_looks_at_an_idle_machine_are_looks_at_idle() -> None:
    run = run_of(idle_cpus=2.0, others_cpus=0.0)
    assert [one.detail for one in run.flags] == [
        "before the run (2 of 4 CPUs in use)",
        "after the run (2 of 4 CPUs in use)",
    ]
    assert (run.idle_before_w, run.idle_after_w, run.net_energy_j) == (None, None, None)
    assert [one.kind for one in run.flags] == ["not_idle", "not_idle"]
    assert not any(one.invalidates("energy_to_target") for one in run.flags)


def test_a_run_beside_others_is_invalid_for_its_joules_but_not_for_its_samples() -> None:
    (one,) = run_of(idle_cpus=0.01, others_cpus=2.0).flags
    assert one == flag("foreign", "the CPUs", "2 of 4")
    assert one.invalidates("energy_to_target")
    assert not one.invalidates("samples_to_target")


def test_a_quiet_machine_and_an_old_trace_have_no_flag() -> None:
    for run in (run_of(0.01, 0.05), run_of(0.01, 3.0, known=False)):
        assert run.flags == ()
        assert run.idle_before_w == pytest.approx(50, rel=1e-3)
