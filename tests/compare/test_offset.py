"""Two logs' clocks, from the steps that both show: the offset, and how far it may be off."""

from __future__ import annotations

import bisect
import random
from collections.abc import Sequence
from statistics import median

import pytest

from energyprof.compare.offset import Offset, offset
from energyprof.compare.steps import steps
from energyprof.errors import UsageError

Points = list[tuple[float, float]]
LEVELS = (50.0, 250.0, 50.0, 150.0)


def log(
    edges: Sequence[float], levels: Sequence[float], phase: float, *, means: bool, **changes: float
) -> Points:
    """A reading a second, of that moment or of the second before it."""

    def power_w(at_s: float) -> float:
        return levels[bisect.bisect_right(edges, at_s)]

    gain, rest_w = changes.get("gain", 1.0), changes.get("rest_w", 0.0)
    rng, found = random.Random(7), []
    for i in range(int(edges[-1]) + 20):
        at_s = i + phase
        seen = [power_w(at_s - k / 50) for k in range(50)] if means else [power_w(at_s)]
        noise_w = rng.gauss(0, changes.get("noise_w", 0.0))
        found.append((at_s + changes.get("ahead_s", 0.0), gain * sum(seen) / len(seen) + rest_w + noise_w))
    return found


def trial(seed: int, *, first: bool, second: bool, noise_w: float = 0.5) -> tuple[float, Offset]:
    """Three steps; ``first`` and ``second``: whether each log shows means. The error, and what was found."""
    rng = random.Random(seed)
    edges, at_s = [], rng.uniform(15, 30)
    for _ in range(3):
        edges.append(at_s)
        at_s += rng.uniform(15, 60)
    ahead_s = rng.uniform(-20, 20)
    ours = log(edges, LEVELS, rng.random(), means=first, noise_w=noise_w)
    theirs = log(
        edges, LEVELS, rng.random(), means=second, noise_w=noise_w, gain=1.2, rest_w=80, ahead_s=ahead_s
    )
    found = offset(ours, theirs)
    return abs(found.offset_s - ahead_s), found


@pytest.mark.slow
@pytest.mark.parametrize(("first", "second"), [(True, True), (True, False), (False, True)])
def test_three_steps_at_a_reading_a_second_tell_the_offset_to_0_3_s(first: bool, second: bool) -> None:
    errors = [trial(seed, first=first, second=second)[0] for seed in range(40)]
    assert median(errors) < 0.15
    assert sum(error <= 0.3 for error in errors) >= 36


@pytest.mark.slow
def test_of_readings_of_single_moments_it_says_how_far_it_may_be_off() -> None:
    # A step lies anywhere between two readings. Where both logs read every second, all that three steps tell
    # is in how many of them one more reading lay before the step: 81 % within 0.3 s is the best of it.
    found = [trial(seed, first=False, second=False) for seed in range(40)]
    assert sum(error <= 0.3 for error, _ in found) >= 30
    assert sum(error <= 2 * one.u_s for error, one in found) >= 38
    assert (
        sum(error <= 2 * one.u_s for error, one in (trial(s, first=True, second=True) for s in range(40)))
        >= 36
    )


@pytest.mark.parametrize("shows", [(True, True), (True, False), (False, True), (False, False)])
def test_where_the_load_ramps_means_and_single_moments_look_alike_and_the_doubt_holds_either(
    shows: tuple[bool, bool],
) -> None:
    # A step that takes three seconds shows in three readings of each: half a second more or less of lateness
    # is all that tells a mean from a moment.
    for seed in range(3):
        rng = random.Random(seed)
        edges, levels, at_s = [], [50.0], 20.0
        for to_w in (250.0, 50.0, 200.0):
            at_s += rng.uniform(20, 60)
            ramp = [levels[-1] + (to_w - levels[-1]) * (i + 1) / 150 for i in range(150)]
            edges += [at_s + i / 50 for i in range(150)]
            levels += ramp
        ahead_s = rng.uniform(-20, 20)
        ours = log(edges, levels, rng.random(), means=shows[0], noise_w=0.5)
        theirs = log(edges, levels, rng.random(), means=shows[1], noise_w=0.5, ahead_s=ahead_s)
        found = offset(ours, theirs)
        assert abs(found.offset_s - ahead_s) <= 2 * found.u_s <= 1.5


@pytest.mark.slow
@pytest.mark.parametrize("shows", [(True, False), (False, True)])
def test_the_doubt_holds_where_short_ramps_meet_logs_of_two_kinds(shows: tuple[bool, bool]) -> None:
    held = 0
    for seed in range(20):
        rng = random.Random(seed)
        edges, levels, at_s = [], [50.0], 20.0
        for to_w in (250.0, 60.0, 200.0):
            at_s, many = at_s + rng.uniform(15, 60), rng.randrange(5, 100)
            levels += [levels[-1] + (to_w - levels[-1]) * (i + 1) / many for i in range(many)]
            edges += [at_s + i / 50 for i in range(many)]
        ahead_s = rng.uniform(-20, 20)
        ours = log(edges, levels, rng.random(), means=shows[0], noise_w=0.5)
        theirs = log(edges, levels, rng.random(), means=shows[1], noise_w=0.5, gain=1.2, ahead_s=ahead_s)
        found = offset(ours, theirs)
        held += abs(found.offset_s - ahead_s) <= 2 * found.u_s
    assert held >= 19


