"""Phases, evaluations and status from a run's events, each case small enough to check in the head."""

from __future__ import annotations

import math
from typing import Any, Literal

import pytest

from energyprof.report.flags import flag
from energyprof.report.timeline import Timeline, timeline
from energyprof.trace.rows import Row, Sample
from energyprof.workload import Target

TARGET = Target("dice", 0.8, "max")


def event(time_s: float, kind: str, /, **fields: Any) -> Row:
    return Row(0, f"@{kind}", Sample(time_s, time_s, None), "", fields)


def phase(time_s: float, name: str, samples: int | None = None) -> Row:
    return event(time_s, "phase", name=name, samples=samples)


def score(time_s: float, samples: int, value: float | None) -> Row:
    return event(time_s, "progress", samples=samples, score=value)


START = (
    event(0, "run", seed=7, monotonic_s=100.0, utc="2026-01-01T00:00:00.000Z"),
    phase(0, "idle"),
    phase(2, "startup"),
    event(2, "started"),
    phase(5, "train", 0),
    phase(10, "eval", 50),
    score(11, 50, 0.7),
    phase(11, "train", 50),
    phase(16, "eval", 100),
)
DONE = event(17.1, "end", status="done", message="")


def told(*rows: Row, target: Target | None = TARGET) -> Timeline:
    return timeline((*START, *rows), target)


def test_a_run_that_reaches_its_target() -> None:
    times = told(score(17, 100, 0.85), DONE, event(18, "exit", code=0))
    assert times.status == "reached"
    assert (times.samples, times.score) == (100, 0.85)
    assert (times.train_start_s, times.train_end_s) == (5, 17)
    assert (times.seed, times.monotonic_s, times.exit_code) == (7, 100.0, 0)
    assert [(p.name, p.start_s, p.end_s, p.samples) for p in times.phases] == [
        ("idle", 0, 2, None),
        ("startup", 2, 5, 0),
        ("train", 5, 10, 50),
        ("eval", 10, 11, 0),
        ("train", 11, 16, 50),
        ("eval", 16, 17.1, 0),
        ("shutdown", 17.1, 18, 0),
    ]


STATUSES = {
    "reached": (score(17, 100, 0.8), DONE, event(18, "exit", code=0)),
    "missed": (score(17, 100, 0.79), DONE, event(18, "exit", code=0)),
    "diverged": (score(17, 100, math.nan), event(18, "exit", code=0)),
    "failed": (score(17, 100, 0.79), event(18, "exit", code=1)),
    "interrupted": (event(17, "interrupt", signal="SIGINT"), event(18, "exit", code=-2)),
}


@pytest.mark.parametrize("status", STATUSES)
def test_the_status_is(status: str) -> None:
    assert told(*STATUSES[status]).status == status


def test_a_training_that_says_it_diverged_did() -> None:
    said = event(17, "end", status="diverged", message="the loss is inf")
    times = told(said, event(18, "exit", code=0))
    assert times.status == "diverged"
    assert flag("said", detail="the loss is inf") in times.flags


def test_a_process_that_ends_well_without_a_last_word_failed() -> None:
    assert told(score(17, 100, 0.79), event(18, "exit", code=0)).status == "failed"


def test_a_target_once_reached_stays_reached_whatever_comes_after() -> None:
    after = (score(20, 150, 0.1), event(21, "hung"), event(22, "exit", code=-9))
    times = told(score(17, 100, 0.85), *after)
    assert times.status == "reached"
    assert (times.samples, times.score, times.train_end_s) == (100, 0.85, 17)
    assert flag("hung") in times.flags


def test_a_crash_after_the_target_is_flagged() -> None:
    times = told(score(17, 100, 0.85), event(18, "exit", code=139))
    assert flag("exit_after_target", detail="139") in times.flags


@pytest.mark.parametrize(("code", "status"), [(0, "done"), (3, "failed"), (-15, "failed")])
def test_a_program_without_a_target_is_done_or_failed(code: int, status: str) -> None:
    assert told(event(18, "exit", code=code), target=None).status == status


def test_a_smaller_score_is_better_where_the_target_says_so() -> None:
    loss = Target("loss", 0.7, "min")
    times = told(DONE, event(18, "exit", code=0), target=loss)
    assert (times.status, times.samples) == ("reached", 50)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("direction", ["min", "max"])
def test_a_score_that_is_not_finite_reaches_no_target(value: float, direction: Literal["min", "max"]) -> None:
    beyond = Target("loss", {"min": 0.1, "max": 0.9}[direction], direction)
    assert told(score(17, 100, value), event(18, "exit", code=0), target=beyond).status == "diverged"


def test_a_run_that_was_cut_off_lasts_until_its_last_row() -> None:
    times = told(Row(0, "rapl:package-0", Sample(16.5, 16.6, 5.0), ""))
    assert times.status == "interrupted"
    assert times.ended_s == 16.6
    assert flag("unfinished") in times.flags


def test_events_of_several_processes_are_put_in_the_order_of_their_stamps() -> None:
    late = (phase(12, "checkpoint", 60), phase(11.5, "log", 55))
    assert [p.name for p in told(*late, event(18, "exit", code=0)).phases][4:7] == [
        "train",
        "log",
        "checkpoint",
    ]


def test_a_run_that_never_started_training_has_no_training() -> None:
    times = timeline((*START[:4], event(3, "exit", code=1)), TARGET)
    assert times.status == "failed"
    assert (times.train_start_s, times.train_end_s, times.samples) == (None, None, None)


def test_no_rows_at_all_are_an_interrupted_run() -> None:
    assert timeline((), TARGET).status == "interrupted"


