"""A data set in the Medical Segmentation Decathlon's layout: its cases, modalities and labels.

A folder with ``dataset.json``, whose keys ``modality``, ``labels`` and ``training`` say which NIfTI files
belong together, mostly in imagesTr and labelsTr (Antonelli et al., 2022, Nature Communications 13, 4128).
Here only headers are read, by the standard library alone: planning needs no package.
"""

import gzip
import hashlib
import json
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Dict, List, Optional, Sequence, Tuple

from energyprof.workload import WorkloadError
from energyprof.workloads.data.fingerprint import fingerprint

VALIDATION = 0.2  # share of the cases, as in each fold of nnU-Net
MAX_LABELS = 256  # labels are kept as bytes


@dataclass(frozen=True)
class Case:
    """One labelled volume, with what its header says."""

    name: str  # of the image, within the data set
    image: Path
    label: Path
    shape: Tuple[int, ...]  # (3,) voxels
    spacing_mm: Tuple[float, ...]  # (3,)
    fingerprint: str  # of both files

    def size(self, spacing_mm: Optional[Sequence[float]]) -> List[int]:
        """Voxels along each axis once it has that spacing; ``None``: as stored."""
        if spacing_mm is None:
            return list(self.shape)
        return [max(1, round(n * own / to)) for n, own, to in zip(self.shape, self.spacing_mm, spacing_mm)]


@dataclass(frozen=True)
class Collection:
    """A data set: the same files give the same one, wherever they lie."""

    name: str
    modality: Tuple[str, ...]  # one for each channel
    labels: Tuple[str, ...]  # names, by value; the first is the background
    training: Tuple[Case, ...]
    validation: Tuple[Case, ...]

    def fingerprint(self) -> str:
        """``sha256:…`` over what the network can learn from: modalities, labels, cases."""
        cases = [(case.name, case.fingerprint) for case in (*self.training, *self.validation)]
        text = json.dumps([self.modality, self.labels, cases])
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def read(folder: Path) -> Collection:
    """The data set in ``folder``, every file's header checked.

    Cases are ordered by name. A fifth of them, at least one, is for validation: those whose names have the
    smallest hashes, so that the split is the same on every machine.

    Raises:
        WorkloadError: something is missing, broken or does not fit together; the message names the file.
    """
    listed = _listed(folder)
    modality, labels = (_numbered(folder, listed, key) for key in ("modality", "labels"))
    if not 2 <= len(labels) <= MAX_LABELS:
        raise WorkloadError(
            f"{folder / 'dataset.json'}: {len(labels)} labels: name the background and 1 to 255 more"
        )
    cases = sorted((_case(folder, pair, modality) for pair in _pairs(folder, listed)), key=lambda c: c.name)
    held_out = max(1, round(VALIDATION * len(cases)))
    by_hash = sorted(cases, key=lambda case: hashlib.sha256(case.name.encode()).digest())
    validation = set(by_hash[:held_out])
    return Collection(
        name=str(listed.get("name", folder.name)),
        modality=modality,
        labels=labels,
        training=tuple(case for case in cases if case not in validation),
        validation=tuple(case for case in cases if case in validation),
    )


