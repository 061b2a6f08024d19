"""In which order training items are met."""

from typing import Any, Iterator, Mapping

from energyprof.workloads.training import ranks


def micro_batches(n: int, config: Mapping[str, Any], seed: int, device: Any) -> Iterator[Any]:
    """Indices into ``n`` items, without end: what this process computes at a time, (size,).

    Shuffled passes, back to back, are cut into batches of ``batch_size``; each batch is dealt to the
    processes, and a process's part is cut into ``grad_accum``. The order comes from
    the seed alone.
    """
    import torch

    rng = torch.Generator().manual_seed(seed)
    left = torch.empty(0, dtype=torch.long, device=device)
    while True:
        while len(left) < config["batch_size"]:
            left = torch.cat([left, torch.randperm(n, generator=rng).to(device, non_blocking=True)])
        mine = ranks.share(left[: config["batch_size"]])
        yield from mine.chunk(config["grad_accum"])
        left = left[config["batch_size"] :]


def evenly(n: int, fraction: float) -> Any:
    """Indices (kept,) of a share of ``n`` items, evenly spaced."""
    import torch

    kept = max(1, round(fraction * n))
    return torch.arange(kept) * n // kept
