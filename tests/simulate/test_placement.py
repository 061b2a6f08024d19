"""Where and when a job is trained, against plans that can be found by trying them all."""

from __future__ import annotations

import dataclasses
import itertools
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energyprof.errors import UsageError
from energyprof.simulate.placement import milp, simple
from energyprof.simulate.placement.by_progress import by_progress, quickest
from energyprof.simulate.placement.greedy import greedy
from energyprof.simulate.placement.grid import Grid, concave, grid_of
from energyprof.simulate.placement.job import Budget, Job, Level, Site
from energyprof.simulate.placement.plan import Plan, outcome
from energyprof.simulate.placement.policies import FORESIGHT, MILP, NOW, ROLLING, WORKERS, place
from energyprof.simulate.placement.rolling import Forecast, rolling
from energyprof.simulate.placement.workers import Course, Descent, best_k, exponential_s, gain, measured_s
from energyprof.simulate.traces.trace import IntensityTrace

np = pytest.importorskip("numpy")
HOUR_S = 3600.0
ONE = (Level(1, 1.0, 1000.0),)
CONCAVE = (Level(1, 1.0, 1000.0), Level(2, 1.8, 2000.0), Level(4, 2.6, 4000.0))


def job(hours: float, work_h: float, levels: tuple[Level, ...] = ONE, **changes: object) -> Job:
    """So many hours of one machine's work, until a deadline in hours."""
    made = Job("job", work_h * HOUR_S, levels, 0.0, hours * HOUR_S, HOUR_S)
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def site(name: str, g: list[float], machines: int = 4, **changes: object) -> Site:
    """One with these intensities, hour by hour."""
    trace = IntensityTrace(tuple(HOUR_S * i for i in range(len(g))), tuple(g), HOUR_S, "made by hand")
    return dataclasses.replace(Site(name, machines, 1.0, trace, 0.0), **changes)  # type: ignore[arg-type]


def carbon(grid: Grid, plan: Plan) -> float:
    return outcome(grid, plan).carbon_kg


def done(plan: Plan) -> float:
    return float(plan.samples.sum())


class TestSimplePolicies:
    grid = grid_of(job(6, 2.5), [site("a", [400, 100, 300, 50, 200, 500]), site("b", [250] * 6)])

    def test_run_now_takes_the_first_hours(self) -> None:
        # 1 kW: 400 g, 100 g, and half an hour of 300 g
        assert carbon(self.grid, simple.run_now(self.grid)) == pytest.approx(0.650)
        assert outcome(self.grid, simple.run_now(self.grid)).energy_j == pytest.approx(2.5 * 3.6e6)

    def test_the_best_constant_site_is_the_one_that_emits_least_in_the_end(self) -> None:
        chosen, plan = simple.best_constant(self.grid)
        assert (self.grid.sites[chosen].name, carbon(self.grid, plan)) == ("b", pytest.approx(0.625))

    def test_suspended_it_runs_in_the_cheapest_hours_and_leaves_the_dearest_of_them_early(self) -> None:
        plan = simple.suspend_resume(self.grid, 0)
        assert carbon(self.grid, plan) == pytest.approx(0.050 + 0.100 + 0.5 * 0.200)
        assert np.flatnonzero(plan.samples[0]).tolist() == [1, 3, 4]

    def test_the_closed_form_of_waiting_is_that_of_whole_hours(self) -> None:
        assert simple.slack_saving(self.grid, 0) == pytest.approx(1 - (50 + 100 + 200) / (400 + 100 + 300))


def test_taking_it_up_again_is_charged_where_and_when_it_is() -> None:
    grid = grid_of(
        job(5, 3, checkpoint_j=3.6e6, move_j=3.6e6),
        [site("a", [100, 900, 100, 900, 900]), site("b", [500] * 5)],
    )
    plan = Plan(np.zeros((2, 5)), np.zeros((2, 5)))
    for at in ((0, 0), (0, 2), (1, 3)):
        plan.samples[at], plan.joules[at] = HOUR_S, 3.6e6
    found = outcome(grid, plan)
    assert (found.restarts, found.moves) == (2, 1)
    # 1 kWh each of 100, 100 and 500 g; once more 100 g for the checkpoint, twice 500 g for that and the move
    assert found.carbon_kg == pytest.approx(0.7 + 0.1 + 1.0)