@pytest.mark.slow
def test_a_meter_that_shows_the_mean_of_half_the_time_is_no_less_sure_than_it_says() -> None:
    held = 0
    for seed in range(20):
        rng = random.Random(seed)
        edges = [20 + 40 * i + rng.uniform(0, 25) for i in range(3)]
        ahead_s = rng.uniform(-20, 20)
        ours = log(edges, LEVELS, rng.random(), means=True)
        half = log([edge * 2 for edge in edges], LEVELS, rng.random(), means=True)[::2]
        theirs = [(at_s / 2 + ahead_s, power_w) for at_s, power_w in half]
        found = offset(ours, theirs)
        held += abs(found.offset_s - ahead_s) <= 2 * found.u_s
    assert held >= 18


@pytest.mark.slow
def test_eight_steps_of_single_moments_tell_it_to_0_3_s() -> None:
    rng, near = random.Random(11), 0
    for _ in range(40):
        edges = sorted(20 + 40 * i + rng.uniform(0, 25) for i in range(8))
        levels = [50.0, 250.0, 50.0, 150.0, 50.0, 200.0, 50.0, 250.0, 50.0]
        ahead_s = rng.uniform(-20, 20)
        ours = log(edges, levels, rng.random(), means=False)
        theirs = log(edges, levels, rng.random(), means=False, ahead_s=ahead_s)
        near += abs(offset(ours, theirs).offset_s - ahead_s) <= 0.3
    assert near >= 37


@pytest.mark.slow
def test_more_steps_tell_it_better() -> None:
    rng = random.Random(3)
    edges = sorted(rng.uniform(15, 1500) for _ in range(48))
    edges = [edge for edge, after in zip(edges, [*edges[1:], 1e9], strict=True) if after - edge > 6]
    levels = [50.0 if i % 2 == 0 else 150.0 + 50 * (i % 3) for i in range(len(edges) + 1)]
    ours = log(edges, levels, 0.2, means=False)
    theirs = log(edges, levels, 0.7, means=False, ahead_s=7.0)
    found = offset(ours, theirs)
    assert found.offset_s == pytest.approx(7.0, abs=0.15)
    assert found.u_s < 0.15
    assert found.steps >= 10


def test_a_few_steps_of_something_else_do_not_move_it() -> None:
    edges = [20.0, 47.3, 90.9, 121.2, 177.7]
    ours = log(edges, [50, 250, 50, 150, 50, 200], 0.3, means=True)
    theirs = log(
        [*edges[:2], 60.4, 66.1, *edges[2:]],
        [50, 250, 50, 150, 50, 150, 50, 200],
        0.6,
        means=True,
        ahead_s=-4.0,
    )
    assert offset(ours, theirs).offset_s == pytest.approx(-4.0, abs=0.3)


@pytest.mark.parametrize(
    ("edges", "levels", "says"),
    [
        ([20.0, 50.0], [50, 250, 50], "the first shows 2 steps of its power, 3 are needed"),
        ([20.0 + 30 * i for i in range(18)], [50 + 200 * (i % 2) for i in range(19)], "their steps repeat"),
    ],
)
def test_what_cannot_be_joined_is_said_in_a_line(edges, levels, says: str) -> None:
    ours, theirs = log(edges, levels, 0.1, means=True), log(edges, levels, 0.4, means=True, ahead_s=2.0)
    with pytest.raises(UsageError) as refusal:
        offset(ours, theirs)
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_clocks_of_the_day_are_not_hours_apart() -> None:
    edges = [20.0, 47.3, 90.9, 121.2]
    ours = log(edges, [50, 250, 50, 150, 50], 0.3, means=True)
    theirs = log(edges, [50, 250, 50, 150, 50], 0.6, means=True, ahead_s=200.0)
    assert offset(ours, theirs).offset_s == pytest.approx(200.0, abs=0.3)
    with pytest.raises(UsageError, match="they share 0 steps"):
        offset(ours, theirs, 60.0)


@pytest.mark.slow
def test_more_steps_of_a_clock_that_wanders_do_not_make_it_sure() -> None:
    rng, held, steps_in_all = random.Random(5), 0, 0
    for _ in range(10):
        edges = sorted(20 + 60 * i + rng.uniform(0, 40) for i in range(12))
        levels = [50.0 if i % 2 == 0 else 150.0 + 25 * i for i in range(13)]
        ahead_s = [rng.gauss(0, 0.4) for _ in edges]
        ours = log(edges, levels, rng.random(), means=True)
        theirs = log(
            [edge + a for edge, a in zip(edges, ahead_s, strict=True)], levels, rng.random(), means=True
        )
        found = offset(ours, theirs)
        held += sum(abs(found.offset_s - a) <= 2 * found.u_s for a in ahead_s)
        steps_in_all += len(edges)
        assert found.steps <= found.of <= 12
    assert held >= 0.6 * steps_in_all  # 0.25 if each step told it anew


def test_a_ramp_is_one_step_and_a_log_that_stands_still_has_none() -> None:
    ramp = [(float(i), 100 + 100 * min(1.0, max(0.0, (i - 10) / 4))) for i in range(30)]
    (step,) = steps(ramp)
    earliest_s, latest_s = step.stretch(0.0)
    assert earliest_s <= 12 <= latest_s
    assert steps([(float(i), 100.0) for i in range(30)]) == []
    assert steps([]) == []
