"""How long each of several processes is blocked in a step's exchange of gradients, by torch's own stamps.

DistributedDataParallel stamps when its first collective began, when the backward pass was computed and when
the last collective was over (``reducer.hpp``, ``logger.cpp`` of torch 2.0 to 2.13; on a GPU by its events).
What lies between the last two is time in which the process had nothing to do but to wait: for the
exchange itself, and for partners that were not there yet. Nothing is added to a step but reading the stamps.
"""

import math
import os
import time
from typing import Any, Dict, List, Optional

from energyprof.workloads.training import ranks

# Reading events of a GPU waits for it: once in so many steps, which is less than steps vary.
GPU_EVERY = 10
# Of fewer steps no mean is told.
FEWEST = 3
# What each process hands to the others.
_FIELDS = 6


class Waiting:
    """Follows one training: told of its phases and steps, it tells each process's time in the end."""

    def __init__(self) -> None:
        self._model: Any = None
        self._device: Any = None
        self._trains = False  # not while warming up, evaluating or saving
        self._since_s = 0.0
        self._train_s = 0.0
        self._steps = 0
        self._counted = False  # the step before was one of training
        self._seen = -1  # the iteration that was read last
        self._blocked_s: List[float] = []

    def phase(self, name: str) -> None:
        """A phase begins; the device has done what was asked of it."""
        now_s = time.perf_counter()
        if self._trains:
            self._train_s += now_s - self._since_s
        self._trains, self._since_s = name == "train", now_s

    def step(self, loop: Any) -> None:
        """A step of ``loop`` is over."""
        if self._model is None:
            self._follow(loop)
        if self._model is None:
            return
        # What can be read now are the stamps of the step before.
        counted, self._counted = self._counted, self._trains
        self._steps += self._trains
        if not counted:
            return
        stamps = self._model._get_ddp_logging_data()
        iteration = stamps.get("iteration", -1)
        if iteration != self._seen and "backward_comm_time" in stamps:
            beside = stamps.get("backward_compute_comm_overlap_time", 0)
            self._blocked_s.append(max(0, stamps["backward_comm_time"] - beside) / 1e9)
        self._seen = iteration

    def _follow(self, loop: Any) -> None:
        # The loop's code is part of the work's identity, so it knows nothing of who follows it.
        model: Any = getattr(loop, "_model", None)
        model = getattr(model, "_orig_mod", model)  # compiled
        if not hasattr(model, "_get_ddp_logging_data"):
            return
        self._model, self._device = model, loop._device
        # By itself it stamps each of the first ten steps, and then one in a hundred.
        model._set_ddp_runtime_logging_sample_rate(GPU_EVERY if self._device.type == "cuda" else 1)

    def facts(self) -> Optional[Dict[str, Any]]:
        """What the processes of this node did, once all have trained; all call this together.

        For each its ``rank``, the mean time of a step, and of that the time in which it was blocked, in s,
        with the standard uncertainty (k = 1) of a mean over some of the steps. ``None``: it cannot be told.
        """
        if ranks.world() == 1 or self._model is None:
            return None
        node = ranks.rank() - int(os.environ.get("LOCAL_RANK", "0"))  # by its first process
        own = [float(node), float(self._steps), self._train_s, *_mean(self._blocked_s, self._steps)]
        values = [0.0] * (_FIELDS * ranks.world())
        values[_FIELDS * ranks.rank() : _FIELDS * (ranks.rank() + 1)] = own
        told = ranks.summed(values, self._device)
        rows = [told[start : start + _FIELDS] for start in range(0, len(told), _FIELDS)]
        if any(steps < FEWEST or count < FEWEST for _, steps, _, _, _, count in rows):
            return None
        return {
            "ranks": [
                {
                    "rank": rank,
                    "steps": int(steps),
                    "step_s": train_s / steps,
                    "blocked_s": blocked_s,
                    "blocked_u_s": u_s,
                }
                for rank, (of_node, steps, train_s, blocked_s, u_s, _) in enumerate(rows)
                if int(of_node) == node
            ]
        }


def _mean(values: List[float], steps: int) -> List[float]:
    """Their mean, its standard uncertainty where they are only some of the ``steps``, and their number."""
    count = len(values)
    if count < FEWEST:
        return [0.0, 0.0, float(count)]
    mean = math.fsum(values) / count
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    return [mean, math.sqrt(variance / count * max(0.0, 1 - count / steps)), float(count)]