def test_levels_that_a_mixture_beats_are_left_out() -> None:
    parts = concave([Level(1, 1.0, 100.0), Level(2, 1.1, 300.0), Level(3, 3.0, 400.0)])
    # from 1 to 3 machines at once: 2 samples a second more for 300 W
    assert parts == [(1.0, 100.0), (2.0, 300.0)]


GRIDS = st.lists(st.integers(1, 900), min_size=3, max_size=4)


@pytest.mark.slow
@given(GRIDS, st.floats(0.3, 5.0))
@settings(max_examples=40)
def test_greedy_is_the_best_of_all_plans_of_a_concave_job(g: list[int], work_h: float) -> None:
    """Against trying every level in every hour, the work's remainder in any of them."""
    grid = grid_of(job(len(g), work_h, CONCAVE), [site("a", [float(x) for x in g])])
    best = math.inf
    hull = [0.0, *itertools.accumulate(rate for rate, _ in concave(CONCAVE))]
    power = [0.0, *itertools.accumulate(watts for _, watts in concave(CONCAVE))]
    for levels in itertools.product(range(len(hull)), repeat=len(g)):
        done_s = sum(hull[level] for level in levels)
        spare = done_s - work_h
        for hour, level in enumerate(levels):
            if level == 0 or spare < -1e-12:
                continue
            rate = hull[level] - hull[level - 1]
            if spare > rate + 1e-12:
                continue
            kwh = sum(power[chosen] / 1000 * x for chosen, x in zip(levels, g, strict=True))
            kwh -= spare / rate * (power[level] - power[level - 1]) / 1000 * g[hour]
            best = min(best, kwh / 1000)
    assert carbon(grid, greedy(grid)) == pytest.approx(best, rel=1e-9)


def random_grid(rng: random.Random, sites: int, hours: int, work_h: float, **changes: object) -> Grid:
    places = [site(f"s{i}", [rng.uniform(20, 800) for _ in range(hours)]) for i in range(sites)]
    return grid_of(job(hours, work_h, CONCAVE, **changes), places)


@pytest.mark.parametrize("seed", range(6))
def test_the_programme_is_no_worse_than_greedy_and_does_all_of_the_work(seed: int) -> None:
    pytest.importorskip("scipy")
    rng = random.Random(seed)
    grid = random_grid(rng, 2, 12, rng.uniform(3, 15))
    found = milp.best(grid)
    assert found is not None
    assert carbon(grid, found.plan) <= carbon(grid, greedy(grid)) * (1 + 2 * milp.GAP)
    assert done(found.plan) == pytest.approx(grid.job.samples, rel=1e-6)
    assert ((found.plan.samples > 0).sum(axis=0) <= 1).all()  # at one site at a time


def test_with_dear_checkpoints_the_programme_stays_where_it_is() -> None:
    pytest.importorskip("scipy")
    g = [100.0, 500.0, 90.0, 500.0, 80.0, 110.0, 120.0, 130.0]
    cheap, dear = (grid_of(job(8, 3, checkpoint_j=j), [site("a", g)]) for j in (0.0, 36e6))
    free, kept = milp.best(cheap), milp.best(dear)
    assert free is not None and kept is not None
    assert outcome(cheap, free.plan).restarts > 0
    assert outcome(dear, kept.plan).restarts == 0
    assert np.flatnonzero(kept.plan.samples[0]).tolist() == [4, 5, 6]


