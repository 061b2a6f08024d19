"""The task: tissues by hemisphere in slices damaged as scanners and patients do it, seeded."""

import math
from typing import Any, List, Mapping, Tuple

from energyprof.workloads.data import mni
from energyprof.workloads.training import order


def training_set(config: Mapping[str, Any]) -> List[Any]:
    """Clean slices and labels, both (n, 1, x, y) float32; a fraction takes evenly spaced ones."""
    slices, labels = _tensors(config["train_slabs_mm"], config["voxel_mm"])
    spaced = order.evenly(len(slices), config["data_fraction"])
    return [slices[spaced], labels[spaced]]


def validation_set(config: Mapping[str, Any]) -> Tuple[Any, Any]:
    """Corrupted slices (n, 1, x, y) and truth (n, 5, x, y), drawn on the CPU: the same on every device."""
    slices, labels = _tensors(config["validation_slabs_mm"], config["voxel_mm"])
    return held_out(slices, labels, config)


def held_out(slices: Any, labels: Any, config: Mapping[str, Any]) -> Tuple[Any, Any]:
    """The same of these clean slices and labels, both (n, 1, x, y) float32 on the CPU."""
    import torch

    copies = (config["validation_copies"], 1, 1, 1)
    return corrupt(
        slices.repeat(copies),
        labels.repeat(copies),
        config["corruption"],
        torch.Generator().manual_seed(config["validation_seed"]),
    )


def _tensors(slabs_mm: Any, voxel_mm: int) -> List[Any]:
    import torch

    arrays = mni.slices(slabs_mm, voxel_mm)
    return [torch.from_numpy(array).float().unsqueeze(1) for array in arrays]


def corrupt(slices: Any, labels: Any, ranges: Mapping[str, float], rng: Any) -> Tuple[Any, Any]:
    """Slices with mean 0 and deviation 1 each (n, 1, x, y), and their truth moved along (n, 5, x, y).

    Every draw comes from ``rng``, on the device of the slices; nothing waits for that device.

    Args:
        slices: (n, 1, x, y), 0…1.
        labels: (n, 1, x, y), whole numbers as float32.
        ranges: how far each kind of damage goes, ± around none; ``inverted`` is a share of the slices,
            ``noise`` a standard deviation.
        chance: a ``torch.Generator``.
    """
    import torch
    from torch.nn import functional

    n, _, x, y = slices.shape

    def draw(*shape: int) -> Any:
        """Uniform in -1…1, (n, *shape)."""
        return 2 * torch.rand(n, *shape, generator=rng, device=slices.device) - 1

    angle = math.radians(ranges["rotation_deg"]) * draw()
    scale = torch.exp(ranges["log_scale"] * draw())
    cos, sin = scale * torch.cos(angle), scale * torch.sin(angle)
    shift = 2 * ranges["shift"] * draw(2)  # affine_grid counts a side as 2, hence also x / y: not square
    rows = [cos, -sin * x / y, shift[:, 0], sin * y / x, cos, shift[:, 1]]
    affine = torch.stack(rows, dim=1).view(n, 2, 3)
    grid = functional.affine_grid(affine, list(slices.shape), align_corners=False)
    moved = functional.grid_sample(slices, grid, align_corners=False).clamp(0, 1)
    truth = functional.grid_sample(labels, grid, mode="nearest", align_corners=False)

    bent = moved ** torch.exp(ranges["log_gamma"] * draw(1, 1, 1))
    inverted = draw(1, 1, 1) < 2 * ranges["inverted"] - 1
    contrast = torch.where(inverted, 1 - bent, bent)
    knots = ranges["log_bias"] * draw(1, 4, 4)
    shade = functional.interpolate(knots, size=(x, y), mode="bicubic", align_corners=True)
    noise = torch.randn(slices.shape, generator=rng, device=slices.device)
    seen = contrast * torch.exp(shade) + ranges["noise"] * noise

    mean = seen.mean(dim=(2, 3), keepdim=True)
    deviation = seen.std(dim=(2, 3), keepdim=True)
    return (seen - mean) / deviation, one_hot(truth)


def one_hot(labels: Any) -> Any:
    """Labels (n, 1, x, y) as (n, 5, x, y) float32."""
    import torch

    return (labels == torch.arange(len(mni.LABELS), device=labels.device).view(1, -1, 1, 1)).float()
