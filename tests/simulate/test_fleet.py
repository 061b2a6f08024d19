"""Fleets whose figures can be worked out by hand, and what holds of any fleet."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energyprof.errors import UsageError
from energyprof.simulate.fleet import reserves, turns
from energyprof.simulate.fleet.clients import shares
from energyprof.simulate.fleet.course import MOST_MOMENTS, FleetCourse, Moment
from energyprof.simulate.fleet.device import Device, Measured, Training
from energyprof.simulate.fleet.fleet import FleetOutcome, Scenario, jain, simulate
from energyprof.simulate.fleet.progress import Rounds
from energyprof.simulate.fleet.sun import Sky, clear_sky
from energyprof.simulate.fleet.waiting import Dynamic
from energyprof.simulate.placement.workers import Course

np = pytest.importorskip("numpy")
DAY_S = 86400.0
# 100 samples in 10 s at 5 W: 50 J a turn; and in 20 s at 4 W: 80 J.
QUICK = Device("quick", 10.0, 5.0)
SLOW = Device("slow", 5.0, 4.0)


def of(*devices: Device, rounds: float = 3, **changes: Any) -> FleetOutcome:
    """A fleet of as many clients as kinds, all active, unless it is said otherwise."""
    said = {"clients": len(devices), "active": len(devices), "samples": 100, "model_bytes": 1000.0} | changes
    training = Training("fleet", **said)
    return simulate(Scenario(training, devices, (Measured(said["active"], rounds),), 1.78e9))


def with_(device: Device, **changes: Any) -> Device:
    return dataclasses.replace(device, **changes)


class TestByHand:
    def test_a_round_lasts_as_its_slowest_and_the_quick_wait(self) -> None:
        found = of(with_(QUICK, idle_w=1.0), SLOW)
        assert (found.rounds, found.time_s) == (3, pytest.approx(60))
        assert found.parts["training"] == pytest.approx(3 * 130)
        assert found.parts["waiting"] == pytest.approx(3 * 10 * 1.0)

    def test_a_backup_lets_the_round_end_early_and_the_late_are_charged_but_in_no_model(self) -> None:
        found = of(QUICK, SLOW, active=1, backup=1, rounds=1)
        assert found.time_s == pytest.approx(10)
        assert found.turns == {"used": 1, "late": 1, "broken off": 0}
        assert (found.parts["training"], found.parts["late"]) == (pytest.approx(50), pytest.approx(80))

    def test_who_is_late_works_on_and_is_not_asked_meanwhile(self) -> None:
        found = of(QUICK, SLOW, active=1, backup=1, rounds=2)
        # The second round is the quick one's alone: the slow one ends at 20 s.
        assert found.turns == {"used": 2, "late": 1, "broken off": 0}
        assert found.energy_j == pytest.approx(50 + 80 + 50)

    def test_a_deadline_ends_a_round_and_its_work_counts_for_as_many_as_came(self) -> None:
        found = of(QUICK, SLOW, deadline_s=15.0, rounds=1)
        # One of two: half of the way, by theory; then the slow one is still at work, the quick one alone.
        assert found.time_s == pytest.approx(15 + 10)
        assert (found.rounds, found.rounds_of_theory) == (2, 2)

    def test_links_and_starts_have_their_time_and_joules(self) -> None:
        device = with_(
            QUICK, start_s=1.0, start_j=3.0, link_w=2.0, down_bit_per_s=8000.0, up_bit_per_s=4000.0
        )
        found = of(device, rounds=1)
        assert found.time_s == pytest.approx(1 + 1 + 2 + 10)
        assert (found.parts["link"], found.parts["start"]) == (pytest.approx(6), pytest.approx(3))
        assert (found.bytes_down, found.bytes_up) == (1000, 1000)

    def test_the_server_and_standby_are_charged_all_the_time(self) -> None:
        found = of(with_(QUICK, standby_w=0.5), with_(SLOW, standby_w=0.5), rounds=1, server_w=10.0)
        assert (found.parts["server"], found.parts["standby"]) == (pytest.approx(200), pytest.approx(20))

    def test_work_in_proportion_to_speed_ends_everywhere_at_once(self) -> None:
        found = of(with_(QUICK, idle_w=1.0), with_(SLOW, idle_w=1.0), rounds=1, split="proportional")
        assert found.time_s == pytest.approx(200 / 15)
        assert found.parts["waiting"] == pytest.approx(0, abs=1e-9)

    def test_the_least_energy_is_where_a_sample_takes_least(self) -> None:
        found = of(QUICK, SLOW, rounds=1, split="least energy", batch=10)
        # All 200 samples at 0.5 J, by one client: each round then counts for half of one with two.
        assert (found.rounds, found.energy_j) == (2, pytest.approx(2 * 100))
        bounded = of(QUICK, SLOW, rounds=1, split="least energy", batch=10, most_samples=150)
        assert bounded.energy_j == pytest.approx(150 * 0.5 + 50 * 0.8)

    def test_measured_turns_are_followed_and_scaled_to_the_client(self) -> None:
        # 0.5 J a sample up to 100, then 2 J; power_w is that of the last turn.
        curve = with_(QUICK, power_w=12.5, turn_j=((100, 50.0), (200, 250.0)))
        assert of(curve, rounds=1).energy_j == pytest.approx(50)
        assert of(curve, rounds=1, samples=150).energy_j == pytest.approx(150)
        found = of(curve, SLOW, rounds=1, split="least energy", batch=10)  # convex: greedy
        assert found.energy_j == pytest.approx(100 * 0.5 + 100 * 0.8)

    def test_without_rounds_the_server_steps_as_updates_come(self) -> None:
        found = of(QUICK, SLOW, rounds=1, aggregation="asynchronous", buffer=1)
        # One of two is half of the way: at 10 s, and at 20 s, where both come (the slow one a step old).
        assert (found.rounds, found.time_s) == (2, pytest.approx(20))
        assert found.turns["used"] == 3
        assert found.mean_staleness == pytest.approx(1 / 3)
        assert found.rounds_of_theory == 2

    def test_updates_that_are_too_old_are_late(self) -> None:
        found = of(QUICK, SLOW, rounds=1, aggregation="asynchronous", buffer=1, most_stale=0)
        assert (found.turns["used"], found.turns["late"]) == (2, 1)
        assert found.parts["late"] == pytest.approx(80)

    def test_a_budget_ends_the_training_and_is_named(self) -> None:
        found = of(with_(QUICK, budget_j=120.0), rounds=3)
        assert (found.rounds, found.energy_j) == (2, pytest.approx(100))
        assert "budget_j is what binds" in found.why and found.progress == pytest.approx(2 / 3)

    def test_a_deadline_that_nobody_meets_is_named(self) -> None:
        assert (
            "in 9 rounds no update came in time: deadline_s" in of(QUICK, deadline_s=5.0, most_rounds=9).why
        )

    def test_clients_that_take_years_are_one_line(self) -> None:
        with pytest.raises(UsageError, match="more than 20 years: see samples_per_s"):
            of(with_(QUICK, samples_per_s=1e-9, battery_wh=1e9, panel_w=1.0, latitude=1.0))

    def test_where_joules_are_short_the_least_energy_split_does_what_they_allow(self) -> None:
        # 60 J each, 0.5 J a sample: 120 of the 200 that the quick one would take, and 80 J of the other.
        short = with_(QUICK, budget_j=60.0)
        found = of(short, SLOW, rounds=1, split="least energy", batch=10)
        assert found.energy_j == pytest.approx(60 + 80 * 0.8)
        # Both have joules for 105 samples, which are 10 batches of 10: of the 21 wanted, 20 are trained.
        tight = (with_(QUICK, budget_j=105 * 0.5), with_(SLOW, budget_j=105 * 0.8))
        both = of(*tight, rounds=1, split="least energy", batch=10, samples=105)
        assert both.energy_j == pytest.approx(100 * 0.5 + 100 * 0.8)

    def test_rounds_that_are_not_enough_are_named(self) -> None:
        assert "raise most_rounds" in of(QUICK, rounds=3, most_rounds=2).why

    @pytest.mark.slow
    def test_a_battery_waits_for_the_sun(self) -> None:
        # 0.1 Wh: 360 J, of which 72 J are kept back; a turn takes 50 J.
        small = with_(QUICK, battery_wh=0.1, panel_w=1.0, latitude=45.0)
        found = of(small, rounds=20)
        assert not found.why and found.time_s > 20 * 10
        assert found.harvested_j >= 20 * 50 - 360
        dark = of(with_(small, panel_w=0.0), rounds=20)
        assert "batteries or the hours awake" in dark.why

    @pytest.mark.slow
    def test_clients_are_asked_in_their_hours_only(self) -> None:
        found = of(with_(QUICK, awake=0.25), rounds=3000)
        assert not found.why
        # 2,160 turns of 10 s fit into the quarter of a day.
        assert found.time_s > DAY_S / 2


class TestAnyFleet:
    KINDS = (
        with_(QUICK, spread=0.3, jitter=0.2, idle_w=1.0, start_j=2.0),
        with_(SLOW, power_spread=0.3, jitter=0.4, standby_w=0.1, battery_wh=2.0, panel_w=1.0, latitude=40.0),
        with_(QUICK, name="third", awake=0.5, budget_j=400.0, link_w=1.0, up_bit_per_s=1e3),
    )

    def made(self, seed: int, **changes: Any) -> FleetOutcome:
        said = {"clients": 60, "active": 10, "dropout": 0.1, "seed": seed, "rounds": 12, **changes}
        return of(*self.KINDS, **said)

    @pytest.mark.slow
    @settings(max_examples=25, deadline=None)
    @given(
        st.integers(0, 2**32),
        st.integers(0, 20),
        st.sampled_from(["equal", "proportional", "least energy"]),
        st.sampled_from(["synchronous", "asynchronous"]),
    )
    def test_parts_sum_and_every_turn_has_become_something(
        self, seed: int, backup: int, split: str, how: str
    ) -> None:
        changes = {"backup": backup} if how == "synchronous" else {"buffer": 5}
        found = self.made(seed, split=split, aggregation=how, **changes)
        assert not found.why
        assert min(found.parts.values()) >= 0
        own = sum(kind.energy_j for kind in found.kinds)
        assert found.energy_j == pytest.approx(own + found.parts["standby"] + found.parts["server"])
        assert sum(found.turns.values()) * 1000 == pytest.approx(found.bytes_down)
        assert (found.turns["used"] + found.turns["late"]) * 1000 == pytest.approx(found.bytes_up)
        assert sum(kind.turns for kind in found.kinds) == found.turns["used"]

    def test_the_same_seed_gives_the_same_digits_and_another_others(self) -> None:
        assert self.made(1) == self.made(1)
        assert self.made(1).energy_j != self.made(2).energy_j

    @pytest.mark.parametrize("how", ["synchronous", "asynchronous"])
    def test_chunks_change_nothing(self, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
        whole = self.made(3, aggregation=how, buffer=4)
        monkeypatch.setattr(turns, "CHUNK", 7)
        monkeypatch.setattr(reserves, "CHUNK", 7)
        small = self.made(3, aggregation=how, buffer=4)
        assert (small.turns, small.time_s, small.rounds) == (whole.turns, whole.time_s, whole.rounds)
        assert small.energy_j == pytest.approx(whole.energy_j, rel=1e-12)

    @settings(max_examples=15, deadline=None)
    @given(st.integers(0, 1000))
    def test_a_round_that_waits_for_fewer_of_the_same_ends_no_later(self, seed: int) -> None:
        whole = of(with_(QUICK, spread=0.5), clients=30, active=20, backup=0, rounds=1, seed=seed)
        fewer = of(with_(QUICK, spread=0.5), clients=30, active=15, backup=5, rounds=1, seed=seed)
        assert fewer.time_s <= whole.time_s
        assert fewer.energy_j == pytest.approx(whole.energy_j)

    @settings(max_examples=15, deadline=None)
    @given(st.integers(0, 1000))
    def test_least_energy_takes_no_more_in_a_round_than_equal_shares(self, seed: int) -> None:
        kinds = (with_(QUICK, spread=0.5, start_j=5.0), with_(SLOW, power_spread=0.5))
        said = {"clients": 30, "active": 10, "rounds": 1, "seed": seed, "samples": 96, "batch": 32}
        equal, least = of(*kinds, **said), of(*kinds, **said, split="least energy", most_samples=320)
        # Fewer clients that do all of the work are worth more rounds: it is the round that takes least.
        assert least.energy_j / least.rounds <= equal.energy_j * (1 + 1e-9)

    def test_nobody_spends_more_than_its_budget_by_more_than_its_last_turn_varies(self) -> None:
        found = of(with_(QUICK, budget_j=170.0), clients=40, active=10, rounds=30)
        assert "budget_j" in found.why
        assert found.client_j["most"] <= 170
        assert found.turns["used"] == 40 * 3


class TestRounds:
    measured = Rounds([Measured(100, 40), Measured(10, 160)])

    def test_between_measured_numbers_they_lie_on_a_line_log_by_log(self) -> None:
        assert self.measured.needed(10) == pytest.approx(160)
        assert self.measured.needed(math.sqrt(1000)) == pytest.approx(80)
        assert not self.measured.is_theory(50)

    def test_beyond_them_stands_theory(self) -> None:
        assert (self.measured.needed(5), self.measured.needed(1000)) == (pytest.approx(320), 40)
        assert self.measured.is_theory(5) and self.measured.is_theory(1000)


class TestWaiting:
    times = np.array([1.0, 1.0, 1.0, 10.0])

    def test_all_are_waited_for_until_times_are_known_then_not_for_one_that_is_slow(self) -> None:
        dynamic = Dynamic(Rounds([Measured(1, 40), Measured(4, 10)]), None)
        assert dynamic.how_many(4, 0.0) == 4
        dynamic.see(self.times)
        assert dynamic.how_many(4, 0.1) == 3
        assert dynamic.how_many(3, 0.1) == 3  # another number of clients: nothing is known of it

    def test_by_the_descent_few_are_waited_for_early_and_all_late(self) -> None:
        course = Course(0.1, 1.0, 1.0, (100.0, 0.01))
        dynamic = Dynamic(Rounds([Measured(4, 10)]), course)
        dynamic.see(np.array([1.0, 2.0, 3.0, 4.0]))
        assert (dynamic.how_many(4, 0.0), dynamic.how_many(4, 1.0)) == (1, 4)


class TestSun:
    def test_over_the_equator_at_an_equinox_noon_it_stands_in_the_zenith(self) -> None:
        # The 81st day of the year, 12:00 UTC at longitude 0: 1098 · exp(−0.057).
        noon_s = (80 + 0.5) * DAY_S
        assert clear_sky(noon_s, 0.0, 0.0) == pytest.approx(1098 * math.exp(-0.057), rel=1e-6)
        assert clear_sky(noon_s + DAY_S / 2, 0.0, 0.0) == 0

    def test_noon_comes_earlier_in_the_east(self) -> None:
        assert clear_sky(80.25 * DAY_S, 0.0, 90.0) == pytest.approx(1098 * math.exp(-0.057), rel=1e-4)

    def test_a_day_in_pieces_is_the_whole_day_and_clouds_only_take_away(self) -> None:
        def sky(clear: float) -> Sky:
            return Sky(45.0, 0.0, clear, 1.78e9, np.random.default_rng(0))

        pieces = sky(0.6)
        edges = np.linspace(0, DAY_S, 1000)
        inside = sum(pieces.sunshine(a, b) for a, b in itertools.pairwise(edges))
        assert inside == pytest.approx(sky(0.6).sunshine(0, DAY_S))
        assert 0 < inside < sky(1.0).sunshine(0, DAY_S)


def test_kinds_have_their_shares_to_the_nearest_client() -> None:
    assert shares(10, [1, 1, 1]) == [4, 3, 3]
    assert shares(7, [0.5, 0.25, 0.25]) == [3, 2, 2]
    assert sum(shares(1_000_000, [0.1, 0.2, 0.7])) == 1_000_000


def test_of_many_rounds_as_many_moments_are_kept_as_of_some() -> None:
    course = FleetCourse()
    for i in range(1, 10_001):
        course.see(Moment(i, float(i), i / 1e4, 2 * i))
    kept = course.until(Moment(10_000, 1e4, 1.0, 20_000))
    assert len(kept) <= MOST_MOMENTS + 1
    steps = {b.rounds - a.rounds for a, b in itertools.pairwise(kept[:-1])}
    assert steps == {kept[0].rounds}
    assert kept[-1].rounds == 10_000


def test_fairness_is_one_where_all_are_alike_and_a_share_where_some_have_it_all() -> None:
    assert jain(np.array([3, 3, 3])) == pytest.approx(1)
    assert jain(np.array([5, 0, 0, 0])) == pytest.approx(0.25)
