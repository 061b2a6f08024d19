"""What predicts the noise in latents without a network: linear methods, each the best one of its kind.

Of Gaussian latents with mean μ and covariance C the best guess of the noise, in the mean squared error, is
σ (α² C + σ² I)⁻¹ (noisy − α μ): Wiener's filter, one for each timestep. The methods differ in what they take
for μ and C, found on the training latents as training sees them, cropped and mirrored, and are scored on the
network's own validation set, with its noise and timesteps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from energyprof.workload import Plan, Target, WorkloadError
from energyprof.workloads import denoising, stable_diffusion
from energyprof.workloads.data import captioned, mni
from energyprof.workloads.training import loop

COPIES = 16  # views of each training slice that the methods are fitted to
SHARES = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)  # of the stationary covariance in a mixture


def trivial_scores(config: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The methods that need no network, by name, and their scores on the validation set."""
    import torch

    if config["model"] != stable_diffusion.TINY or config["data"] != mni.NAME:
        raise WorkloadError("only the packaged slices and models have baselines: use --size tiny")
    torch.set_grad_enabled(False)
    workload = denoising.Denoising(
        Plan("diffusion", "tiny", config, Target("validation_loss", 1.0, "min"), 1)
    )
    workload.prepare()
    kinds, size = training_latents(workload)
    every = torch.cat(kinds)
    mean, none = every.mean(dim=0), torch.zeros_like(every[0])
    variance = every.square().mean() * torch.eye(len(mean), dtype=mean.dtype)
    everywhere = stationary(every - mean, size)
    places = torch.diag((every - mean).square().mean(dim=0))

    yield "no noise", score(workload, [(none, 0 * variance)], 0.0)
    yield "a share of the noisy latents", score(workload, [(none, variance)])
    yield "mean and variance of each place", score(workload, [(mean, places)])
    yield "each frequency by itself", score(workload, [(mean, everywhere)])
    yield "covariance", score(workload, [(mean, covariance(every - mean))])
    yield (
        "covariance, mixed with the stationary one as suits the validation set best",
        min(score(workload, [mixed(every, size, share)]) for share in SHARES),
    )
    yield (
        "the same for each kind of image by itself",
        min(score(workload, [mixed(kind, size, share) for kind in kinds]) for share in SHARES),
    )


def training_latents(workload: denoising.Denoising) -> tuple[list[Any], tuple[int, ...]]:
    """Flat latents (n, c·h·w) float64 of each kind of image, and (c, h, w)."""
    import torch

    rng = loop.rng(0, "cpu")
    each = len(workload.training) // len(captioned.KINDS)
    found = []
    for kind in range(len(captioned.KINDS)):
        rows = torch.arange(kind * each, (kind + 1) * each)
        picks = ((rows, torch.rand(len(rows), 3, generator=rng)) for _ in range(COPIES))
        batches = workload.training.batches(picks)
        found.append(torch.cat([workload.models.encoded(*batch, None)[0] for batch in batches]))
    return [latents.flatten(1).double() for latents in found], tuple(found[0].shape[1:])


def covariance(centred: Any) -> Any:
    """(d, d) of latents (n, d) without their mean."""
    return centred.T @ centred / len(centred)


def stationary(centred: Any, size: tuple[int, ...]) -> Any:
    """The covariance (d, d) that depends on two places' distance alone, going round at the edges."""
    import torch

    c, h, w = size
    waves = torch.fft.fft2(centred.view(-1, c, h, w), norm="ortho")
    spectrum = torch.einsum("nahw,nbhw->abhw", waves, waves.conj()) / len(centred)
    by_shift = torch.fft.ifft2(spectrum).real
    place = torch.arange(h * w)
    y, x = place // w, place % w
    pairs = by_shift[:, :, (y[:, None] - y) % h, (x[:, None] - x) % w]
    return pairs.permute(0, 2, 1, 3).reshape(c * h * w, c * h * w)


def mixed(latents: Any, size: tuple[int, ...], share: float) -> tuple[Any, Any]:
    """Mean and covariance, ``share`` of the latter stationary."""
    mean = latents.mean(dim=0)
    centred = latents - mean
    return mean, (1 - share) * covariance(centred) + share * stationary(centred, size)


def score(workload: denoising.Denoising, gaussians: list[tuple[Any, Any]], gain: float = 1.0) -> float:
    """The validation loss of Wiener's filters, one for the mean and covariance of each kind of image."""
    import torch

    noisy, _, _, noise, kept = (torch.cat(parts).double() for parts in zip(*workload.validation, strict=True))
    lost = []
    thirds = zip(*(part.flatten(1).chunk(len(gaussians)) for part in (noisy, noise, kept)), strict=True)
    for (mean, covariance), (seen, truth, kept) in zip(gaussians, thirds, strict=True):
        variances, axes = torch.linalg.eigh(covariance)
        along = (seen - kept.sqrt() * mean) @ axes / (kept * variances.clamp(min=0) + 1 - kept)
        guess = gain * (1 - kept).sqrt() * (along @ axes.T)
        lost.append((guess - truth).square().mean(dim=1))
    return float(torch.cat(lost).mean())
