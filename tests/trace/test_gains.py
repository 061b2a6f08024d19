"""What is known of meters: every row is what its devices show, and holds each that is left out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from energyprof.compare.statistics.left_out import left_out, limit
from energyprof.compare.statistics.student import t_quantile
from energyprof.meter import MeterInfo
from energyprof.trace import gains


def covers(below: float, above: float, error: float) -> bool:
    """Whether the truth lies within the limits of a reading that is ``error`` off."""
    return 1 - below <= 1 / (1 + error) <= 1 + above


def ends(errors: Sequence[float]) -> tuple[float, float]:
    """How far below and above a reading the truth may lie by the errors of other devices."""
    e = limit(errors)
    return 1 - 1 / (1 + e), 1 / (1 - e) - 1


NVIDIA = list(gains.VOLTA_OR_NEWER.values())


def test_the_row_of_gpus_is_what_the_known_models_give() -> None:
    below, above = ends(NVIDIA)
    assert below <= gains.NVIDIA.below < below + 0.01
    assert above <= gains.NVIDIA.above + 0.001 < above + 0.01


def test_each_known_model_lies_within_what_the_others_give() -> None:
    for others, error in left_out(NVIDIA):
        assert covers(*ends(others), error), error


def test_the_row_of_gpus_is_no_wider_than_twice_what_they_need() -> None:
    needed = max(1 - 1 / (1 + max(NVIDIA)), 1 / (1 + min(NVIDIA)) - 1)
    assert gains.NVIDIA.below + gains.NVIDIA.above < 2 * 2 * needed
    assert gains.NVIDIA.below < 2 * needed
    assert gains.NVIDIA.above < 2 * needed


def test_the_zero_is_what_the_lines_of_the_known_boards_have() -> None:
    shares = [zero_w / limit_w for zero_w, limit_w in gains.ZEROS_OF_VOLTA_OR_NEWER]
    assert limit(shares) <= gains.NVIDIA.zero + 0.001 < limit(shares) + 0.005
    old = [zero_w / limit_w for _, zero_w, limit_w in gains.BEFORE_VOLTA]
    assert limit(old) <= gains.NVIDIA_BEFORE_VOLTA.zero + 0.001 < limit(old) + 0.005


def test_the_row_of_older_boards_is_what_they_give() -> None:
    below, above = ends([slope for slope, *_ in gains.BEFORE_VOLTA])
    assert gains.NVIDIA_BEFORE_VOLTA.below == pytest.approx(below, abs=1e-3)
    assert gains.NVIDIA_BEFORE_VOLTA.above == pytest.approx(above, abs=1e-3)


def test_a_models_row_is_its_boards_and_how_much_boards_of_one_model_differ() -> None:
    boards = gains.RTX_3090
    mean = math.fsum(boards) / len(boards)
    sd = math.sqrt(math.fsum((error - mean) ** 2 for error in boards) / (len(boards) - 1))
    t = t_quantile(0.975, len(boards) - 1)
    known = {"RTX A5000": -0.07, "RTX 3070 Ti": -0.0359, "RTX 2080 Ti": -0.0793, "RTX 4090": -0.052}
    known |= {"RTX 2060 SUPER": 0.1272, "A100-PCIE-40GB": -0.0578}
    spans = {name: (error, t * sd * math.sqrt(2)) for name, error in known.items()}
    spans["RTX 3090"] = mean, t * sd * math.sqrt(1 + 1 / len(boards))
    assert spans.keys() == gains.NVIDIA_MODELS.keys()
    for name, (middle, half) in spans.items():
        row = gains.NVIDIA_MODELS[name]
        # A reading itself is never outside.
        assert row.below == pytest.approx(max(0, 1 - 1 / (1 + middle + half)), abs=2e-3), name
        assert row.above == pytest.approx(max(0, 1 / (1 + middle - half) - 1), abs=2e-3), name


def test_the_cpu_models_factor_holds_each_processor_that_is_left_out() -> None:
    worst = []
    for full_w, idle_w in gains.PROCESSORS.values():
        at = [((1 - u) * idle_w + u * full_w) / ((1 - u) * 0.74 + u * 3.5) for u in (0.5, 0.75, 1.0)]
        worst.append(max(map(math.log, at), key=abs))
    assert math.exp(limit(worst)) <= gains.FACTOR < math.exp(limit(worst)) + 0.1
    assert all(abs(log) <= limit(others) for others, log in left_out(worst))
    assert max(map(abs, worst)) < math.log(gains.FACTOR) < 2 * max(map(abs, worst))


@pytest.mark.parametrize("gain", gains.ROWS, ids=lambda gain: gain.row)
def test_every_row_says_where_it_comes_from_and_fills_a_meter(gain: gains.Gain) -> None:
    assert gain.row and gain.source and gain.words.startswith(gain.row)
    assert ("assumed" in gain.words) == (not gain.known)
    fields = gain.info()
    info = MeterInfo("m", "k", "cpu", "component", "power_w", "", 0, 1, max_power_w=1, **fields)
    if gain.bound is None:
        assert (2 * info.gain_u_below, 2 * info.gain_u_above) == pytest.approx((gain.below, gain.above))
        assert info.gain_a / math.sqrt(3) == pytest.approx(info.gain_u)
    else:
        assert info.gain_u_below == info.gain_u_above == pytest.approx(gain.bound / math.sqrt(3))


def test_rows_have_names_of_their_own() -> None:
    names = [gain.row for gain in gains.ROWS]
    assert len(set(names)) == len(names)
