"""Optimisers other than the workload's AdamW: with less state, or smaller numbers in it."""

import dataclasses
from typing import Any

from energyprof.workload import Plan, WorkloadError
from energyprof.workloads.training import device as torch_side

SOURCES = (__file__,)
MOMENTUM = 0.9


def turn(task: Any, plan: Plan, device: Any, seed: int) -> Any:
    """The task with the optimiser of the plan, at the plan's learning rate.

    Raises:
        WorkloadError: this torch has none of that kind, or its package is not here.
    """
    torch = torch_side.library("torch")
    kind, rate = plan.config["optimiser"], plan.config["learning_rate"]
    weights = [weight for weight in task.model.parameters() if weight.requires_grad]
    if kind == "SGD":
        made = torch.optim.SGD(weights, rate, momentum=MOMENTUM, nesterov=True)
    elif kind == "Adafactor":
        if not hasattr(torch.optim, "Adafactor"):
            raise WorkloadError(
                f"adafactor needs torch 2.5, here is {torch.__version__}: use --optimiser sgd"
            )
        made = torch.optim.Adafactor(weights, rate)
    else:
        # Its step is compiled when it is first taken: 79 s on a processor, so it belongs to the warm-up.
        made = torch_side.library("torchao.optim").AdamW8bit(weights, rate)
    return dataclasses.replace(task, optimiser=made)
