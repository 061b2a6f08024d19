"""The trained network with its linear layers in 8-bit integers, for inference alone.

On a processor torch's own dynamic quantisation: weights once, activations as they come. On a GPU torchao's.
Convolutions stay as they are.
"""

import copy
import functools
import warnings
from typing import Any, Callable, Dict, Tuple

from energyprof.workload import WorkloadError
from energyprof.workloads.training import device as torch_side

INT8 = "int8"


def quantised(model: Any, device: Any) -> Any:
    """A copy of ``model`` that computes its linear layers in 8 bits, and on a processor all else in 32.

    Adapters and masks are in its layers.

    Raises:
        WorkloadError: it has none, or torch or torchao cannot quantise them.
    """
    torch = torch_side.library("torch")
    made = _whole(model).eval()
    layers = sum(isinstance(layer, torch.nn.Linear) for layer in made.modules())
    if not layers and _in_integers(made):
        return _in_fp32(made) if device.type == "cpu" else made
    if not layers:
        raise WorkloadError(
            "the network has no linear layers: int8 would change nothing, leave out --quantise"
        )
    try:
        return _BY_DEVICE[device.type](made)
    except (RuntimeError, NotImplementedError, AssertionError, ImportError) as error:
        said = (str(error).splitlines() or ["?"])[0][:100]
        raise WorkloadError(f"int8 is not possible on {device} ({said}): leave out --quantise") from error


def share(model: Any, made: Any) -> Dict[str, int]:
    """How many of the network's layers with weights are in 8 bits in what was ``made`` of it."""
    torch = torch_side.library("torch")
    kinds: Tuple[Any, ...] = (torch.nn.Linear, torch.nn.modules.conv._ConvNd)
    layers = [layer for layer in _whole(model).modules() if isinstance(layer, kinds)]
    linear = sum(isinstance(layer, torch.nn.Linear) for layer in layers)
    return {"layers_int8": linear + _in_integers(made), "layers_with_weights": len(layers)}


def _whole(model: Any) -> Any:
    """A copy whose layers hold what a training hung on them: adapters (``--lora``), masks of zeros."""
    pruning = torch_side.library("torch.nn.utils.prune")
    made = copy.deepcopy(model)
    made = made.merge_and_unload() if hasattr(made, "merge_and_unload") else made
    for layer in made.modules():
        for hook in list(layer._forward_pre_hooks.values()):
            if isinstance(hook, pruning.BasePruningMethod):
                layer._forward_hooks.clear()  # of the mask, too
                pruning.remove(layer, hook._tensor_name)
    return made


def _in_integers(model: Any) -> int:
    """How many convolutions compute in 8 bits: those that were rounded in training (``--qat``)."""
    quantized = torch_side.library("torch.ao.nn.quantized")
    kinds = (quantized.Conv2d, quantized.Conv3d)
    return sum(isinstance(layer, kinds) for layer in model.modules())


def _on_processor(model: Any) -> Any:
    torch = torch_side.library("torch")
    with warnings.catch_warnings():
        # It has been said to go for years, torch 2.13 still has it, and nothing else pays on a processor.
        warnings.simplefilter("ignore")
        made = torch_side.library("torch.ao.quantization").quantize_dynamic(
            model, {torch.nn.Linear}, dtype=torch.qint8
        )
    return _in_fp32(made)


def _in_fp32(model: Any) -> Any:
    """The model outside of any autocast: on a processor what computes in 8 bits takes and gives 32."""
    model.forward = functools.partial(_uncast, model.forward)
    return model


def _uncast(forward: Any, *args: Any, **kwargs: Any) -> Any:
    with torch_side.library("torch").autocast("cpu", enabled=False):
        return forward(*args, **kwargs)


def _on_gpu(model: Any) -> Any:
    torchao = torch_side.library("torchao.quantization")
    torchao.quantize_(model, torchao.Int8DynamicActivationInt8WeightConfig())
    return model


_BY_DEVICE: Dict[str, Callable[[Any], Any]] = {"cpu": _on_processor, "cuda": _on_gpu}
