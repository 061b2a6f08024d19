"""Captioned images without a download: axial slices of the MNI maps (``mni.py``), each named by a line.

Three maps of the same brain, the T1 image and the shares of grey and of white matter, make three kinds of
image that a caption tells apart: "axial slice 92, T1".
"""

from dataclasses import dataclass
from typing import Any, Iterator, List, Sequence, Tuple

from energyprof.workloads.data import mni
from energyprof.workloads.training.device import library

KINDS = {"t1": "T1", "gm": "grey matter", "wm": "white matter"}


def slices(slabs_mm: Sequence[Sequence[int]], resolution: int) -> List[Tuple[Any, str]]:
    """Every slice of the slabs, given as first and last z in mm, as each of ``KINDS``; with a caption.

    Returns:
        Images (1, resolution, resolution) uint8, the front of the head on top, their shorter side scaled to
        the resolution and the middle cut out, with a caption each. Neighbours in the list are alike.

    Raises:
        WorkloadError: the data or a package is not there.
    """
    torch = library("torch")
    stacks, captions = [], []
    for kind, caption in KINDS.items():
        voxels, affine = mni.volume(kind)
        x, y = (slice(int(a - o), int(b - o) + 1) for (a, b), o in zip(mni.BOX_MM, affine[:2, 3]))
        numbers = [int(z - affine[2, 3]) for first, last in slabs_mm for z in range(first, last + 1)]
        cut = torch.from_numpy(voxels[x, y][:, :, numbers].copy()).permute(2, 1, 0).flip(1)
        stacks.append(_squares(cut.unsqueeze(1), resolution))
        captions += [f"axial slice {number}, {caption}" for number in numbers]
    return list(zip(torch.cat(stacks), captions))


@dataclass(frozen=True)
class Slices:
    """Images (n, 1, side + room, side + room) uint8 and their captions' tokens (n, length), on the device."""

    images: Any
    tokens: Any
    side: int

    def __len__(self) -> int:
        return len(self.images)

    def part(self, indices: Sequence[int]) -> "Slices":
        """These of the images."""
        return Slices(self.images[list(indices)], self.tokens[list(indices)], self.side)

    def batches(self, picks: Iterator[Tuple[Any, Any]]) -> Iterator[Tuple[Any, Any]]:
        """Images (m, 1, side, side) and tokens of each of ``picks``: indices (m,) and views (m, 3)."""
        torch = library("torch")
        device = self.images.device
        line = torch.arange(self.side, device=device)
        for pick, views in picks:
            pick, views = (part.to(device, non_blocking=True) for part in (pick, views))
            mirrored = views[:, :1] >= 0.5
            starts = (views[:, 1:] * (self.images.shape[2] - self.side + 1)).long()
            rows, columns = starts[:, :1] + line, starts[:, 1:] + line
            columns = columns.flip(1).where(mirrored, columns)
            cut = self.images[pick[:, None, None], 0, rows[:, :, None], columns[:, None, :]]
            yield cut.unsqueeze(1), self.tokens[pick]


def _squares(images: Any, side: int) -> Any:
    """Images (n, 1, y, x) uint8 with their shorter side scaled to ``side``, the middle cut out."""
    from torch.nn import functional

    scale = side / min(images.shape[2:])
    size = [round(scale * length) for length in images.shape[2:]]
    scaled = functional.interpolate(images.float(), size=size, mode="bilinear", antialias=True)
    top, left = ((length - side) // 2 for length in size)
    return scaled[:, :, top : top + side, left : left + side].round().to(images.dtype)