APART = (
    phase(17.2, "part:data", 100),
    phase(20.2, "part:forward_backward", 400),
    phase(23.2, "part:optimiser", 430),
    phase(26.2, "part:end", 1430),
    event(26.3, "end", status="done", message=""),
    event(27, "exit", code=0),
)


def test_the_parts_of_a_step_follow_the_training_and_are_none_of_it() -> None:
    times = told(score(17, 100, 0.85), *APART)
    assert (times.status, times.samples) == ("reached", 100)
    assert (times.train_start_s, times.train_end_s) == (5, 17)
    assert (times.life_end_s, times.ended_s) == (17.2, 27)
    assert [(p.name, p.start_s, p.end_s, p.samples) for p in times.phases[-5:]] == [
        ("eval", 16, 17.2, 0),
        ("part:data", 17.2, 20.2, 300),
        ("part:forward_backward", 20.2, 23.2, 30),
        ("part:optimiser", 23.2, 26.2, 1000),
        ("shutdown", 26.2, 27, 0),
    ]


def test_a_training_that_missed_its_target_ends_where_its_steps_are_taken_apart() -> None:
    times = told(score(17, 100, 0.79), *APART)
    assert (times.status, times.samples, times.train_end_s) == ("missed", 100, 17.2)


def test_a_program_without_parts_lives_until_it_ends() -> None:
    times = told(score(17, 100, 0.85), DONE, event(18, "exit", code=0))
    assert times.life_end_s == times.ended_s == 18


def test_a_part_before_the_training_cuts_nothing_off() -> None:
    early = phase(3, "part:data", 0)
    times = told(early, score(17, 100, 0.85), DONE, event(18, "exit", code=0))
    assert (times.train_start_s, times.train_end_s, times.life_end_s) == (5, 17, 18)


def test_compiling_is_no_training_but_what_warms_up_and_saves_is() -> None:
    rows = (
        *START[:4],
        phase(4, "compile", 0),
        phase(5, "warmup", 10),
        phase(6, "train", 30),
        phase(9, "eval", 90),
        score(10, 90, 0.7),
        phase(10, "checkpoint", 90),
        event(12, "end", status="done", message=""),
        event(13, "exit", code=0),
    )
    times = timeline(rows, TARGET)
    assert (times.train_start_s, times.train_end_s) == (5, 12)
    assert [(p.name, p.samples) for p in times.phases] == [
        ("idle", None),
        ("startup", 0),
        ("compile", 10),
        ("warmup", 20),
        ("train", 60),
        ("eval", 0),
        ("checkpoint", 0),
        ("shutdown", 0),
    ]


def test_what_befalls_a_device_while_steps_are_taken_apart_is_not_the_trainings() -> None:
    hot = event(21, "condition", device="gpu0", throttled=["hw_thermal"], power_w=300)
    cool = event(8, "condition", device="gpu0", throttled=[], power_w=200)
    during = timeline((*START, cool, phase(17.2, "part:data", 100), hot, event(27, "exit", code=0)), TARGET)
    assert during.conditions["gpu0"]["power_w"]["max"] == 200
    assert not any(flag.kind == "throttled" for flag in during.flags)
    training = timeline((*START, cool, hot, event(27, "exit", code=0)), TARGET)
    assert any(flag.kind == "throttled" for flag in training.flags)


def test_facts_that_come_one_after_the_other_are_kept_together() -> None:
    facts = (event(1, "facts", facts={"device": "cpu"}), event(17, "facts", facts={"optimiser_bytes": 8}))
    assert told(*facts, event(18, "exit", code=0)).facts == {"device": "cpu", "optimiser_bytes": 8}


def of(actor: str, time_s: float, name: str, samples: int | None = None) -> Row:
    return event(time_s, "phase", name=name, samples=samples, actor=actor)


def test_actors_have_phases_of_their_own_which_may_overlap() -> None:
    times = timeline(
        [
            event(0, "run", seed=0, monotonic_s=0.0, utc=""),
            event(0, "started"),
            phase(0, "startup"),
            of("client-1", 2, "train"),
            of("client-2", 3, "train"),
            event(6, "progress", samples=40, score=None, actor="client-1"),
            of("client-1", 6, "wait"),
            event(8, "progress", samples=10, score=None, actor="client-2"),
            of("server", 8, "eval"),
            event(9, "progress", samples=50, score=0.9, actor="server"),
            event(10, "end", status="done", message=""),
            event(11, "exit", code=0),
        ],
        TARGET,
    )
    assert [(p.actor, p.name, p.start_s, p.end_s) for p in times.phases] == [
        ("", "startup", 0, 10),
        ("client-1", "train", 2, 6),
        ("client-2", "train", 3, 10),
        ("client-1", "wait", 6, 10),
        ("server", "eval", 8, 10),
        ("", "shutdown", 10, 11),
    ]
    assert [p.samples for p in times.phases if p.name == "train"] == [40, 10]
    # From the first client's first step to the evaluation that reached the target.
    assert (times.train_start_s, times.train_end_s, times.status, times.samples) == (2, 9, "reached", 50)


def test_without_a_count_of_its_own_a_program_has_trained_what_its_actors_have() -> None:
    steps = [
        event(3, "progress", samples=30, score=None, actor="client-1"),
        event(4, "progress", samples=12, score=None, actor="client-2"),
        event(5, "progress", samples=35, score=None, actor="client-1"),
    ]
    first = [
        event(0, "run", seed=0, monotonic_s=0.0, utc=""),
        event(0, "started"),
        of("client-1", 1, "train"),
    ]
    assert timeline([*first, *steps, event(6, "exit", code=0)], None).samples == 47
