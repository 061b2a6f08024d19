"""A U-Net for medical image segmentation: what each size trains, and with which program.

``tiny`` and ``base`` segment the packaged brain slices (``unet_slices.py``), ``full`` the user's own volumes
(``unet_volumes.py``). All that is decided here stands in the plan's config.
"""

from pathlib import Path
from typing import Any, Dict, Union

from energyprof.settings import Settings
from energyprof.workload import Plan, WorkloadError
from energyprof.workloads import monai_alone, planning, unet_slices, unet_volumes
from energyprof.workloads.data import decathlon, mni, topology

SUMMARY = "U-Net segments medical images: brain tissue in corrupted MRI slices, or your own volumes"
SIZES: Dict[str, str] = {
    "tiny": "2-D, 2 mm, 0.3 M parameters: under a minute on two CPU cores",
    "base": "2-D, 1 mm, 26 M parameters: for one GPU; its target is provisional (no reference bank)",
    "full": "3-D, nnU-Net-like, 128³ patches of the volumes in --data: for large GPUs, hours; its target is "
    "provisional, since it is the data's: give --target",
}
RECIPES: Dict[str, Dict[str, Any]] = {
    "tiny": {
        "voxel_mm": 2,
        "channels": [16, 32, 64, 80],
        "batch_size": 16,
        "learning_rate": 4e-3,
        "decay_samples": 4096,
        "eval_every_samples": 256,
        "validation_copies": 3,
        "target": 0.81,
        "max_samples": 16384,
    },
    "base": {
        "voxel_mm": 1,
        "channels": [64, 128, 256, 512, 1024],
        "batch_size": 16,
        "learning_rate": 1e-3,
        "decay_samples": 16384,
        "eval_every_samples": 2048,
        "validation_copies": 6,
        "target": 0.80,
        "max_samples": 131072,
    },
    "full": {
        # Patch, batch and channels as nnU-Net plans them for volumes that are larger than the patch
        # (Isensee et al., 2021, Nature Methods 18, 203-211); smaller volumes get less of each.
        "patch": [128, 128, 128],
        "channels": [32, 64, 128, 256, 320, 320],
        "batch_size": 2,
        "learning_rate": 5e-4,
        "decay_samples": 20_000,
        "eval_every_samples": 4000,
        "target": 0.80,
        "max_samples": 500_000,  # nnU-Net trains for 1000 epochs of 250 batches of 2
    },
}
SLICES: Dict[str, Any] = {  # the same for tiny and base
    "model": "monai UNet, 2 residual units a level",
    "loss": "DiceCE",
    "optimiser": "AdamW",
    "averaging": 0.97,  # what the averaged weights keep in each step
    "ramp_samples": 256,  # the learning rate rises over these
    "data": mni.NAME,
    "data_sha256": mni.SHA256,
    # First and last z. Between slabs lie 8 mm nobody sees: neighbouring slices are nearly the same image.
    "train_slabs_mm": [[-40, -5], [30, 65]],
    "validation_slabs_mm": [[4, 21]],
    "validation_seed": 152,
    "corruption": {
        "rotation_deg": 12.0,
        "shift": 0.06,  # of the slice's side
        "log_scale": 0.1,
        "log_gamma": 0.5,
        "inverted": 0.5,  # share of slices
        "log_bias": 0.4,  # at the 4×4 knots of the field
        "noise": 0.08,  # standard deviation; the clean intensities span 0…1
    },
}
VOLUMES: Dict[str, Any] = {
    "model": "monai DynUNet, instance norm",
    "loss": "DiceCE",  # its Dice is the foreground's
    "optimiser": "AdamW",
    "clip": 12.0,  # norm of the gradient, as nnU-Net does
    "averaging": 0.99,
    "ramp_samples": 500,
    "overlap": 0.5,  # of neighbouring windows when a whole volume is segmented
    # Share of patches around a voxel of a class drawn first: nnU-Net makes one of a batch of two so.
    "foreground": 0.5,
    "augmentation": {
        "flipped": 0.5,  # along each axis
        "noisy": 0.15,  # these are shares of patches
        "noise": 0.1,  # the largest standard deviation; the intensities' own is about 1
        "smoothed": 0.15,
        "sigma": [0.5, 1.15],  # in voxels
        "scaled": 0.15,
        "scale": 0.3,  # ± around 1
    },
}
# What is segmented, and how that is scored; the validation slices are corrupted as those of training are.
SLICES_TASK = (
    "data",
    "data_sha256",
    "train_slabs_mm",
    "validation_slabs_mm",
    "validation_seed",
    "validation_copies",
    "corruption",
    "voxel_mm",
)
VOLUMES_TASK = ("data", "data_sha256", "modality", "labels", "cases", "spacing_mm", "overlap")
LAYOUT = "dataset.json, imagesTr, labelsTr (medicaldecathlon.com; KiTS19 converted)"


def plan(settings: Settings) -> Plan:
    """The training that ``settings`` ask for; of the user's data it reads the list and the headers.

    Raises:
        WorkloadError: a setting is out of its range, or the data are missing or broken.
    """
    volumes = settings.size == "full"
    if settings.data is not None and not volumes and settings.size in RECIPES:
        raise WorkloadError(f"unet {settings.size} brings its own data: leave --data out, or use --size full")
    work = VOLUMES if volumes else SLICES
    recipe = {**work, **planning.recipe_of("unet", settings, RECIPES)}
    if recipe["target"] >= 1:
        raise WorkloadError(f"target {recipe['target']} is not a Dice score: use a number between 0 and 1")
    if volumes:
        if settings.data is None:
            raise WorkloadError(f"unet full needs --data FOLDER: {LAYOUT}")
        recipe.update(topology.fitted(recipe, decathlon.read(Path(settings.data))))
    sources = unet_volumes.SOURCES if volumes else unet_slices.SOURCES
    task, sample = (VOLUMES_TASK, ("patch",)) if volumes else (SLICES_TASK, ())
    return planning.plan_of("unet", settings, recipe, ("dice", "max"), sources, task, sample)


def build(plan: Plan) -> Union[unet_slices.SliceSegmentation, unet_volumes.VolumeSegmentation]:
    """The training program of ``plan``."""
    monai_alone.install()
    return (unet_volumes.VolumeSegmentation if plan.size == "full" else unet_slices.SliceSegmentation)(plan)
