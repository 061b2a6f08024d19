"""Gradient checkpointing: a block keeps its input alone for the backward pass, and computes the rest again.

It saves memory and costs a forward pass: joules only where the memory buys a larger batch (Chen et al., 2016,
arXiv:1604.06174). ``flops_per_sample`` counts what is computed again.
"""

import functools
from typing import Any

from energyprof.workload import Plan
from energyprof.workloads.training import blocks
from energyprof.workloads.training import device as torch_side

SOURCES = (__file__, blocks.__file__)


def turn(task: Any, plan: Plan, device: Any, seed: int) -> Any:
    """The task with every block of its model computed again in the backward pass."""
    again = torch_side.library("torch.utils.checkpoint").checkpoint
    for block in blocks.blocks(task.model):
        # Not a function of ours: what copies the model must bind the copy's method.
        block.module.forward = functools.partial(again, block.module.forward, use_reentrant=False)
    return task
