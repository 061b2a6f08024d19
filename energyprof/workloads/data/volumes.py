"""Cases decoded once, ahead of training: plain arrays on disk, of which a patch is read without the rest.

Unpacking a case takes seconds, a step that needs two of them a fraction of one. So every case is unpacked,
checked and resampled before the clock runs, and kept in a cache folder: processes and repeats share it,
memory holds no more of it than the system has room for, and a patch costs the pages it lies on.
"""

import functools
import gzip
import hashlib
import json
import os
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from energyprof.workload import WorkloadError, code_digest
from energyprof.workloads.data.decathlon import Case
from energyprof.workloads.training.device import library

CACHE = "ENERGYPROF_CACHE"  # the folder; otherwise energyprof in XDG_CACHE_HOME or ~/.cache
# As many as nnU-Net keeps of each class to draw patches around; evenly spaced over the class.
PLACES = 10_000
INTENSITIES = 10_000  # of a case's foreground
LARGEST = 32_000.0  # Hounsfield units are stored as float16, exact to ± 2048


@dataclass(frozen=True)
class Volume:
    """A decoded case: image (c, x, y, z) float16, label (x, y, z) uint8, and voxels picked from them."""

    folder: Path

    def image(self) -> Any:
        """The intensities, mapped: Hounsfield units for CT, mean 0 and deviation 1 for anything else."""
        return self._opened("image.npy", "r")

    def label(self) -> Any:
        """The classes, mapped."""
        return self._opened("label.npy", "r")

    def places(self) -> Any:
        """Voxels of the foreground (n, 4) int32: class, x, y, z; classes in order."""
        return self._opened("places.npy", None)

    def intensities(self) -> Any:
        """What the image shows in its foreground, (c, n) float32."""
        return self._opened("intensities.npy", None)

    def _opened(self, name: str, mode: Any) -> Any:
        try:
            return library("numpy").load(self.folder / name, mmap_mode=mode)
        except (OSError, ValueError, EOFError) as error:
            raise WorkloadError(
                f"{self.folder / name} is broken ({_line(error)}): delete the folder"
            ) from error


def cache() -> Path:
    """Where decoded cases are kept; they stay there until somebody deletes them."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "energyprof"
    return Path(os.environ.get(CACHE) or default) / "volumes"


@dataclass(frozen=True)
class Decoding:
    """Cases on their way into the cache: item n decodes case n."""

    cases: Sequence[Case]
    config: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.cases)

    def volume(self, case: Case) -> Volume:
        """Where a case is kept, or will be: its content, what is made of it and how decide."""
        what = [case.fingerprint, *(self.config[key] for key in ("modality", "labels", "spacing_mm"))]
        text = json.dumps([*what, _code()])
        return Volume(cache() / hashlib.sha256(text.encode()).hexdigest()[:32])

    def __getitem__(self, number: int) -> str:
        """Decode a case; what is wrong with it, or nothing: a worker's exception is many lines long."""
        case = self.cases[number]
        volume = self.volume(case)
        try:
            if not volume.folder.is_dir():
                _keep(volume.folder, self._decoded(case))
        except WorkloadError as error:
            return str(error)
        return ""

    def _decoded(self, case: Case) -> Dict[str, Any]:
        """The arrays of a case by the names of their files."""
        np = library("numpy")
        torch = library("torch")
        image = voxels(case.image).astype(np.float32)
        label = voxels(case.label)
        image = image.reshape(*case.shape, -1).transpose(3, 0, 1, 2)
        label = self._checked(case, label.reshape(case.shape))
        if not np.isfinite(image).all():
            raise WorkloadError(f"{case.image} holds values that are not numbers: correct it")
        if self.config["spacing_mm"] is not None:
            from torch.nn import functional

            size = case.size(self.config["spacing_mm"])
            whole = torch.from_numpy(np.ascontiguousarray(image))[None]
            image = functional.interpolate(whole, size=size, mode="trilinear", align_corners=False)[0].numpy()
            classes = torch.from_numpy(label)[None, None]
            label = functional.interpolate(classes, size=size, mode="nearest-exact")[0, 0].numpy()
        scale = library("monai.transforms").NormalizeIntensity(nonzero=True)
        channels = [
            np.clip(channel, -LARGEST, LARGEST) if is_ct(name) else np.asarray(scale(channel))
            for channel, name in zip(image, self.config["modality"])
        ]
        kept = np.stack(channels).astype(np.float16)
        by_class = [np.flatnonzero(label == value) for value in range(1, len(self.config["labels"]))]
        foreground = _spaced(np.flatnonzero(label), INTENSITIES)
        places = [
            np.stack([np.full_like(picked, value), *np.unravel_index(picked, label.shape)], axis=1)
            for value, picked in enumerate((_spaced(found, PLACES) for found in by_class), start=1)
        ]
        return {
            "image.npy": kept,
            "label.npy": label,
            "places.npy": np.concatenate(places).astype(np.int32),
            "intensities.npy": kept.reshape(len(kept), -1)[:, foreground].astype(np.float32),
        }

    def _checked(self, case: Case, label: Any) -> Any:
        """The label as bytes, once it holds nothing that dataset.json does not name."""
        np = library("numpy")
        found = np.unique(label)
        unknown = [value for value in found.tolist() if value not in range(len(self.config["labels"]))]
        if unknown:
            raise WorkloadError(f"{case.label} holds label {unknown[0]:g}, which dataset.json does not name")
        return label.astype(np.uint8)


