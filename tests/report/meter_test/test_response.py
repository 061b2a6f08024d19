"""What a meter's readings tell of it: over what it averages, how late it is, how often it renews."""

from __future__ import annotations

import pytest

from fakes.load_tests import CPU0, CPU1, GPU0, GPU1, Shown, package, plug, result

each_seed = pytest.mark.parametrize("seed", range(3))


@pytest.mark.slow
@each_seed
@pytest.mark.parametrize("window_s", [0.5, 1.0, 2.0, 5.0])
def test_the_window_of_a_power_is_found(window_s: float, seed: int) -> None:
    found = result(Shown(plug(), window_s=window_s, noise=0.02, offset_w=20), seed=seed)
    assert found.state == "follows"
    assert found.window_s == pytest.approx(window_s, rel=0.1, abs=0.05)
    assert found.delay_s == 0
    assert (found.idle_w, found.full_w) == (pytest.approx(32, rel=0.03), pytest.approx(81, rel=0.03))


@each_seed
@pytest.mark.parametrize("delay_s", [0.5, 1.0, 3.0])
def test_a_power_that_is_late_is_told_from_one_that_averages(delay_s: float, seed: int) -> None:
    found = result(Shown(plug(), delay_s=delay_s, noise=0.02, offset_w=20), seed=seed)
    assert found.window_s == 0
    assert found.finest_s is not None
    assert found.delay_s == pytest.approx(delay_s, abs=found.finest_s / 2)


@pytest.mark.slow
@each_seed
@pytest.mark.parametrize("decay_s", [0.5, 1.0, 3.0])
def test_a_mean_that_falls_off_is_told_from_one_that_ends(decay_s: float, seed: int) -> None:
    found = result(Shown(plug(), decay_s=decay_s, noise=0.01, offset_w=20), seed=seed)
    assert found.decay_s == pytest.approx(decay_s, rel=0.1)
    assert found.window_s == pytest.approx(2 * found.decay_s)
    assert (found.idle_w, found.full_w) == (pytest.approx(32, rel=0.05), pytest.approx(81, rel=0.03))
    assert result(Shown(plug(), window_s=2 * decay_s, noise=0.01, offset_w=20), seed=seed).decay_s == 0


@pytest.mark.slow
def test_one_that_averages_and_is_late_is_found_to_do_both() -> None:
    found = result(Shown(plug(), window_s=2.0, delay_s=1.0, noise=0.01, offset_w=20))
    assert (found.window_s, found.delay_s) == (pytest.approx(2, abs=0.2), pytest.approx(1, abs=0.15))


@each_seed
def test_where_there_is_no_window_none_is_found(seed: int) -> None:
    found = result(Shown(plug(), noise=0.05, offset_w=20), seed=seed)
    assert (found.window_s, found.delay_s) == (0, 0)
    assert found.finest_s is not None and found.finest_s <= 0.25


def test_a_meter_that_is_renewed_once_a_second_hides_a_shorter_window_and_says_so() -> None:
    found = result(Shown(plug(min_interval_s=0.5), renewed_s=1.0, window_s=1.0, noise=0.02, offset_w=20))
    assert found.window_s == 0
    assert found.finest_s is not None and found.finest_s >= 1.0
    longer = result(Shown(plug(min_interval_s=0.5), renewed_s=1.0, window_s=5.0, noise=0.02, offset_w=20))
    assert longer.window_s == pytest.approx(5, rel=0.15)


@pytest.mark.slow
def test_a_counter_that_is_fed_from_an_average_is_found_out_as_well() -> None:
    assert result(Shown(package(), renewed_s=0.001)).window_s == 0
    assert result(Shown(package(), renewed_s=0.001, window_s=5.0)).window_s == pytest.approx(5, rel=0.1)


@pytest.mark.slow
def test_a_window_longer_than_the_steps_is_still_found() -> None:
    found = result(
        Shown(plug(), (CPU0, CPU1, GPU0, GPU1), window_s=5.0, offset_w=20),
        targets=(CPU0, CPU1, GPU0, GPU1),
        step_s=3.0,
    )
    assert found.window_s == pytest.approx(5, rel=0.2)


def test_a_power_that_trembles_more_than_it_rises_tells_no_window() -> None:
    found = result(Shown(plug(), noise=0.5, offset_w=100))
    assert found.window_s is None
    assert found.state == "follows"  # its levels tell all the same


@pytest.mark.parametrize(("renewed_s", "quick"), [(0.001, True), (0.02, True), (0.1, True), (1.0, False)])
def test_renewals_are_found_however_fast_they_come(renewed_s: float, quick: bool) -> None:
    info = plug(min_interval_s=0.0 if quick else 0.1)
    found = result(Shown(info, renewed_s=renewed_s, noise=0.02))
    assert found.renewed_s == pytest.approx(renewed_s, rel=0.1)
    assert found.looked_s is not None and found.looked_s < renewed_s / 2


def test_renewals_faster_than_the_looks_are_no_more_than_bounded() -> None:
    found = result(Shown(plug(min_interval_s=0.5), renewed_s=0.01, noise=0.02))
    assert found.renewed_s is not None and found.looked_s is not None
    assert found.renewed_s <= 2 * found.looked_s


def test_the_smallest_step_between_two_values_is_the_quantum() -> None:
    assert result(Shown(plug(), noise=0.05, quantum=0.5)).quantum == pytest.approx(0.5)


def test_one_impossible_value_changes_nothing() -> None:
    def spiked(at_s: float) -> float:
        return (
            4e9
            if 9.0 < at_s < 9.15
            else 12.0 + (40.0 if 15 <= at_s < 22.5 else 20.0 if 7.5 <= at_s < 15 else 0)
        )

    found = result(Shown(plug(), value=spiked))
    assert found.state == "follows"
    assert (found.idle_w, found.full_w) == (pytest.approx(12, rel=0.01), pytest.approx(52, rel=0.01))