def test_a_power_domain_is_kept() -> None:
    pytest.importorskip("scipy")
    grid = grid_of(job(6, 6, CONCAVE), [site("a", [100.0] * 6, pue=1.5, domain="hall", domain_w=3000.0)])
    found = milp.best(grid)
    assert found is not None
    assert float(found.plan.joules.max()) / HOUR_S * 1.5 <= 3000 * (1 + 1e-6)


class TestDecidingAgain:
    def test_with_a_true_forecast_of_all_hours_it_is_perfect_foresight(self) -> None:
        grid = random_grid(random.Random(3), 2, 24, 10)
        plan = rolling(grid, Forecast(24 * HOUR_S, 0.0))
        assert carbon(grid, plan) == pytest.approx(carbon(grid, greedy(grid)))

    @pytest.mark.parametrize("seed", range(5))
    def test_what_is_realised_is_no_better_than_perfect_foresight(self, seed: int) -> None:
        grid = random_grid(random.Random(seed), 3, 48, 30)
        plan = rolling(grid, Forecast(12 * HOUR_S, 0.3, seed))
        assert carbon(grid, plan) >= carbon(grid, greedy(grid)) * (1 - 1e-9)
        assert done(plan) == pytest.approx(grid.job.samples, rel=1e-6)

    def test_the_same_seed_decides_the_same(self) -> None:
        grid = random_grid(random.Random(1), 2, 30, 20)
        first, again = (rolling(grid, Forecast(12 * HOUR_S, 0.3, 5)) for _ in range(2))
        assert (first.samples == again.samples).all()

    def test_a_deadline_that_takes_every_hour_is_kept(self) -> None:
        grid = random_grid(random.Random(2), 1, 10, 26 - 1e-6)
        assert done(rolling(grid, Forecast(3 * HOUR_S, 0.5))) == pytest.approx(grid.job.samples, rel=1e-6)


class TestLimits:
    def test_a_deadline_that_cannot_be_met_is_named(self) -> None:
        grid = grid_of(job(3, 20, CONCAVE), [site("a", [100.0] * 3)])
        with pytest.raises(UsageError, match="the deadline is what binds"):
            place(grid, Forecast())

    def test_a_budget_that_no_policy_keeps_is_named_with_what_each_takes(self) -> None:
        grid = grid_of(job(4, 2, budget=Budget(carbon_kg=0.01)), [site("a", [100.0] * 4)])
        with pytest.raises(UsageError, match=r"no policy keeps .*over the budget of 0\.01 kg of CO2e"):
            place(grid, Forecast())

    def test_what_breaks_the_budget_is_not_recommended(self) -> None:
        sites = [site("home", [500.0] * 8), site("clean", [50.0] * 8)]
        found = place(grid_of(job(8, 2, budget=Budget(carbon_kg=0.2)), sites), Forecast())
        assert found.recommended not in (NOW, *FORESIGHT)
        assert any("over the budget of 0.2 kg of CO2e" in note for note in found.named(NOW).notes)

    def test_a_trace_that_does_not_reach_over_the_job_is_one_line(self) -> None:
        with pytest.raises(UsageError, match="site a: its trace reaches from"):
            grid_of(job(6, 2), [site("a", [100.0] * 5)])

    def test_a_site_without_enough_machines_trains_at_its_smaller_levels(self) -> None:
        grid = grid_of(job(6, 2, CONCAVE), [site("a", [100.0] * 6, machines=2)])
        assert [level.machines for level in grid.levels(0)] == [1, 2]


def test_all_policies_stand_beside_each_other() -> None:
    pytest.importorskip("scipy")
    grid = random_grid(random.Random(9), 2, 24, 12)
    found = place(grid, Forecast(12 * HOUR_S, 0.2))
    charges = {j.policy: j.outcome.carbon_kg for j in found.policies if j.outcome is not None}
    assert charges[MILP] <= min(charges.values()) * (1 + 2 * milp.GAP)
    assert charges[MILP] <= charges[ROLLING] <= charges[NOW]


