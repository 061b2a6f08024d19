"""2:4 sparsity: of four neighbouring weights of a linear layer the two smallest are zero, and stay so.

Before the training, once, as Mishra et al. do it (2021, arXiv:2104.08378). Training multiplies with the zeros
as with any number. Inference leaves them out where there is hardware for it, a GPU of compute capability 8.0
or more, in bf16 or fp16; on any other machine nothing is saved, and nothing is said to be.
"""

import copy
import dataclasses
from typing import Any, List

from energyprof.workload import Plan, WorkloadError
from energyprof.workloads.training import device as torch_side
from energyprof.workloads.training import forward
from energyprof.workloads.training.levers import pruning

SOURCES = (__file__, pruning.__file__, forward.__file__)
GROUP, ZEROS = 4, 2
CAPABILITY = (8, 0)
# What the kernels ask of a layer's widths in 16 bits: rows and columns (torch.sparse, CUTLASS' tiles).
ROWS, COLUMNS = 32, 64
LOW = {"bf16": "bfloat16", "fp16": "float16"}


def turn(task: Any, plan: Plan, device: Any, seed: int) -> Any:
    """The task whose linear layers have two zeros among four neighbouring weights.

    Raises:
        WorkloadError: the model has no linear layer whose width is a multiple of four.
    """
    prune = torch_side.library("torch.nn.utils.prune")
    layers = _layers(task.model)
    if not layers:
        raise WorkloadError("the network has no linear layers of a width that 2:4 fits: leave --sparsity out")
    zeros = 0
    for layer in layers:
        prune.custom_from_mask(layer, "weight", mask(layer.weight))
        zeros += int((layer.weight_mask == 0).sum())
        layer.register_forward_hook(pruning._without_history)
        pruning._without_history(layer)
    facts = {
        "weights_masked": zeros,
        "layers_sparse": len(layers),
        "zeros_left_out": in_hardware(device, plan.config["precision"]),
    }
    return dataclasses.replace(task, facts={**task.facts, **facts})


def mask(weight: Any) -> Any:
    """1 where a weight (out, in) is among the two larger of its four, else 0."""
    torch = torch_side.library("torch")
    groups = weight.detach().abs().reshape(weight.shape[0], -1, GROUP)
    smallest = groups.argsort(dim=2, stable=True)[..., :ZEROS]
    return torch.ones_like(groups).scatter_(2, smallest, 0.0).reshape(weight.shape)


def in_hardware(device: Any, precision: str) -> bool:
    """Whether a product on this device can leave the zeros out."""
    torch = torch_side.library("torch")
    if device.type != "cuda" or precision not in LOW or torch.version.hip:
        return False
    return bool(torch.cuda.get_device_capability(device) >= CAPABILITY)


def compressed(model: Any, precision: str) -> Any:
    """A copy of ``model`` in evaluation whose products leave the zeros out.

    Raises:
        WorkloadError: torch has no such products, or none for these layers.
    """
    torch = torch_side.library("torch")
    prune = torch_side.library("torch.nn.utils.prune")
    made = copy.deepcopy(model).eval()
    fitting = 0
    for layer in _layers(made, masked=True):
        layer._forward_hooks.clear()
        prune.remove(layer, "weight")
        rows, columns = layer.weight.shape
        if rows % ROWS or columns % COLUMNS:
            continue
        weight = layer.weight.detach().to(getattr(torch, LOW[precision]))
        try:
            kept = torch_side.library("torch.sparse").to_sparse_semi_structured(weight)
        except (AttributeError, RuntimeError) as error:
            said = (str(error).splitlines() or ["?"])[0][:100]
            raise WorkloadError(f"2:4 is not possible here ({said}): leave --sparsity out") from error
        layer.weight = torch.nn.Parameter(kept, requires_grad=False)
        fitting += 1
    if not fitting:
        raise WorkloadError(
            f"no linear layer has {ROWS} × n rows and {COLUMNS} × m columns, as 2:4 products take: "
            "leave --inference or --sparsity out"
        )
    return made


def _layers(model: Any, masked: bool = False) -> List[Any]:
    torch = torch_side.library("torch")
    linear = [layer for layer in model.modules() if isinstance(layer, torch.nn.Linear)]
    return [
        layer
        for layer in linear
        if layer.in_features % GROUP == 0 and (not masked or hasattr(layer, "weight_mask"))
    ]
