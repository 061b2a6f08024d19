"""The blocks of a network, each alone: phases for all of them, and nothing learnt."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from energyprof.workload import Facts, Mark, Trained
from energyprof.workloads.training import modules

pytestmark = pytest.mark.slow


class Stacked(torch.nn.Module):
    """Two layers in a list, the second called twice, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList([torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)])
        self.head = torch.nn.Linear(4, 1)

    def forward(self, x: Any) -> Any:
        return self.head(self.layers[1](self.layers[1](self.layers[0](x))))


def told(seconds: float, model: Any) -> tuple[list[Mark], dict[str, Any]]:
    batch = torch.ones(2, 4)
    trained = Trained(
        model, lambda net: net(batch).sum(), lambda net: 0.0, torch.device("cpu"), "fp32", False, 10
    )
    events = list(modules.measured(trained, seconds))
    facts = {name: fact for e in events if isinstance(e, Facts) for name, fact in e.facts.items()}
    return [e for e in events if isinstance(e, Mark)], facts


def test_the_network_and_each_block_have_a_phase_in_the_order_of_the_input() -> None:
    marks, facts = told(0.01, Stacked())
    names = [mark.name.removeprefix("part:module:") for mark in marks]
    assert names[::2] == ["network", "layers.0", "layers.1", "head"]
    assert set(names[1::2]) == {"end"}
    assert facts["blocks_measured"] == ["layers.0", "layers.1", "head"]
    spans = zip(marks[::2], marks[1::2], strict=True)
    assert all(after.samples > before.samples for before, after in spans)


def test_a_block_that_is_called_twice_in_a_step_runs_twice_for_each_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, calls = Stacked(), [0, 0]
    for i, layer in enumerate(model.layers):
        layer.register_forward_hook(lambda *_, i=i: calls.__setitem__(i, calls[i] + 1))
    ticks = iter(range(1000))
    # Each block has the same three batches of time; warm-up calls are one each.
    monkeypatch.setattr(modules.time, "monotonic", lambda: float(next(ticks)))
    told(4.0, model)
    once, twice = calls
    # In a call of the network the first is called once and the second twice.
    assert twice - 2 * once == -modules.WARM_CALLS


def test_nothing_is_learnt_and_no_gradient_is_left() -> None:
    model = Stacked()
    before = [weight.clone() for weight in model.parameters()]
    told(0.01, model)
    assert all(map(torch.equal, before, model.parameters()))
    assert all(weight.grad is None for weight in model.parameters())


def test_without_seconds_nothing_is_measured() -> None:
    assert told(0.0, Stacked()) == ([], {})
