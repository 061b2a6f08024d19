"""Clips as they are heard: said faster or slower, in a room, before noise; seeded.

A batch is ``waves`` (n, samples) float32 in -1…1, 0 from where a clip ends, and ``lengths`` (n,) in samples
on the CPU: so nothing has to wait for the device.
"""

import math
from typing import Any, Mapping, Tuple

RT60_DECAY = math.log(1000)  # 60 dB in amplitude
DIRECT_DB = 12.0  # by how much the direct sound may be louder than all of the room's


def respeeded(waves: Any, lengths: Any, factors: Any) -> Tuple[Any, Any]:
    """Each clip said ``factors`` (n,) times as fast, pitch and all, by linear interpolation."""
    import torch

    spoken = (lengths / factors).to(torch.int64).clamp(min=1)
    places = torch.arange(int(spoken.max()), device=waves.device)[None, :] * factors[:, None].to(waves.device)
    # One sample of silence at the end: what lies behind a clip is taken from there.
    padded = torch.nn.functional.pad(waves, (0, 1))
    left = places.floor().to(torch.int64).clamp(max=waves.shape[1] - 1)
    share = (places - left).clamp(max=1.0)
    found = torch.lerp(padded.gather(1, left), padded.gather(1, left + 1), share.to(waves.dtype))
    return found * within(spoken, found), spoken


def within(lengths: Any, waves: Any) -> Any:
    """Which samples are no padding: (n, samples) bool, on the device of ``waves``."""
    import torch

    ends = lengths.to(waves.device, non_blocking=True)
    return torch.arange(waves.shape[1], device=waves.device)[None, :] < ends[:, None]


def heard(waves: Any, lengths: Any, rate_hz: int, ranges: Mapping[str, Any], rng: Any) -> Any:
    """The clips (n, samples) in rooms and before noise, 0 from where each ends.

    Args:
        ranges: ``rooms`` is the share of clips that are in one, ``rt60_s`` how long a sound takes there to
            fall by 60 dB, ``snr_db`` how much louder a clip is than its noise, ``slope`` with which power of
            the frequency the noise's power falls. All but the first are a least and a most.
        rng: a ``torch.Generator`` on the device of ``waves``.
    """
    import torch

    def draw(least: float, most: float) -> Any:
        """Uniform between them, (n, 1)."""
        return least + (most - least) * torch.rand(len(waves), 1, generator=rng, device=waves.device)

    def noise(samples: int) -> Any:
        return torch.randn(len(waves), samples, generator=rng, device=waves.device)

    count = round(ranges["rt60_s"][1] * rate_hz)
    after = torch.arange(1, count + 1, device=waves.device) / rate_hz
    tail = noise(count) * torch.exp(-RT60_DECAY * after / draw(*ranges["rt60_s"]))
    tail = tail / tail.norm(dim=1, keepdim=True) * 10 ** (-draw(0.0, DIRECT_DB) / 20)
    tail = tail * (draw(0.0, 1.0) < ranges["rooms"])
    size = waves.shape[1] + count + 1
    response = torch.nn.functional.pad(tail, (1, 0))
    response[:, 0] = 1.0
    spectrum = torch.fft.rfft(waves, size) * torch.fft.rfft(response, size)
    inside = within(lengths, waves)
    sound = torch.fft.irfft(spectrum, size)[:, : waves.shape[1]] * inside

    white = torch.fft.rfft(noise(waves.shape[1]))
    frequency = torch.arange(1, white.shape[1] + 1, device=waves.device)[None, :]
    coloured = torch.fft.irfft(white * frequency ** (-draw(*ranges["slope"]) / 2), waves.shape[1]) * inside
    loudness = sound.norm(dim=1, keepdim=True) / coloured.norm(dim=1, keepdim=True).clamp(min=1e-9)
    return sound + coloured * loudness * 10 ** (-draw(*ranges["snr_db"]) / 20)
