"""Axial slices of the MNI ICBM152 T1 template with tissue labels by hemisphere, as nilearn ships it.

The template is a real average of 152 brains (Fonov et al., 2011, NeuroImage 54(1), 313-327), skull-stripped,
197×233×189 voxels of 1 mm, symmetric: left and right look alike, so a label by hemisphere needs position.
nilearn itself is never imported: its data files are found, checked and read with nibabel.
"""

from typing import Any, Sequence, Tuple

from energyprof.workloads.data import packaged
from energyprof.workloads.training.device import library

NAME = "MNI ICBM152 2009a nonlinear symmetric, nilearn"
FILE = "mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"
SHA256 = {  # of the packed files, the same in nilearn 0.10.4 and 0.14.1
    "t1": "421a10e872fd6cadae7f61d358dffbcc1795a497d61ee76c5dda2503e1a1e9e6",
    "gm": "97a5ca69bd24db37a9cb7b32525e1733a209af904129bf1cd36da06d24243bed",
    "wm": "382d92812de4744f9c86c7a0e4f680dc317a0a50e4da1f0153618a6798c7b7db",
}
LABELS = ("background", "left grey", "right grey", "left white", "right white")
BOX_MM = ((-80, 79), (-112, 79))  # x and y kept, ends included: the brain with room to be moved in


def volume(kind: str) -> Tuple[Any, Any]:
    """The map ``kind`` (t1, gm, wm): voxels (197, 233, 189) uint8, affine (4, 4) from voxels to MNI mm.

    Raises:
        WorkloadError: the data or the package that reads it is not there.
    """
    folder = packaged.folder("nilearn", "the brain images") / "datasets" / "data"
    path = packaged.checked(folder / FILE.format(kind), SHA256[kind], "nilearn")
    image = library("nibabel").load(path)
    return library("numpy").asarray(image.dataobj), image.affine


def slices(slabs_mm: Sequence[Sequence[int]], voxel_mm: int) -> Tuple[Any, Any]:
    """The axial slices of the slabs, each given as first and last z in mm.

    Returns:
        T1 intensities (n, x, y) float32 in 0…1 and labels (n, x, y) int64, indices into ``LABELS``; x grows
        from the subject's left to right, y from back to front. Voxels are ``voxel_mm`` wide in the plane:
        the mean intensity, the most probable label.

    Raises:
        WorkloadError: the data or a package is not there.
    """
    t1, affine = volume("t1")
    import numpy as np

    x_mm, y_mm, z_mm = (affine[a, a] * np.arange(t1.shape[a]) + affine[a, 3] for a in range(3))
    box: Any = np.ix_(
        np.flatnonzero((x_mm >= BOX_MM[0][0]) & (x_mm <= BOX_MM[0][1])),
        np.flatnonzero((y_mm >= BOX_MM[1][0]) & (y_mm <= BOX_MM[1][1])),
        np.concatenate([np.flatnonzero((z_mm >= z[0]) & (z_mm <= z[1])) for z in slabs_mm]),
    )

    def boxed(voxels: Any) -> Any:
        """(n, x, y) in 0…1."""
        return np.moveaxis(voxels[box], 2, 0).astype(np.float32) / 255

    def pooled(maps: Any) -> Any:
        """The last two axes in voxels of ``voxel_mm``."""
        *rest, x, y = maps.shape
        blocks = maps.reshape(*rest, x // voxel_mm, voxel_mm, y // voxel_mm, voxel_mm)
        return blocks.mean(axis=(-3, -1))

    grey, white = boxed(volume("gm")[0]), boxed(volume("wm")[0])
    left = (x_mm[box[0].ravel()] < 0)[:, None].astype(np.float32)  # MNI: x is negative on the left
    right = 1 - left
    probability = np.stack([1 - grey - white, grey * left, grey * right, white * left, white * right])
    return pooled(boxed(t1)), pooled(probability).argmax(axis=0)
