"""Progressive size: the first samples are of a lower resolution or fewer tokens (Tan & Le, arXiv:2104.00298).

What a sample's size is the workload says: images are made smaller by averaging, texts cut shorter.
"""

import dataclasses
from typing import Any, Callable, Dict, Iterator

from energyprof.workload import Plan, WorkloadError
from energyprof.workloads.training import device as torch_side

SOURCES = (__file__,)
SIDE = 8  # a smaller side is a multiple of it: what U-Nets of four levels halve thrice
TOKENS = 8


def turn(task: Any, plan: Plan, device: Any, seed: int) -> Any:
    """The task whose batches are small until ``grow_samples`` are trained.

    Raises:
        WorkloadError: this workload's batches cannot be made smaller.
    """
    if plan.name not in _SMALLER:
        raise WorkloadError(f"{plan.name} has no --grow: its samples have no size that could grow")
    share, until = plan.config["grow"], plan.config["grow_samples"]
    smaller = _SMALLER[plan.name]

    def batches() -> Iterator[Any]:
        drawn = 0
        for batch in task.batches:
            yield smaller(batch, share) if drawn < until else batch
            drawn += plan.config["batch_size"] // plan.config["grad_accum"]

    return dataclasses.replace(task, batches=batches())


def _images(batch: Any, share: float) -> Any:
    """Images (n, 1, x, y) and their truth (n, classes, x, y), both averaged over larger pixels."""
    functional = torch_side.library("torch.nn.functional")
    images, truth = batch
    size = [max(SIDE, round(side * share / SIDE) * SIDE) for side in images.shape[2:]]
    return tuple(functional.interpolate(part.float(), size=size, mode="area") for part in (images, truth))


def _texts(batch: Any, share: float) -> Any:
    """Tokens (n, length), their mask in the model's form, and labels (n,); the first tokens are kept."""
    tokens, mask, labels = batch
    whole = tokens.shape[1]
    kept = max(TOKENS, round(whole * share / TOKENS) * TOKENS)
    for dimension in range(1, mask.dim()):
        if mask.shape[dimension] == whole:
            mask = mask.narrow(dimension, 0, min(kept, whole))
    return tokens[:, :kept], mask, labels


_SMALLER: Dict[str, Callable[[Any, float], Any]] = {"unet": _images, "transformer": _texts}
