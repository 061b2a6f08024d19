"""In which order clips are met: those of like length together, or half of a batch would be silence."""

from typing import Any, Iterator, Mapping

from energyprof.workloads.training import ranks

TOGETHER = 4  # batches among which clips are sorted


def micro_batches(lengths: Any, config: Mapping[str, Any], seed: int) -> Iterator[Any]:
    """Indices into the clips of these ``lengths`` (n,), without end: what this process computes at a time.

    Shuffled passes, back to back, are cut into as many clips as ``TOGETHER`` batches hold, sorted by
    length, cut into batches and met in an order by chance. Each batch is dealt to the processes, and a
    process's part is cut into ``grad_accum``. The order comes from the seed alone.
    """
    import torch

    rng = torch.Generator().manual_seed(seed)
    size = config["batch_size"]
    left = torch.empty(0, dtype=torch.long)
    while True:
        while len(left) < TOGETHER * size:
            left = torch.cat([left, torch.randperm(len(lengths), generator=rng)])
        pool, left = left[: TOGETHER * size], left[TOGETHER * size :]
        batches = pool[lengths[pool].argsort(stable=True)].split(size)
        for number in torch.randperm(TOGETHER, generator=rng).tolist():
            yield from ranks.share(batches[number]).chunk(config["grad_accum"])
