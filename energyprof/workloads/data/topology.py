"""From a data set's typical volume to patch, levels and strides of a network, much as nnU-Net plans them.

Isensee et al., 2021, Nature Methods 18, 203-211, supplementary note 2: resample to the median spacing, cut
the patch to the median shape, halve each axis for as long as four voxels remain. Unlike there, every
convolution is three voxels wide, and the coarse axis of anisotropic data is resampled to its median, too.
"""

import math
import statistics
from typing import Any, Dict, List, Mapping, Optional, Sequence

from energyprof.workloads.data.decathlon import Case, Collection

NARROWEST = 4  # voxels an axis keeps at the bottom
ALIKE = 1.01  # spacings that differ by less than this factor are the same


def fitted(recipe: Mapping[str, Any], data: Collection) -> Dict[str, Any]:
    """What a recipe says of the data, and its ``patch`` and ``channels`` cut to them, with ``strides``."""
    spacing_mm = common_spacing_mm(data.training)
    sizes = [case.size(spacing_mm) for case in data.training]
    typical = [math.ceil(statistics.median(axis)) for axis in zip(*sizes)]
    halvings = [_halvings(min(pair), len(recipe["channels"]) - 1) for pair in zip(recipe["patch"], typical)]
    # MONAI's DynUNet has at least three levels.
    widest = typical.index(max(typical))
    halvings[widest] = max(2, halvings[widest])
    levels = max(halvings)
    # Short axes, the coarse ones of thick slices, are halved last.
    strides = [[1, 1, 1]] + [
        [2 if level > levels - n else 1 for n in halvings] for level in range(1, levels + 1)
    ]
    floors = [NARROWEST << n if n else 1 for n in halvings]
    return {
        "data": data.name,
        "data_sha256": data.fingerprint(),
        "modality": list(data.modality),
        "labels": list(data.labels),
        "cases": {"training": len(data.training), "validation": len(data.validation)},
        "spacing_mm": spacing_mm,
        "patch": [
            max(floor, _multiple(min(largest, size), 1 << n))
            for largest, size, n, floor in zip(recipe["patch"], typical, halvings, floors)
        ],
        "strides": strides,
        "channels": recipe["channels"][: levels + 1],
    }


def common_spacing_mm(cases: Sequence[Case]) -> Optional[List[float]]:
    """The median spacing (3,), to which all cases are resampled; ``None``, as stored, if all are alike."""
    axes = list(zip(*(case.spacing_mm for case in cases)))
    if all(max(axis) <= ALIKE * min(axis) for axis in axes):
        return None
    return [round(statistics.median(axis), 4) for axis in axes]


def _halvings(voxels: int, most: int) -> int:
    return min(most, max(0, int(math.log2(voxels / NARROWEST)))) if voxels >= NARROWEST else 0


def _multiple(voxels: int, of: int) -> int:
    return -(-voxels // of) * of
