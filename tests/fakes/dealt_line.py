"""A workload small enough to be trained in a test, whose items can be dealt: a line of four features."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from energyprof.settings import Settings
from energyprof.workload import Event, Plan, Target
from energyprof.workloads.paradigms import described
from energyprof.workloads.training import loop, order
from energyprof.workloads.training.program import Program

ITEMS = 32
CONFIG = {
    "batch_size": 4,
    "precision": "fp32",
    "grad_accum": 1,
    "compile": False,
    "checkpoint": False,
    "eval_every_samples": 16,
    "averaging": 0.9,
}


def plan_of(settings: Settings, max_samples: int = 160, **config: Any) -> Plan:
    """A plan of the line, with what the paradigm of ``settings`` adds."""
    return Plan(
        "line",
        "tiny",
        {**CONFIG, **config, **described(settings)},
        Target("error", 1e-9, "min"),
        max_samples,
        settings,
    )


class Line(Program):
    """Learns ``features @ truth``; dropout makes its steps depend on torch's own random numbers, too."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.training: tuple[Any, Any] = ((), ())

    def facts(self) -> dict[str, Any]:
        return {"training_items": len(self.training[0])}

    def prepare(self) -> None:
        self.device = torch.device("cpu")
        rng = torch.Generator().manual_seed(3)
        features = torch.randn(ITEMS, 4, generator=rng)
        self.training = features, features @ torch.tensor([[1.0], [-2.0], [3.0], [0.5]])

    def network(self, seed: int) -> Any:
        torch.manual_seed(seed)
        return torch.nn.Sequential(
            torch.nn.Linear(4, 8), torch.nn.Dropout(0.1), torch.nn.Tanh(), torch.nn.Linear(8, 1)
        )

    def task(self, model: Any, seed: int) -> loop.Task:
        return loop.Task(
            model=model,
            batches=self.batches(seed),
            loss=lambda model, batch: (model(batch[0]) - batch[1]).square().mean(),
            evaluate=self.evaluate,
            optimiser=torch.optim.AdamW(model.parameters(), 1e-2),
            rate=lambda step: 1 / (1 + step / 50),
            averaging=self.config["averaging"],
        )

    def batches(self, seed: int) -> Iterator[Any]:
        rng = torch.Generator().manual_seed(seed)
        features, truth = self.training
        for pick in order.micro_batches(len(features), self.config, seed, self.device):
            yield features[pick] + 0.01 * torch.randn(len(pick), 4, generator=rng), truth[pick]

    def evaluate(self, model: Any) -> tuple[float, int]:
        features, truth = self.training if len(self.training[0]) == ITEMS else self.whole
        return float((model(features) - truth).square().sum()), len(truth)

    def train(self, seed: int) -> Iterator[Event]:
        self.loop = loop.Loop(self.plan, self.device, self.task(self.network(seed), seed), seed)
        yield from self.loop.train()

    def labels(self) -> list[int]:
        return [number % 4 for number in range(ITEMS)]

    def groups(self) -> list[int]:
        return [number // 4 for number in range(ITEMS)]

    def part(self, indices: Sequence[int]) -> Line:
        found = copy.copy(self)
        found.whole = self.training
        found.training = tuple(tensor[list(indices)] for tensor in self.training)
        return found

    whole: tuple[Any, Any] = ((), ())
