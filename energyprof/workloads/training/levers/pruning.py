"""Pruning before a training: channels that really go, or masks that only hide weights.

``channels`` takes whole channels out of the network with torch-pruning's dependency graph (Fang et al., 2023,
arXiv:2301.12900), those of the smallest magnitude first, so that layers become narrow. ``mask`` sets the
smallest weights to zero with ``torch.nn.utils.prune``: every product with them is still computed, so it
saves nothing that could be measured; it is there to be compared with.
"""

import dataclasses
import hashlib
import json
from math import gcd
from typing import Any, Dict, Iterator, List, Tuple

from energyprof.workload import Plan, WorkloadError
from energyprof.workloads.training import device as torch_side
from energyprof.workloads.training import forward

SOURCES = (__file__, forward.__file__)
# Widths that are no multiple of this take as long as the wider ones that are: 0.77 of a U-Net's time is left
# at a third less of its channels, 0.59 where they are rounded.
MULTIPLE = 8
MOST_GROUPS = 64  # a norm of more is one of single channels


def turn(task: Any, plan: Plan, device: Any, seed: int) -> Any:
    """The task with a pruned model, and an optimiser that knows its weights.

    Raises:
        WorkloadError: torch-pruning is not here, or cannot follow this network.
    """
    share, model = plan.config["prune"], task.model
    before = _count(model)
    if plan.config.get("prune_kind") == "mask":
        zeros = _mask(model, share)
        return dataclasses.replace(task, facts={**task.facts, "pruned_by": "mask", "weights_masked": zeros})
    call = forward.captured(model, lambda: task.loss(model, next(task.batches)))
    _remove(model, call, share)
    if _count(model) == before:
        raise WorkloadError(
            "torch-pruning takes nothing out of this network: use a larger --prune, or --prune-kind mask"
        )
    model.zero_grad(set_to_none=True)
    learning_rate = plan.config["learning_rate"]
    return dataclasses.replace(
        task,
        optimiser=torch_side.adamw(
            (weight for weight in model.parameters() if weight.requires_grad), learning_rate, device
        ),
        facts={
            **task.facts,
            "pruned_by": "channels",
            "parameters_unpruned": before,
            "widths_sha256": _widths(model),
            "torch_pruning": getattr(torch_side.library("torch_pruning"), "__version__", "?"),
        },
    )


def _count(model: Any) -> int:
    return sum(weight.numel() for weight in model.parameters())


def _widths(model: Any) -> str:
    """SHA-256 over the names and shapes of all weights: what is left of each layer."""
    shapes = [(name, list(weight.shape)) for name, weight in model.named_parameters()]
    return hashlib.sha256(json.dumps(shapes).encode()).hexdigest()


def _layers(model: Any) -> Iterator[Any]:
    """What multiplies: the convolutions and linear layers."""
    import torch

    kinds = (torch.nn.modules.conv._ConvNd, torch.nn.Linear)
    return (module for module in model.modules() if isinstance(module, kinds))


def _mask(model: Any, share: float) -> int:
    """Zero the smallest weights of each layer and keep them so; how many."""
    prune = torch_side.library("torch.nn.utils.prune")
    zeros = 0
    for layer in _layers(model):
        prune.l1_unstructured(layer, "weight", amount=share)
        zeros += int((layer.weight_mask == 0).sum())
        layer.register_forward_hook(_without_history)
        _without_history(layer)
    return zeros


def _without_history(layer: Any, *_: Any) -> None:
    """Each pass makes the masked weight anew; one with a history could not be copied for the averages."""
    layer.weight = layer.weight.detach()


def _remove(model: Any, call: forward.Call, share: float) -> None:
    pruning = torch_side.library("torch_pruning")
    heads, attentions = _heads(model)
    call = call.of(min(call.items, 2))
    undo = _traceable(model)
    training = model.training
    model.eval()
    try:
        width = _width(first_tensor(model(*call.args, **call.kwargs)))
        pruner = pruning.pruner.BasePruner(
            model,
            call,
            importance=pruning.importance.GroupMagnitudeImportance(p=2),
            pruning_ratio=share,
            ignored_layers=_kept(model, width),
            round_to=_multiple(model),
            num_heads=heads,
            prune_head_dims=not attentions,
            forward_fn=lambda network, one: network(*one.args, **one.kwargs),
            output_transform=lambda out: first_tensor(out).sum(),
        )
        pruner.step()
        _told_again(model)
        undo()
        model(*call.args, **call.kwargs)
    except Exception as error:
        said = (str(error).splitlines() or [""])[0][:80]
        raise WorkloadError(
            f"torch-pruning cannot follow this network ({type(error).__name__}: {said}): "
            "do without --prune, or use --prune-kind mask"
        ) from error
    finally:
        model.train(training)


def first_tensor(out: Any) -> Any:
    """The tensor of a network's result, whatever holds it."""
    if hasattr(out, "logits"):
        return out.logits
    if hasattr(out, "sample") and not callable(out.sample):
        return out.sample
    return out[0] if isinstance(out, (tuple, list)) else out


def _width(result: Any) -> int:
    """How many scores a network gives: of sequences (n, length, scores) by the last dimension."""
    return int(result.shape[-1 if result.dim() == 3 else 1])


def _kept(model: Any, width: int) -> List[Any]:
    """The layers that stay whole: those whose output is as wide as the network's, and embeddings."""
    import torch

    sizes = (
        (layer, getattr(layer, "out_channels", getattr(layer, "out_features", 0))) for layer in _layers(model)
    )
    kept = [layer for layer, size in sizes if size == width]
    return kept + [module for module in model.modules() if isinstance(module, torch.nn.Embedding)]


def _multiple(model: Any) -> int:
    """To what widths are rounded: every group of a GroupNorm keeps as many channels."""
    import torch

    groups = [module.num_groups for module in model.modules() if isinstance(module, torch.nn.GroupNorm)]
    multiple = MULTIPLE
    for count in groups:
        if count <= MOST_GROUPS:
            multiple = multiple * count // gcd(multiple, count)
    return multiple


def _heads(model: Any) -> Tuple[Dict[Any, int], bool]:
    """The layers that make queries, keys and values with their heads, and whether heads go whole."""
    heads: Dict[Any, int] = {}
    whole = False
    for module in model.modules():
        if hasattr(module, "query") and hasattr(module, "num_attention_heads"):
            count, names, whole = module.num_attention_heads, ("query", "key", "value"), True
        elif hasattr(module, "to_q") and hasattr(module, "heads"):
            count, names = module.heads, ("to_q", "to_k", "to_v")
        else:
            continue
        heads.update({getattr(module, name): count for name in names})
    return heads, whole


def _traceable(model: Any) -> Any:
    """Put a ReLU for each PReLU, whose one weight hides the width; what puts them back."""
    import torch

    found = [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if isinstance(child, torch.nn.PReLU) and child.num_parameters == 1
    ]
    for parent, name, _ in found:
        setattr(parent, name, torch.nn.ReLU())

    def undo() -> None:
        for parent, name, child in found:
            setattr(parent, name, child)

    return undo


def _told_again(model: Any) -> None:
    """Tell modules that keep their widths as numbers what these are now."""
    for module in model.modules():
        if hasattr(module, "query") and hasattr(module, "num_attention_heads"):
            size = module.query.out_features
            module.all_head_size = size
            module.attention_head_size = size // module.num_attention_heads
        elif type(module).__name__ in ("Downsample2D", "Upsample2D"):
            layer = getattr(module, "conv", None)
            if layer is not None:
                module.channels, module.out_channels = layer.in_channels, layer.out_channels
