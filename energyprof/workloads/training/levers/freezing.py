"""Freezing: the first blocks of a network keep the weights that they begin with, and need no gradients."""

import dataclasses
from typing import Any

from energyprof.workload import Plan
from energyprof.workloads.training import blocks

SOURCES = (__file__, blocks.__file__)


def turn(task: Any, plan: Plan, device: Any, seed: int) -> Any:
    """The task with so large a share of the network's blocks frozen, in the order of its input; not the last.

    The optimiser leaves weights alone that get no gradient.
    """
    model = task.model
    found = blocks.called(blocks.blocks(model), lambda: task.loss(model, next(task.batches)))
    count = min(round(plan.config["freeze"] * len(found)), len(found) - 1)
    for block in found[:count]:
        block.module.requires_grad_(False)
    names = [block.name for block in found[:count]]
    return dataclasses.replace(task, facts={**task.facts, "frozen": names, "blocks": len(found)})