class TestWorkers:
    @pytest.mark.parametrize(("n", "k", "expected"), [(4, 1, 1 / 4), (4, 4, 25 / 12), (3, 2, 5 / 6)])
    def test_the_kth_of_exponential_times_is_a_difference_of_harmonic_numbers(
        self, n: int, k: int, expected: float
    ) -> None:
        assert exponential_s(n, k, 1.0) == pytest.approx(expected)

    def test_measured_times_are_ordered_step_by_step(self) -> None:
        assert measured_s([[3, 1, 2], [1, 1, 5]], 2) == pytest.approx((2 + 1) / 2)

    def test_more_workers_gain_more_in_a_step(self) -> None:
        descent = Descent(0.1, 1.0, 1.0, 4.0)
        assert gain(descent, 1) == pytest.approx(0.1 * (1 - 0.05 * 5))
        assert gain(descent, 4) > gain(descent, 2) > gain(descent, 1)

    def test_early_few_are_waited_for_and_late_all(self) -> None:
        times = [exponential_s(8, k, 1.0) for k in range(1, 9)]
        early, late = Descent(0.1, 1.0, 10.0, 1.0), Descent(0.1, 1.0, 0.02, 10.0)
        assert best_k(early, times) < best_k(late, times)
        assert best_k(dataclasses.replace(late, gradient2=1e-6), times) == 8


class TestWorkersByProgress:
    """Two levels of one sample a second a machine: a step lasts a second whatever their number."""

    LEVELS = (Level(1, 1.0, 1000.0), Level(2, 2.0, 2000.0))

    def grid(self, course: Course, hours: float = 12, work_h: float = 8) -> Grid:
        made = job(hours, work_h, self.LEVELS, course=course, batch=1.0)
        return grid_of(made, [site("a", [100.0] * math.ceil(hours))])

    def test_without_noise_one_machine_does_what_two_do_and_half_is_saved(self) -> None:
        # Gains of k machines are alike, and steps last as long: one is worth as much as two.
        found, notes = by_progress(self.grid(Course(0.1, 1.0, 0.0, (4.0, 1.0))), 0)
        # 8 h at one sample a second were counted with two machines: 4 h of steps.
        assert done(found) == pytest.approx(8 * HOUR_S)
        assert float(found.joules.sum()) == pytest.approx(4 * 3.6e6)
        assert "1 machines as it goes on" in notes

    def test_as_the_gradient_sinks_into_noise_there_are_more(self) -> None:
        # The second machine halves the noise, which is worth nothing at first and most at last.
        course = Course(0.1, 1.0, 4.0, (1000.0, 0.01))
        levels = (Level(1, 1.0, 1000.0), Level(2, 1.9, 2000.0))
        early, late = (quickest(course.at(p), levels, levels[1], 1.0)[0] for p in (0.0, 1.0))
        assert (early.machines, late.machines) == (1, 2)

    @pytest.mark.slow
    @given(st.floats(0.01, 1), st.floats(0, 100), st.lists(st.floats(0.01, 100), min_size=2, max_size=4))
    @settings(max_examples=40, deadline=None)
    def test_it_is_never_slower_than_all_machines_and_does_all_of_the_work(
        self, rate: float, variance: float, gradient2: list[float]
    ) -> None:
        grid = self.grid(Course(rate, 1.0, variance, tuple(gradient2)))
        plan, _ = by_progress(grid, 0)
        now = simple.run_now(grid)
        assert done(plan) == pytest.approx(grid.job.samples)
        assert outcome(grid, plan).ends_s <= outcome(grid, now).ends_s
        assert outcome(grid, plan).energy_j <= outcome(grid, now).energy_j * (1 + 1e-9)

    def test_it_stands_beside_the_others_and_is_not_recommended(self) -> None:
        pytest.importorskip("scipy")
        found = place(self.grid(Course(0.1, 1.0, 0.0, (4.0, 1.0))), Forecast(12 * HOUR_S, 0.0))
        judged = found.named(WORKERS)
        assert judged.saving == pytest.approx(0.5)
        assert "by theory" in judged.notes
        assert found.recommended != WORKERS
