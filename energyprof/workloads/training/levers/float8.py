"""Training in 8-bit floats: the products of linear layers, on GPUs that have them.

torchao scales each tensor to its largest value (Micikevicius et al., 2022, arXiv:2209.05433). Convolutions
compute in bf16, as does all else.
"""

from typing import Any

from energyprof.workload import Plan, WorkloadError
from energyprof.workloads.training import device as torch_side

SOURCES = (__file__,)
MULTIPLE = 16  # of a layer's widths: what the units take


def turn(task: Any, plan: Plan, device: Any, seed: int) -> Any:
    """The task with its model's linear layers in 8 bits, on a device that can: ``device.set_up`` has seen.

    Raises:
        WorkloadError: torchao is not here, or the model has no layer that fits.
    """
    convert = torch_side.library("torchao.float8").convert_to_float8_training
    torch = torch_side.library("torch")

    def fits(layer: Any, _: str) -> bool:
        linear = isinstance(layer, torch.nn.Linear)
        return linear and layer.in_features % MULTIPLE == 0 and layer.out_features % MULTIPLE == 0

    if not any(fits(layer, "") for layer in task.model.modules()):
        raise WorkloadError("the model has no linear layers that fp8 could compute: use --precision bf16")
    convert(task.model, module_filter_fn=fits)
    return task
