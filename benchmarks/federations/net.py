"""A network of 100,000 parameters, trained on points that are drawn."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from energyprof.settings import Settings
from energyprof.workload import Plan, Target
from energyprof.workloads.paradigms import described
from energyprof.workloads.training import loop, order
from energyprof.workloads.training.program import Program

ITEMS, FEATURES, WIDTH = 1600, 64, 255


def plan_of(settings: Settings, rounds: int) -> Plan:
    """So many rounds, each of one local epoch of all clients together."""
    config = {
        "batch_size": 16,
        "precision": "fp32",
        "grad_accum": 1,
        "compile": False,
        "checkpoint": False,
        "eval_every_samples": ITEMS,
        **described(settings),
    }
    target = Target("error", 1e-9, "min")
    return Plan("net", "tiny", config, target, (rounds - 1) * ITEMS + 1, settings)


class Net(Program):
    """Learns a sine of a projection."""

    items = ITEMS

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.model: Any = None
        self.training: tuple[Any, Any] = ((), ())
        self.whole: tuple[Any, Any] = ((), ())

    def facts(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def prepare(self) -> None:
        """Draw the points."""
        self.device = torch.device("cpu")
        rng = torch.Generator().manual_seed(1)
        features = torch.randn(ITEMS, FEATURES, generator=rng)
        along = torch.randn(FEATURES, 1, generator=rng) / FEATURES**0.5
        self.training = self.whole = features, torch.sin(2 * features @ along)

    def network(self, seed: int) -> Any:
        """About 100,000 weights."""
        torch.manual_seed(seed)
        sizes = (FEATURES, WIDTH, WIDTH, 64, 1)
        layers: list[Any] = []
        for wide, narrow in itertools.pairwise(sizes):
            layers += [torch.nn.Linear(wide, narrow), torch.nn.ReLU()]
        self.model = torch.nn.Sequential(*layers[:-1])
        return self.model

    def task(self, model: Any, seed: int) -> loop.Task:
        """Squared errors, by AdamW."""
        return loop.Task(
            model=model,
            batches=self.batches(seed),
            loss=lambda model, batch: (model(batch[0]) - batch[1]).square().mean(),
            evaluate=self.evaluate,
            optimiser=torch.optim.AdamW(model.parameters(), 1e-3, fused=True),
            rate=lambda step: 1.0,
        )

    def batches(self, seed: int) -> Iterator[Any]:
        """Points and their values, without end."""
        features, values = self.training
        for pick in order.micro_batches(len(features), self.config, seed, self.device):
            yield features[pick], values[pick]

    def evaluate(self, model: Any) -> tuple[float, int]:
        """The sum of squared errors over all points."""
        features, values = self.whole
        return float((model(features) - values).square().sum()), len(values)

    def labels(self) -> list[int]:
        """None to speak of."""
        return [0] * ITEMS

    def groups(self) -> list[int]:
        """Hundreds."""
        return [number // 16 for number in range(ITEMS)]

    def part(self, indices: Sequence[int]) -> Net:
        """The same with these points."""
        found = copy.copy(self)
        found.training = tuple(tensor[list(indices)] for tensor in self.training)  # type: ignore[assignment]
        return found
