"""Quantisation-aware training: weights and activations are rounded in training as 8-bit integers are later.

The gradient goes past the rounding (Jacob et al., 2018, arXiv:1712.05877). Linear layers are torchao's, and
scale activations token by token as they come. Of convolutions torchao rounds only those of an exported graph,
which is bound to one batch size: these are torch's own (``torch.ao``), scaled by running averages. Neither
has transposed convolutions: they stay in floats, as does all that lies between the layers.
"""

import copy
import dataclasses
import functools
from typing import Any, Dict, Iterator, List, Tuple

from energyprof.workload import Plan, WorkloadError
from energyprof.workloads.training import device as torch_side

SOURCES = (__file__,)
# How much a batch moves the running range of an activation.
MOVES = 0.01


def turn(task: Any, plan: Plan, device: Any, seed: int) -> Any:
    """The task whose model rounds in linear layers and convolutions; the weights stay the same objects.

    Raises:
        WorkloadError: the model has neither, or torchao is not here.
    """
    model = task.model
    linear, convolved = len(_linear(model)), len(list(_convolutions(model)))
    if not linear and not convolved:
        raise WorkloadError("the network has no layers that could be rounded: leave --qat out")
    if convolved and device.type != "cpu" and plan.settings.inference_s:
        raise WorkloadError(
            "convolutions in 8 bits compute on a CPU alone: leave --inference out, or use --device cpu"
        )
    if linear:
        _torchao("prepare", model)
    if convolved:
        _round_convolutions(model)
    facts = {"layers_rounded": linear + convolved, "layers_with_weights": len(_with_weights(model))}
    return dataclasses.replace(task, facts={**task.facts, **facts})


def plain(model: Any) -> Any:
    """A copy of ``model`` in evaluation that rounds nothing."""
    made = copy.deepcopy(model).eval()
    if _torchao_linear(made):
        _torchao("convert", made)
    for parent, name, wrapped in list(_rounded(made)):
        setattr(parent, name, wrapped.module.to_float())
    return made


def integers(model: Any) -> Any:
    """A copy of ``model`` in evaluation whose rounded convolutions compute in 8 bits, on a CPU.

    Its linear layers are plain ones again, ready to be quantised.
    """
    made = copy.deepcopy(model).eval()
    if _torchao_linear(made):
        _torchao("convert", made)
    if list(_rounded(made)):
        _quantization().convert(made, inplace=True)
    return made


def _with_weights(model: Any) -> List[Any]:
    torch = torch_side.library("torch")
    kinds: Tuple[Any, ...] = (torch.nn.Linear, torch.nn.modules.conv._ConvNd)
    return [layer for layer in model.modules() if isinstance(layer, kinds)]


def _linear(model: Any) -> List[Any]:
    torch = torch_side.library("torch")
    return [layer for layer in model.modules() if isinstance(layer, torch.nn.Linear)]


def _torchao_linear(model: Any) -> bool:
    """Whether torchao rounds some of its layers."""
    return any(hasattr(layer, "weight_fake_quantizer") for layer in model.modules())


def _torchao(step: str, model: Any) -> None:
    torch = torch_side.library("torch")
    qat, quantization = (
        torch_side.library(name) for name in ("torchao.quantization.qat", "torchao.quantization")
    )
    if step == "convert":
        quantization.quantize_(model, qat.QATConfig(step=step))
        return
    # As inference does it: each token's activations by their own range, each output's weights by theirs.
    by_token = qat.IntxFakeQuantizeConfig(torch.int8, "per_token", is_symmetric=False)
    by_channel = qat.IntxFakeQuantizeConfig(torch.int8, "per_channel")
    quantization.quantize_(
        model, qat.QATConfig(activation_config=by_token, weight_config=by_channel, step=step)
    )


def _quantization() -> Any:
    return torch_side.library("torch.ao.quantization")


def _convolutions(model: Any) -> Iterator[Tuple[Any, str, Any]]:
    """Parent, name and layer of each convolution that can be rounded."""
    torch = torch_side.library("torch")
    for parent in model.modules():
        for name, child in parent.named_children():
            if type(child) in (torch.nn.Conv2d, torch.nn.Conv3d):
                yield parent, name, child


def _rounded(model: Any) -> Iterator[Tuple[Any, str, Any]]:
    """Parent, name and wrapper of each convolution that is."""
    wrapper = _quantization().QuantWrapper
    for parent in model.modules():
        for name, child in parent.named_children():
            if isinstance(child, wrapper):
                yield parent, name, child


def _round_convolutions(model: Any) -> None:
    quantization, torch = _quantization(), torch_side.library("torch")
    weight = quantization.FakeQuantize.with_args(
        observer=quantization.MovingAveragePerChannelMinMaxObserver,
        averaging_constant=1.0,  # the weights' range as it is now, those of averaged weights too
        quant_min=-128,
        quant_max=127,
        dtype=torch.qint8,
        qscheme=torch.per_channel_symmetric,
    )
    activation = _of_training().with_args(
        observer=quantization.MovingAverageMinMaxObserver,
        averaging_constant=MOVES,
        quant_min=0,
        quant_max=127,  # without VNNI two products of 8 bits would overflow their sum
        dtype=torch.quint8,
    )
    for parent, name, layer in list(_convolutions(model)):
        wrapped = quantization.QuantWrapper(layer)
        wrapped.qconfig = quantization.QConfig(activation=activation, weight=weight)
        setattr(parent, name, wrapped)
    training = model.training
    quantization.prepare_qat(model.train(), inplace=True)
    model.train(training)


@functools.lru_cache(maxsize=None)
def _of_training() -> Any:
    """A kind of rounding whose range follows what is trained on, and is one with that of all copies.

    Averaged weights are a copy of the model that only meets what it is scored on.
    """

    class OfTraining(_quantization().FakeQuantize):  # type: ignore[misc]
        def forward(self, given: Any) -> Any:
            self.observer_enabled[0] = int(self.training)
            return super().forward(given)

        def __deepcopy__(self, memo: Dict[int, Any]) -> Any:
            return self

    return OfTraining
