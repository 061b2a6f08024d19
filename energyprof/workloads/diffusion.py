"""Stable Diffusion's U-Net learns to denoise latents of captioned images: brain slices, or your own.

``tiny`` is a small model of the same make. The larger sizes have the published configurations with random
weights, whose steps cost what those of any others cost. Every size takes ``--model`` and ``--data``. All that
is decided here stands in the plan's config; the program is ``denoising.py``.
"""

from pathlib import Path
from typing import Any, Dict

from energyprof.settings import Settings
from energyprof.workload import Plan
from energyprof.workloads import denoising, latent, planning, stable_diffusion
from energyprof.workloads.data import image_folder, mni
from energyprof.workloads.data.fingerprint import fingerprint

SUMMARY = "Stable Diffusion's U-Net denoises latents of captioned images: brain slices, or your own"
UNTRIED = "random weights unless --model: {}; its target is provisional (no reference bank)"
SIZES: Dict[str, str] = {
    "tiny": "64², U-Net of 1.0 M parameters: about a minute on two CPU cores",
    "base": "Stable Diffusion 1.5 at 256², " + UNTRIED.format("for one GPU"),
    "sd15": "Stable Diffusion 1.5 at 512², " + UNTRIED.format("for several GPUs"),
    "sd21": "Stable Diffusion 2.1 at 512², " + UNTRIED.format("for several GPUs"),
}
LARGE: Dict[str, Any] = {
    "prediction": "epsilon",
    "learning_rate": 1e-4,
    "ramp_samples": 8192,
    "decay_samples": 262144,
    "ema_decay": 0.999,
    "eval_every_samples": 4096,
    "validation_items": 256,
    "target": 0.15,
    "max_samples": 1_048_576,
}
RECIPES: Dict[str, Dict[str, Any]] = {
    "tiny": {
        "model": stable_diffusion.TINY,
        "resolution": 64,
        "prediction": "epsilon",
        "batch_size": 16,
        "learning_rate": 8e-3,
        "ramp_samples": 512,
        "decay_samples": 1024,
        "ema_decay": 0.97,
        "eval_every_samples": 512,
        "validation_items": 216,
        "target": 0.126,
        "max_samples": 20480,
    },
    "base": {**LARGE, "model": stable_diffusion.SD15, "resolution": 256, "batch_size": 32},
    "sd15": {**LARGE, "model": stable_diffusion.SD15, "resolution": 512, "batch_size": 64},
    "sd21": {
        **LARGE,
        "model": stable_diffusion.SD21,
        "resolution": 512,
        "prediction": "v_prediction",
        "batch_size": 64,
    },
}
WORK: Dict[str, Any] = {  # the same for every size
    "loss": "mean squared error",
    "optimiser": "AdamW",
    "clip": 1.0,  # largest norm of the gradient: the script's
    "seen": "shorter side scaled, random crop, mirrored or not",
    "validation_seed": 152,
}
SLICES: Dict[str, Any] = {
    "data": mni.NAME,
    "data_sha256": mni.SHA256,
    # First and last z. Between slabs lie 8 mm nobody sees: neighbouring slices are nearly the same image.
    "train_slabs_mm": [[-50, -5], [30, 75]],
    "validation_slabs_mm": [[4, 21]],
}
# The loss is that of noise in an autoencoder's latents, on a schedule: these are not trained, and say what it
# is a loss of. What is predicted does not: of a velocity the noise follows.
TASK = (
    "data",
    "data_sha256",
    "train_slabs_mm",
    "validation_slabs_mm",
    "validation_seed",
    "validation_items",
    "resolution",
    "room",
    "model.vae",
    "model.scheduler",
)


def plan(settings: Settings) -> Plan:
    """The training that ``settings`` ask for; of the user's model and data it takes fingerprints.

    Raises:
        WorkloadError: a setting is out of its range, or model or data are not there.
    """
    recipe = {**WORK, **planning.recipe_of("diffusion", settings, RECIPES)}
    if not settings.ema:
        del recipe["ema_decay"]
    if settings.model is not None:
        recipe["model"] = latent.described(settings.model)
        recipe["prediction"] = settings.prediction or "as the model's scheduler says"
    if settings.data is None:
        recipe.update(SLICES, room=recipe["resolution"] // 8)
    else:
        folder = Path(settings.data)
        if not (folder / image_folder.METADATA).is_file():
            image_folder.read(folder)  # says what is missing
        recipe["data"] = fingerprint(folder)
    return planning.plan_of(
        "diffusion", settings, recipe, ("validation_loss", "min"), denoising.SOURCES, TASK
    )


def build(plan: Plan) -> denoising.Denoising:
    """The training program of ``plan``."""
    return denoising.Denoising(plan)
