"""What a model is: parameters, operations in a sample, bytes in use; counted, not guessed."""

import resource
from typing import Any, Callable, Dict, Optional

from energyprof.workloads.training.device import flop_counter
from energyprof.workloads.training.tensors import items_in


def model_facts(model: Any, loss: Callable[[Any], Any], batch: Any) -> Dict[str, Any]:
    """Parameters and their bytes, and the operations of a forward and backward pass through one sample.

    ``flops_per_sample`` are two for each multiplication and addition of a matrix product, a convolution or an
    attention, as torch counts them while one micro-batch is computed; ``None`` before torch 2.1.
    """
    weights = list(model.parameters())
    trained = [weight for weight in weights if weight.requires_grad]
    return {
        "parameters": sum(weight.numel() for weight in weights),
        "parameters_trained": sum(weight.numel() for weight in trained),
        "parameter_bytes": sum(weight.numel() * weight.element_size() for weight in weights),
        "flops_per_sample": _flops_per_sample(model, loss, batch),
    }


def bytes_in_use(optimiser: Any, device: Any) -> Dict[str, Any]:
    """Bytes of the optimiser's state, and the most memory this process had taken so far."""
    import torch

    states = [value for state in optimiser.state.values() for value in state.values()]
    tensors = [value for value in states if torch.is_tensor(value)]
    peak = {"peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
    if device.type == "cuda":
        peak["peak_gpu_bytes"] = torch.cuda.max_memory_allocated(device)
    return {
        "optimiser_bytes": sum(tensor.numel() * tensor.element_size() for tensor in tensors),
        **peak,
    }


def _flops_per_sample(model: Any, loss: Callable[[Any], Any], batch: Any) -> Optional[int]:
    counter = flop_counter()
    if counter is None:
        return None
    with counter:
        loss(batch).backward()
    model.zero_grad(set_to_none=True)
    return round(int(counter.get_total_flops()) / items_in(batch))
