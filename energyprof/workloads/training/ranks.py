"""The processes that train together, as torchrun starts them; alone, a process is rank 0 of 1."""

import multiprocessing
import os
import sys
from typing import Any, List, Optional, Sequence

from energyprof.workloads.training.device import library


def rank() -> int:
    """This process's number, from 0."""
    return int(os.environ.get("RANK", "0"))


def world() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def join(device: Any) -> None:
    """Meet the other processes; alone there is nobody to meet, and torch may be built without it."""
    if world() > 1:
        distributed = library("torch.distributed")
        if not distributed.is_initialized():
            distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")


def leave() -> None:
    """Part from the others."""
    if world() > 1 and library("torch.distributed").is_initialized():
        library("torch.distributed").destroy_process_group()


def end(code: int) -> None:
    """End this process, which has nothing left to do.

    One of several ends at once. If it took the interpreter apart first, a thread of torch's that asks for it
    meanwhile would abort the process: about one run in thirty with torch 2.0 and 2.1.
    """
    if world() > 1:
        for loads_data in multiprocessing.active_children():
            loads_data.terminate()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def summed(values: Sequence[float], device: Any) -> List[float]:
    """Each value's sum over all processes, the same in each."""
    if world() == 1:
        return list(values)
    torch = library("torch")
    sums = torch.tensor(values, dtype=torch.float64, device=device)
    library("torch.distributed").all_reduce(sums)
    return [float(value) for value in sums.tolist()]


def from_rank0(opinion: bool, device: Any) -> bool:
    """What rank 0 thinks: time passes a little differently for each."""
    if world() == 1:
        return opinion
    torch = library("torch")
    flag = torch.tensor([int(opinion)], device=device)
    library("torch.distributed").broadcast(flag, src=0)
    return bool(flag.item())


def share(indices: Any) -> Any:
    """This process's part of what all have to do; every index is somebody's."""
    return indices[rank() :: world()]


def worker_count(asked: Optional[int]) -> int:
    """How many processes load data beside this one: as asked, or up to 4 of its share of the processor."""
    if asked is not None:
        return asked
    there = len(os.sched_getaffinity(0)) // world()
    return max(1, min(4, there))


def parallel(model: Any, device: Any) -> Any:
    """``model`` with gradients averaged over all processes."""
    if world() == 1:
        return model
    wrap = library("torch.nn.parallel").DistributedDataParallel
    return wrap(model, device_ids=[device.index] if device.type == "cuda" else None)
