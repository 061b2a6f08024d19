"""A real, tiny training for the loop: a line is fitted to points. As a program, it prints what happened."""

from __future__ import annotations

import json
import sys
from typing import Any

from energyprof.workload import Facts, Mark, Plan, Settings, Target
from energyprof.workloads.training import loop, order, ranks

CONFIG: dict[str, Any] = {
    "batch_size": 8,
    "grad_accum": 1,
    "precision": "fp32",
    "compile": False,
    "checkpoint": False,
    "channels_last": False,
    "eval_every_samples": 16,
}
POINTS = 32


def toy_loop(
    max_samples: int = 64, seed: int = 0, averaging: float | None = None, rate: float = 0.1, **config: Any
) -> loop.Loop:
    """A loop that fits y = 2 x + 1 by gradient descent; its score is the mean squared error."""
    import torch

    plan = Plan("toy", "tiny", {**CONFIG, **config}, Target("mse", 1e-6, "min"), max_samples, Settings())
    device = torch.device("cpu")
    x = torch.linspace(-1, 1, POINTS).unsqueeze(1)
    y = 2 * x + 1
    torch.manual_seed(seed)
    model = torch.nn.Linear(1, 1)

    def batches() -> Any:
        for pick in order.micro_batches(POINTS, plan.config, seed, device):
            yield x[pick], y[pick]

    def evaluate(scored: Any) -> tuple[float, int]:
        mine = ranks.share(torch.arange(POINTS))
        return float(((scored(x[mine]) - y[mine]) ** 2).sum()), len(mine)

    return loop.Loop(
        plan,
        device,
        loop.Task(
            model=model,
            batches=batches(),
            loss=lambda called, batch: ((called(batch[0]) - batch[1]) ** 2).mean(),
            evaluate=evaluate,
            optimiser=torch.optim.SGD(model.parameters(), rate),
            rate=lambda step: 1.0,
            averaging=averaging,
        ),
        seed,
    )


def told(events: Any) -> list[Any]:
    """Phases as [name, samples] and scores as [samples, score]; steps without a score are left out."""
    lines: list[Any] = []
    for event in events:
        if isinstance(event, Facts):
            lines.append(dict(event.facts))
        elif isinstance(event, Mark):
            lines.append([event.name, event.samples])
        elif event.score is not None:
            lines.append([event.samples, event.score])
    return lines


if __name__ == "__main__":
    import torch

    ranks.join(torch.device("cpu"))
    training = toy_loop(**json.loads(sys.argv[1]))
    lines = told(training.train()) + told(training.breakdown(0.05))
    if ranks.rank() == 0:
        print(json.dumps(lines))
    ranks.leave()
