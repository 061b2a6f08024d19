"""A training small enough to follow: a line through points, by the loop that trains everything."""

import copy

from energyprof.workload import Plan, Target
from energyprof.workloads.training import loop, order

POINTS = 64
CONFIG = {
    "batch_size": 8,
    "grad_accum": 1,
    "eval_every_samples": 32,
    "compile": False,
    "checkpoint": False,
    "precision": "fp32",
}


class Line:
    """y = w·x + b for three values of x, fitted by squared errors; the score is 1 / (1 + their mean)."""

    def __init__(
        self,
        paradigm,
        *,
        points=POINTS,
        target=2.0,
        max_samples=512,
        averaging=None,
        optimiser="SGD",
        **config,
    ):
        import torch

        config = {**CONFIG, **config, "paradigm": paradigm}
        self.plan = Plan("line", "tiny", config, Target("fit", target, "max"), max_samples)
        self.config, self.device, self.loop = config, torch.device("cpu"), None
        self.averaging, self.optimiser = averaging, optimiser
        rng = torch.Generator().manual_seed(5)
        x = torch.randn(points, 3, generator=rng)
        noise = 0.1 * torch.randn(points, 1, generator=rng)
        self.training = (x, x @ torch.tensor([[1.0], [-2.0], [0.5]]) + 0.25 + noise)
        self.validation = self.training

    def facts(self):
        return {}

    def prepare(self):
        pass

    def breakdown(self, seconds):
        return self.loop.breakdown(seconds)

    def network(self, seed):
        import torch

        torch.manual_seed(seed)
        return torch.nn.Linear(3, 1)

    def task(self, model, seed):
        import torch

        x, y = self.training
        picks = order.micro_batches(len(x), self.config, seed, self.device)
        return loop.Task(
            model=model,
            batches=((x[pick], y[pick]) for pick in picks),
            loss=lambda model, batch: torch.nn.functional.mse_loss(model(batch[0]), batch[1]),
            evaluate=self.evaluate,
            optimiser=getattr(torch.optim, self.optimiser)(model.parameters(), lr=0.05),
            rate=lambda step: 1.0,
            averaging=self.averaging,
        )

    def evaluate(self, model):
        x, y = self.validation
        error = (model(x) - y).square().mean().item()
        return len(x) / (1 + error), len(x)

    def labels(self):
        return (self.training[1] > 0).flatten().int().tolist()

    def groups(self):
        return [number // 4 for number in range(len(self.training[0]))]

    def part(self, indices):
        found = copy.copy(self)
        found.training = tuple(tensor[list(indices)] for tensor in self.training)
        return found

    def judged_by(self, indices):
        found = copy.copy(self)
        found.validation = tuple(tensor[list(indices)] for tensor in self.training)
        return found
