"""Log-mel spectrograms: how loud a clip is in bands as wide as the ear's, frame by frame.

The mel scale is HTK's, 2595 · log10(1 + f / 700) (O'Shaughnessy, 1987, Speech Communication, p. 150).
"""

import math
from typing import Any, List, Mapping

FLOOR = 1e-8  # added to the power in a band: digital silence has a logarithm, too


def frames(samples: Any, features: Mapping[str, Any]) -> Any:
    """How many frames so many samples have: a whole number, or a tensor of them."""
    return 1 + samples // features["hop"]


def log_mel(waves: Any, lengths: Any, features: Mapping[str, Any]) -> Any:
    """Spectrograms (n, frames, bands) on the device of ``waves``.

    In each clip every band has mean 0 over the clip's frames, all bands together have deviation 1, and what
    lies behind the clip is 0.

    Args:
        waves: (n, samples), 0 from where a clip ends.
        lengths: (n,), in samples, on the CPU.
        features: ``rate_hz``; ``fft``, ``window``, ``hop`` in samples; ``bands``, ``low_hz``, ``high_hz``.
    """
    import torch

    window = torch.hann_window(features["window"], device=waves.device)
    spectrum = torch.stft(
        waves,
        features["fft"],
        features["hop"],
        features["window"],
        window,
        center=True,
        pad_mode="constant",
        return_complex=True,
    )
    power = spectrum.real**2 + spectrum.imag**2  # (n, fft / 2 + 1, frames)
    mel = torch.log(filters(features).to(waves.device) @ power + FLOOR).transpose(1, 2)
    counted = frames(lengths, features).to(waves.device, non_blocking=True)[:, None, None]
    inside = torch.arange(mel.shape[1], device=waves.device)[None, :, None] < counted
    mel = (mel - (mel * inside).sum(dim=1, keepdim=True) / counted) * inside
    spread = mel.pow(2).sum(dim=(1, 2), keepdim=True) / (counted * mel.shape[2])
    return mel / (spread.sqrt() + 1e-5)


def filters(features: Mapping[str, Any]) -> Any:
    """Weight of each frequency in each band, (bands, fft / 2 + 1): triangles that overlap by half."""
    import torch

    low, high = (_mel(features[key]) for key in ("low_hz", "high_hz"))
    count = features["bands"] + 2
    edges: List[float] = [_hz(low + (high - low) * i / (count - 1)) for i in range(count)]
    hz = torch.arange(features["fft"] // 2 + 1) * features["rate_hz"] / features["fft"]
    corner = torch.tensor(edges)
    rising = (hz[None, :] - corner[:-2, None]) / (corner[1:-1] - corner[:-2])[:, None]
    falling = (corner[2:, None] - hz[None, :]) / (corner[2:] - corner[1:-1])[:, None]
    return torch.minimum(rising, falling).clamp(min=0.0)


def _mel(hz: float) -> float:
    return 2595 * math.log10(1 + hz / 700)


def _hz(mel: float) -> float:
    return float(700 * (10 ** (mel / 2595) - 1))
