"""A training's task with its levers turned.

This file is part of every work; a lever's own is part of those alone that it is turned for.
"""

import importlib
from typing import Any

from energyprof.workload import Plan
from energyprof.workloads.training import levers


def turned(task: Any, plan: Plan, device: Any, seed: int) -> Any:
    """The ``loop.Task`` as the plan's levers make it; without levers it is the same object.

    Raises:
        WorkloadError: this model, machine or torch cannot do it.
    """
    for lever in levers.LEVERS:
        if lever.turned(plan.config):
            module = importlib.import_module("." + lever.module, levers.__name__)
            task = module.turn(task, plan, device, seed)
    return task
