"""A small data set in the Medical Segmentation Decathlon's layout: blobs of other intensity in noise."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SIZES = ((24, 28, 40), (28, 24, 36), (26, 30, 32), (24, 26, 38), (30, 28, 40))
ORGAN, TUMOUR = 100.0, 200.0  # Hounsfield units; the rest is about 0


def write(
    folder: Path,
    sizes: Sequence[tuple[int, int, int]] = SIZES,
    *,
    modality: Sequence[str] = ("CT",),
    spacings_mm: Sequence[tuple[float, float, float]] = ((1.0, 1.0, 1.0),),
    seed: int = 0,
) -> Path:
    """Cases of those sizes in ``folder``, an organ and a tumour in each; spacings are taken in turn."""
    import numpy as np

    rng = np.random.default_rng(seed)
    pairs = []
    for number, size in enumerate(sizes):
        grid = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in size), indexing="ij"))
        label = np.zeros(size, np.uint8)
        for value, radius in ((1, 0.6), (2, 0.3)):
            middle = rng.uniform(-0.2, 0.2, (3, 1, 1, 1))
            label[((grid - middle) ** 2).sum(0) < radius**2] = value
        shown = np.choose(label, (0.0, ORGAN, TUMOUR))[..., None] + rng.normal(0, 20, (*size, len(modality)))
        spacing = spacings_mm[number % len(spacings_mm)]
        image = save(
            folder / f"imagesTr/case_{number}.nii.gz",
            shown.squeeze(-1) if len(modality) == 1 else shown,
            spacing,
        )
        save(folder / f"labelsTr/case_{number}.nii.gz", label, spacing)
        pairs.append({"image": f"./imagesTr/{image.name}", "label": f"./labelsTr/{image.name}"})
    describe(
        folder,
        name="Blobs",
        modality={str(number): name for number, name in enumerate(modality)},
        labels={"0": "background", "1": "organ", "2": "tumour"},
        training=pairs,
    )
    return folder


def save(path: Path, voxels: Any, spacing_mm: Sequence[float] = (1.0, 1.0, 1.0)) -> Path:
    """A NIfTI file of these voxels: whole numbers as they are, others as int16."""
    import nibabel
    import numpy as np

    path.parent.mkdir(parents=True, exist_ok=True)
    stored = voxels if voxels.dtype.kind in "ui" else np.round(voxels).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(stored, np.diag([*spacing_mm, 1.0])), path)
    return path


def describe(folder: Path, **changes: Any) -> None:
    """Change these keys of dataset.json; ``None`` takes one out."""
    path = folder / "dataset.json"
    listed = json.loads(path.read_text()) if path.exists() else {}
    kept = {key: value for key, value in {**listed, **changes}.items() if value is not None}
    path.write_text(json.dumps(kept))
