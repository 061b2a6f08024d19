"""What segments the brain slices without a network: by position, by intensity, by both.

Each is fitted to corrupted training slices and scored on the network's own validation set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from energyprof.workload import WorkloadError
from energyprof.workloads.data import mni, tissues

COPIES = 16  # corruptions of each training slice that the methods are fitted to
BINS = 32  # of intensity, equally filled


def trivial_scores(config: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The methods that need no network, by name, and their scores on the validation set."""
    import torch

    if "corruption" not in config:
        raise WorkloadError("only the packaged slices have baselines: use --size tiny or base")
    slices, labels = tissues.training_set(config)
    rng = torch.Generator().manual_seed(0)
    copies = (COPIES, 1, 1, 1)
    seen, truth = tissues.corrupt(slices.repeat(copies), labels.repeat(copies), config["corruption"], rng)
    new, expected = tissues.validation_set(config)
    prior = truth.mean(dim=0, keepdim=True)  # (1, 5, x, y): how often each tissue lies where
    everywhere = prior.mean(dim=(2, 3), keepdim=True).expand(len(new), *prior.shape[1:])

    yield "majority class", dice(everywhere, expected)
    yield "position prior", dice(prior.expand_as(everywhere), expected)
    for how, fit_to, apply_to in (
        ("", seen, new),
        (", polarity undone by the corners' brightness", upright(seen), upright(new)),
    ):
        yield "intensity windows + midline" + how, dice(windows(fit_to, truth, apply_to), expected)
        likely = likelihood(fit_to, truth, apply_to)
        yield "position prior × intensity" + how, dice(likely * prior, expected)


def dice(scores: Any, expected: Any) -> float:
    """Mean Dice of the tissues when each voxel takes the class of the highest of ``scores`` (n, 5, x, y)."""
    from monai.metrics import DiceMetric

    metric = DiceMetric(include_background=False, reduction="mean")
    metric(tissues.one_hot(scores.argmax(dim=1, keepdim=True)), expected)
    return float(metric.aggregate().item())


def upright(slices: Any) -> Any:
    """Slices (n, 1, x, y) turned so that their corners, which are outside the head, are dark."""
    corners = (
        slices[:, :, :6, :6],
        slices[:, :, :6, -6:],
        slices[:, :, -6:, :6],
        slices[:, :, -6:, -6:],
    )
    bright = sum(corner.mean(dim=(2, 3), keepdim=True) for corner in corners) > 0
    return slices.where(~bright, -slices)


def edges(slices: Any) -> Any:
    """Intensities (BINS - 1,) that part the slices' voxels into equally many."""
    import torch

    values = slices.flatten().sort().values
    return values[torch.arange(1, BINS) * len(values) // BINS].contiguous()


def windows(fit_to: Any, truth: Any, apply_to: Any) -> Any:
    """Scores (n, 5, x, y): in the window of intensities with the best Dice for a tissue, and on its side."""
    import torch

    parts = edges(fit_to)
    bins = torch.bucketize(fit_to, parts)
    new_bins = torch.bucketize(apply_to, parts)
    half = apply_to.shape[2] // 2
    scores = torch.full((len(apply_to), *truth.shape[1:]), -1.0)
    scores[:, 0] = 0
    for left, right in ((1, 2), (3, 4)):
        tissue = (truth[:, left] + truth[:, right]).flatten() > 0
        inside = torch.bincount(bins.flatten()[tissue], minlength=BINS)
        total = torch.bincount(bins.flatten(), minlength=BINS)
        best, low, high = max(
            (float(2 * inside[a:b].sum() / (total[a:b].sum() + inside.sum())), a, b)
            for a in range(BINS)
            for b in range(a + 1, BINS + 1)
        )
        within = ((new_bins >= low) & (new_bins < high))[:, 0]
        scores[:, left, :half] = torch.where(within[:, :half], best, -1.0)
        scores[:, right, half:] = torch.where(within[:, half:], best, -1.0)
    return scores


def likelihood(fit_to: Any, truth: Any, apply_to: Any) -> Any:
    """P(intensity | class) (n, 5, x, y), from histograms."""
    import torch

    parts = edges(fit_to)
    bins = torch.bucketize(fit_to, parts)[:, 0]
    counts = torch.stack(
        [torch.bincount(bins[truth[:, c] > 0], minlength=BINS) for c in range(len(mni.LABELS))]
    )
    table = (counts + 1) / (counts + 1).sum(dim=1, keepdim=True)
    return table[:, torch.bucketize(apply_to, parts)[:, 0]].movedim(0, 1)
