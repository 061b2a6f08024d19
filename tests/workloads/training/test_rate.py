"""The learning rate rises over a ramp and then falls for as long as the training goes on."""

import pytest

from energyprof.workloads.training import rate

CONFIG = {"batch_size": 16, "ramp_samples": 256, "decay_samples": 4096}


def test_the_learning_rate_rises_then_falls():
    rates = [rate.factor(step, CONFIG) for step in range(1000)]
    peak = rates.index(max(rates))
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)


@pytest.mark.parametrize(("step", "share"), [(0, 1 / 16 / (1 + 1 / 256) ** 0.5), (255, 2**-0.5), (767, 0.5)])
def test_after_the_ramp_it_falls_with_the_root_of_the_samples(step, share):
    assert rate.factor(step, CONFIG) == pytest.approx(share)
