"""The order in which training items are met."""

from __future__ import annotations

from itertools import chain, islice

import pytest

pytestmark = pytest.mark.slow
torch = pytest.importorskip("torch")

from energyprof.workloads.training import order  # noqa: E402

CPU = torch.device("cpu")


def batches(n, count, seed=0, **config):
    """The first ``count`` micro-batches as lists."""
    made = order.micro_batches(n, {"grad_accum": 1, **config}, seed, CPU)
    return [batch.tolist() for batch in islice(made, count)]


def test_every_item_is_met_once_a_pass_and_passes_follow_each_other_without_a_gap():
    seen = [i for batch in batches(10, 5, batch_size=4) for i in batch]
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(10))


def test_a_batch_may_be_larger_than_the_data():
    (batch,) = batches(3, 1, batch_size=7)
    assert len(batch) == 7
    assert set(batch) == {0, 1, 2}


def test_the_seed_makes_the_order():
    assert batches(50, 3, seed=1, batch_size=10) == batches(50, 3, seed=1, batch_size=10)
    assert batches(50, 3, seed=1, batch_size=10) != batches(50, 3, seed=2, batch_size=10)


def test_parts_of_a_step_hold_together_what_the_whole_would():
    whole = batches(20, 2, batch_size=8)
    parts = batches(20, 8, batch_size=8, grad_accum=4)
    assert [len(part) for part in parts] == [2] * 8
    assert [list(chain(*parts[i : i + 4])) for i in (0, 4)] == whole


def test_processes_share_a_batch_between_them(monkeypatch):
    whole = batches(20, 3, batch_size=8)
    monkeypatch.setenv("WORLD_SIZE", "2")
    shares = []
    for rank in "01":
        monkeypatch.setenv("RANK", rank)
        shares.append(batches(20, 3, batch_size=8))
    assert [sorted(a + b) for a, b in zip(*shares, strict=True)] == [sorted(batch) for batch in whole]
    assert all(len(a) == len(b) == 4 for a, b in zip(*shares, strict=True))


@pytest.mark.parametrize(
    ("n", "fraction", "kept"),
    [(10, 1.0, list(range(10))), (10, 0.5, [0, 2, 4, 6, 8]), (10, 0.3, [0, 3, 6]), (10, 0.001, [0])],
)
def test_a_fraction_takes_evenly_spaced_items(n, fraction, kept):
    assert order.evenly(n, fraction).tolist() == kept
