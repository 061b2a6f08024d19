"""Inference after a training: windows of each batch size, warm, with the model that was scored."""

from __future__ import annotations

import itertools

import pytest

pytest.importorskip("torch")
from energyprof.workload import Facts, Mark, WorkloadError
from energyprof.workloads.training import afterwards, forward, inference
from fakes import toy

pytestmark = pytest.mark.slow


def marks(seconds: float, largest: int = 8) -> list[Mark]:
    trained = toy.toy_loop(averaging=0.9).trained()
    return [e for e in inference.measured(trained, seconds, largest, ()) if isinstance(e, Mark)]


@pytest.fixture(autouse=True)
def _warm_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "WARM_S", 0.0)
    monkeypatch.setattr(inference, "CHUNK_S", 0.0)


def test_each_batch_size_has_its_windows_in_turn_after_a_warm_up() -> None:
    names = [mark.name for mark in marks(0.06)]
    windows = ["part:inference:as trained:1", "part:inference:as trained:8"] * inference.WINDOWS
    assert names == ["part:inference:warmup", *windows, "part:inference:end"]


def test_a_window_counts_the_items_that_went_through() -> None:
    found = marks(0.06)
    counts = [(a.name[-1], b.samples - a.samples) for a, b in itertools.pairwise(found[1:])]
    assert all(count > 0 for _, count in counts)
    assert all(count % 8 == 0 for batch, count in counts if batch == "8")


def test_without_seconds_nothing_is_measured() -> None:
    assert marks(0.0) == []


def test_a_batch_that_is_no_larger_than_one_is_measured_once() -> None:
    assert {mark.name for mark in marks(0.03, largest=1)} == {
        "part:inference:warmup",
        "part:inference:as trained:1",
        "part:inference:end",
    }


def test_the_scored_weights_infer_and_stay_as_they_are() -> None:
    import torch

    training = toy.toy_loop(averaging=0.9)
    trained = training.trained()
    before = [weight.clone() for weight in trained.model.parameters()]
    assert any(isinstance(e, Facts) for e in inference.measured(trained, 0.03, 4, ()))
    assert all(map(torch.equal, before, trained.model.parameters()))


def test_a_call_takes_any_number_of_items() -> None:
    import torch

    model = torch.nn.Linear(2, 1)
    batch, scale = torch.arange(6.0).view(3, 2), torch.tensor(2.0)
    call = forward.captured(model, lambda: model(batch))
    assert call.items == 3
    assert call.of(1).args[0].tolist() == [[0, 1]]
    assert call.of(4).args[0].tolist() == [[0, 1], [2, 3], [4, 5], [0, 1]]
    untouched = forward.Call((batch, scale), {"width": 3}, 3).of(2)
    assert untouched.args[1] is scale
    assert untouched.kwargs == {"width": 3}


def test_a_model_that_is_never_called_cannot_be_measured() -> None:
    import torch

    with pytest.raises(WorkloadError, match="never called"):
        forward.captured(torch.nn.Linear(1, 1), lambda: None)


def test_the_last_phase_says_that_the_run_is_over() -> None:
    assert afterwards.END == "part:end"