def header(path: Path) -> Tuple[Tuple[int, ...], Tuple[float, ...]]:
    """Shape (3 axes or more) and spacing in mm (3,) of a NIfTI file, packed or not.

    Layouts from the headers nifti1.h and nifti2.h: the size of the header, then dim and pixdim.

    Raises:
        WorkloadError: there is no such file, or no volume in it.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(str(path)) if packed else path.open("rb") as file:
            head = file.read(540)
        for order in "<>":
            (size,) = struct.unpack_from(order + "i", head)
            if size in (348, 540):
                dim, pixdim = (("8h", 40), ("8f", 76)) if size == 348 else (("8q", 16), ("8d", 104))
                axes, *shape = struct.unpack_from(order + dim[0], head, dim[1])
                spacing = struct.unpack_from(order + pixdim[0], head, pixdim[1])[1:4]
                return _sound(path, shape[: max(axes, 0)], spacing)
    except FileNotFoundError as error:
        raise WorkloadError(f"{path} is not there, but dataset.json names it") from error
    except (OSError, EOFError, zlib.error, struct.error) as error:
        raise WorkloadError(f"{path} cannot be read as NIfTI ({error}): replace it") from error
    raise WorkloadError(f"{path} is not a NIfTI file: replace it")


def _sound(
    path: Path, shape: List[int], spacing: Sequence[float]
) -> Tuple[Tuple[int, ...], Tuple[float, ...]]:
    while len(shape) > 3 and shape[-1] == 1:
        shape.pop()
    if len(shape) < 3 or min(shape) < 1:
        raise WorkloadError(f"{path} has shape {tuple(shape)}: a volume has three axes")
    widths = tuple(abs(width) for width in spacing)
    if not all(width > 0 and math.isfinite(width) for width in widths):
        raise WorkloadError(f"{path} says that its voxels are {widths} mm wide: correct its header")
    return tuple(shape), widths


def _listed(folder: Path) -> Dict[str, Any]:
    """What dataset.json says."""
    path = folder / "dataset.json"
    if not folder.is_dir():
        raise WorkloadError(f"{folder} is not a folder: give --data the folder with dataset.json in it")
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise WorkloadError(f"{folder} has no dataset.json: give --data the folder that does") from error
    except OSError as error:
        raise WorkloadError(f"{path} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise WorkloadError(f"{path} is not JSON ({error}): correct it") from error
    for key, kind in (("modality", dict), ("labels", dict), ("training", list)):
        if not isinstance(listed, dict) or not isinstance(listed.get(key), kind):
            what = "object" if kind is dict else "list"
            raise WorkloadError(f"{path} has no {what} {key!r}: the Decathlon's layout asks for it")
    return dict(listed)


def _numbered(folder: Path, listed: Dict[str, Any], key: str) -> Tuple[str, ...]:
    """The names under ``key``, by their number."""
    names = listed[key]
    if not names or set(names) != {str(number) for number in range(len(names))}:
        raise WorkloadError(
            f'{folder / "dataset.json"}: the keys of {key!r} are not "0", "1", "2", …: number them so'
        )
    return tuple(str(names[str(number)]) for number in range(len(names)))


def _pairs(folder: Path, listed: Dict[str, Any]) -> List[Dict[str, str]]:
    path, pairs = folder / "dataset.json", listed["training"]
    for pair in pairs:
        if not isinstance(pair, dict) or not all(isinstance(pair.get(k), str) for k in ("image", "label")):
            raise WorkloadError(
                f"{path}: an entry of 'training' does not name an image and a label: {pair!r:.60}"
            )
    if len({PurePosixPath(pair["image"]) for pair in pairs}) < len(pairs):
        raise WorkloadError(f"{path} lists an image twice: list each once")
    if len(pairs) < 2:
        raise WorkloadError(
            f"{path} lists {len(pairs)} labelled case(s): 2 are the fewest, to train and to validate"
        )
    return list(pairs)


def _case(folder: Path, pair: Dict[str, str], modality: Tuple[str, ...]) -> Case:
    image, label = folder / pair["image"], folder / pair["label"]
    shape, spacing_mm = header(image)
    channels = 1 if len(shape) == 3 else shape[3]
    if len(shape) > 4 or channels != len(modality):
        raise WorkloadError(f"{image} has shape {shape}, but dataset.json names {len(modality)} modality(s)")
    labelled, _ = header(label)
    if labelled != shape[:3]:
        raise WorkloadError(f"{label} has shape {labelled}, its image {shape[:3]}: they must be the same")
    return Case(
        name=str(PurePosixPath(pair["image"])),
        image=image,
        label=label,
        shape=shape[:3],
        spacing_mm=spacing_mm,
        fingerprint=fingerprint(image) + fingerprint(label),
    )
