"""How images are seen, one after the other: which, mirrored or not, and which square of them.

A view is three numbers in 0…1: mirrored from 0.5 on; where the square lies, from the top and from the left.
"""

from typing import Any, Iterator, Mapping, Tuple

from energyprof.workloads.training import loop, order


def drawn(n: int, config: Mapping[str, Any], seed: int) -> Iterator[Tuple[Any, Any]]:
    """What this process's micro-batches hold, without end: indices into ``n`` images (m,), views (m, 3)."""
    import torch

    rng = loop.rng(seed, "cpu")
    for numbers in order.micro_batches(n, config, seed, "cpu"):
        yield numbers, torch.rand(len(numbers), 3, generator=rng)


def plain(numbers: Any) -> Tuple[Any, Any]:
    """The middle of the images of these indices, not mirrored."""
    import torch

    return numbers, torch.tensor([0.0, 0.5, 0.5]).expand(len(numbers), 3)