@functools.lru_cache(maxsize=None)
def _code() -> str:
    """What decodes: cases kept by other code are decoded anew."""
    return code_digest(Path(__file__))


def is_ct(modality: str) -> bool:
    """Whether intensities mean the same in every image, as Hounsfield units do; nnU-Net's rule, by name."""
    return modality.strip().lower() == "ct"


def voxels(path: Path) -> Any:
    """The voxels of a NIfTI file, scaled as its header says, read to the last byte and its checksum.

    Raises:
        WorkloadError: the file is broken.
    """
    nibabel = library("nibabel")
    np = library("numpy")
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        sizes = {int.from_bytes(content[:4], order) for order in ("little", "big")}
        kind = nibabel.Nifti2Image if 540 in sizes else nibabel.Nifti1Image
        return np.asarray(kind.from_bytes(content).dataobj)
    except (OSError, EOFError, ValueError, zlib.error, nibabel.filebasedimages.ImageFileError) as error:
        raise WorkloadError(f"{path} is broken ({_line(error)}): replace it") from error


def _spaced(found: Any, most: int) -> Any:
    """At most so many of what was found, evenly spaced."""
    np = library("numpy")
    kept = min(len(found), most)
    return found[np.arange(kept) * len(found) // max(kept, 1)]


def _keep(folder: Path, arrays: Mapping[str, Any]) -> None:
    """Write the arrays into ``folder``, which is there only once it is whole."""
    np = library("numpy")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(".part", dir=str(folder.parent)) as unfinished:
            whole = Path(unfinished) / "whole"
            whole.mkdir()
            for name, array in arrays.items():
                np.save(whole / name, np.ascontiguousarray(array))
            whole.replace(folder)
    except OSError as error:
        if not folder.is_dir():  # or another run was quicker
            raise WorkloadError(
                f"{folder.parent} cannot keep decoded cases ({error.strerror}): make room, or set {CACHE}"
            ) from error


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:80]


def decoded(cases: Sequence[Case], config: Mapping[str, Any], workers: int) -> List[Volume]:
    """The cases as volumes; those not in the cache yet are decoded by so many processes at a time.

    Raises:
        WorkloadError: a file is broken, or the cache cannot be written.
    """
    torch = library("torch")
    decoding = Decoding(cases, config)
    volumes = [decoding.volume(case) for case in cases]
    missing = [case for case, volume in zip(cases, volumes) if not volume.folder.is_dir()]
    loader = torch.utils.data.DataLoader(
        Decoding(missing, config), batch_size=None, num_workers=min(workers, len(missing))
    )
    for wrong in loader:
        if wrong:
            raise WorkloadError(wrong)
    return volumes


def scales(
    volumes: Sequence[Volume], modality: Sequence[str]
) -> Tuple[Tuple[float, float, float, float], ...]:
    """For each channel lowest and highest value, mean and deviation that its intensities are scaled by.

    CT by the foreground of all volumes, clipped to its 0.5th and 99.5th percentile, as nnU-Net does it
    (Isensee et al., 2021, Nature Methods 18, 203-211, supplementary note 2); the others were scaled alone.
    """
    np = library("numpy")
    found = []
    for channel, name in enumerate(modality):
        shown = (
            np.concatenate([volume.intensities()[channel] for volume in volumes])
            if is_ct(name)
            else np.empty(0)
        )
        if not len(shown):
            found.append((-LARGEST, LARGEST, 0.0, 1.0))
            continue
        low, high = np.percentile(shown, (0.5, 99.5))
        found.append((float(low), float(high), float(shown.mean()), max(float(shown.std()), 1e-6)))
    return tuple(found)
