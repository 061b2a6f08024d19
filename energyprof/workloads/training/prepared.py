"""A prepared program with those levers turned that change what it has prepared: data, frozen parts."""

from typing import Any

from energyprof.workload import Plan
from energyprof.workloads.training import levers


def turned(program: Any, plan: Plan) -> None:
    """Turn them; without such levers the program is left as it is.

    Raises:
        WorkloadError: these data, or this machine, cannot do it.
    """
    for lever in levers.PREPARED:
        if lever.turned(plan.config):
            lever.loaded().prepared(program, plan)
