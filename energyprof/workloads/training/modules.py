"""What each block of the network takes in a step, run alone with the inputs that it gets in one.

A block's forward and backward pass are repeated on what it was given in a step of the training, with a
gradient of ones; so is the whole network's first, which the blocks should add up to. A block that is called
more than once in a step is measured by its first call, as often as it is called.
"""

import time
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Tuple

from energyprof.workload import Event, Facts, Mark, Trained
from energyprof.workloads.training import blocks, forward, ranks, used
from energyprof.workloads.training import device as torch_side

PREFIX = "part:module:"
WHOLE = "network"
WARM_CALLS = 3


class Inputs(NamedTuple):
    """What a block was given, and how often in one step."""

    block: blocks.Block
    args: Tuple[Any, ...]
    kwargs: Dict[str, Any]
    calls: int


def measured(trained: Trained, seconds: float) -> Iterator[Event]:
    """A phase for the network and for each of its blocks, ``seconds`` long; nothing if these are 0.

    Raises:
        WorkloadError: the device ran out of memory.
    """
    if not seconds:
        return
    model = trained.model.train()
    whole = forward.captured(model, lambda: trained.loss(model))
    with torch_side.one_line(trained.device, whole.items):
        found = _inputs(trained, whole)
        yield Facts({"blocks_measured": [inputs.block.name for inputs in found]})
        network = Inputs(blocks.Block(WHOLE, model), whole.args, whole.kwargs, 1)
        done = trained.samples
        for inputs in (network, *found):
            run = _both_ways(trained, inputs)
            for _ in range(WARM_CALLS):
                run()
            torch_side.synchronise(trained.device)
            yield Mark(PREFIX + inputs.block.name, done)
            ends_s = time.monotonic() + seconds
            while ranks.from_rank0(time.monotonic() < ends_s, trained.device):
                for _ in range(inputs.calls):
                    run()
                done += whole.items * ranks.world()
            torch_side.synchronise(trained.device)
            yield Mark("part:module:end", done)
        model.zero_grad(set_to_none=True)


def _inputs(trained: Trained, whole: forward.Call) -> List[Inputs]:
    """What the blocks are given in a step, in the order of their first calls.

    Those that only read what they put out before take nothing in it.
    """
    seen: Dict[str, Inputs] = {}

    def look(block: blocks.Block) -> Callable[..., None]:
        def hook(_: Any, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> None:
            before = seen.get(block.name)
            if before is None:
                seen[block.name] = Inputs(block, _leaves(args), _leaves(kwargs), 1)
            else:
                seen[block.name] = before._replace(calls=before.calls + 1)

        return hook

    found = [block for block in blocks.blocks(trained.model) if not used.reads(block.module)]
    handles = [block.module.register_forward_pre_hook(look(block), with_kwargs=True) for block in found]
    try:
        with torch_side.autocast(trained.device, trained.precision):
            trained.model(*whole.args, **whole.kwargs)
    finally:
        for handle in handles:
            handle.remove()
    return list(seen.values())


def _leaves(value: Any) -> Any:
    """Copies without a history; what had one gets a gradient, as in a step."""
    import torch

    if torch.is_tensor(value):
        return value.detach().clone().requires_grad_(value.requires_grad)
    if isinstance(value, dict):
        return {name: _leaves(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(_leaves(part) for part in value)
    return value


def _both_ways(trained: Trained, inputs: Inputs) -> Callable[[], None]:
    """The block's forward pass and, where anything in it learns, the backward one."""
    import torch

    def run() -> None:
        for weight in inputs.block.module.parameters():
            weight.grad = None
        with torch_side.autocast(trained.device, trained.precision):
            out = inputs.block.module(*inputs.args, **inputs.kwargs)
        ends = [tensor for tensor in _outputs(out) if tensor.requires_grad]
        if ends:
            torch.autograd.backward(ends, [torch.ones_like(tensor) for tensor in ends])

    return run


def _outputs(out: Any) -> List[Any]:
    import torch

    if torch.is_tensor(out):
        return [out]
    parts = list(out.values()) if hasattr(out, "values") and callable(out.values) else out
    parts = parts if isinstance(parts, (list, tuple)) else ()
    return [tensor for part in parts for tensor in _outputs(part)]
