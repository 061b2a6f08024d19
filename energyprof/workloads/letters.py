"""A small network that writes what it hears letter by letter: convolutions over a log-mel spectrogram.

Two over time and bands see edges and slopes, the others, over time alone, what comes before and after. It is
normalised over channels only and masked after each layer: what lies behind a clip changes nothing of it.
"""

from typing import Any, Mapping


def network(model: Mapping[str, Any], bands: int, symbols: int) -> Any:
    """The network with freshly drawn weights: spectrograms and frames to logits (n, length, symbols).

    ``model`` holds ``front`` (channels of the first two layers), ``width``, ``layers`` and ``kernel``.
    """
    import torch
    from torch import nn

    class Layer(nn.Module):  # type: ignore[misc]
        """What it adds to its input (n, width, length)."""

        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.LayerNorm(model["width"])
            self.over_time = nn.Conv1d(
                model["width"], model["width"], model["kernel"], padding=model["kernel"] // 2
            )

        def forward(self, heard: Any, inside: Any) -> Any:
            normal = self.norm(heard.transpose(1, 2)).transpose(1, 2) * inside
            return heard + torch.relu(self.over_time(normal)) * inside

    class Letters(nn.Module):  # type: ignore[misc]
        """The whole of it; its frames are twice as long as the spectrogram's."""

        def __init__(self) -> None:
            super().__init__()
            front = model["front"]
            self.first = nn.Conv2d(1, front, 3, stride=2, padding=1)
            self.second = nn.Conv2d(front, front, 3, stride=(1, 2), padding=1)
            self.mixed = nn.Conv2d(front, model["width"], (1, narrowed(narrowed(bands))))  # all bands at once
            self.layers = nn.ModuleList(Layer() for _ in range(model["layers"]))
            self.norm = nn.LayerNorm(model["width"])
            self.spelt = nn.Linear(model["width"], symbols)

        def forward(self, mel: Any, frames: Any) -> Any:
            heard = torch.relu(self.first(mel.unsqueeze(1)))  # (n, front, length, bands / 2)
            inside = (torch.arange(heard.shape[2], device=mel.device)[None, :] < frames[:, None]).to(
                heard.dtype
            )
            heard = torch.relu(self.second(heard * inside[:, None, :, None]))
            heard = self.mixed(heard).squeeze(3) * inside[:, None, :]
            for layer in self.layers:
                heard = layer(heard, inside[:, None, :])
            return self.spelt(self.norm(heard.transpose(1, 2)))

    return Letters()


def narrowed(size: Any) -> Any:
    """What a layer with stride 2 makes of a number of frames or bands; whole numbers or a tensor of them."""
    return (size + 1) // 2
