"""Speech recognition: spoken digits in rooms and noise, or your own recordings.

``tiny`` is a small network of its own (``letters.py``), ``base`` is wav2vec 2.0 and ``full`` Whisper, with
random weights, whose steps cost what those of any others cost. These two take ``--model``, all ``--data``.
All that is decided here stands in the plan's config; the program is ``recognition.py``.
"""

from pathlib import Path
from typing import Any, Dict

from energyprof.settings import Settings
from energyprof.workload import Plan, WorkloadError
from energyprof.workloads import classifier, planning, recognition, wav2vec2, whisper
from energyprof.workloads.data import digits, voices

SUMMARY = "Speech recognition by CTC or Whisper: spoken digits in rooms and noise, or your own recordings"
UNTRIED = "random weights unless --model: {}; its target is provisional (no reference bank)"
SIZES: Dict[str, str] = {
    "tiny": "convolutions and CTC, 0.6 M parameters: under a minute on two CPU cores",
    "base": "wav2vec 2.0 base and CTC, 94 M parameters, " + UNTRIED.format("for one GPU"),
    "full": "Whisper small, 242 M parameters, " + UNTRIED.format("for several GPUs"),
}
RECIPES: Dict[str, Dict[str, Any]] = {
    "tiny": {
        "model": {"front": 16, "width": 128, "layers": 5, "kernel": 7},
        "features": {
            "rate_hz": 8000,
            "fft": 256,
            "window": 200,
            "hop": 80,
            "bands": 40,
            "low_hz": 60,
            "high_hz": 3900,
        },
        "longest_s": 16.0,
        "batch_size": 16,
        "learning_rate": 5e-3,
        "ramp_samples": 512,
        "decay_samples": 8192,
        "averaging": 0.97,
        "eval_every_samples": 640,
        "validation_items": 256,
        "target": 0.15,
        "max_samples": 16384,
    },
    "base": {
        # Baevski et al., 2020, arXiv:2006.11477, and the published wav2vec2-base
        "model": wav2vec2.BASE,
        "longest_s": 16.0,
        "batch_size": 32,
        "learning_rate": 1e-4,
        "ramp_samples": 16384,
        "decay_samples": 262_144,
        "averaging": 0.999,
        "eval_every_samples": 8192,
        "validation_items": 1024,
        "target": 0.25,
        "max_samples": 1_048_576,
    },
    "full": {
        # Radford et al., 2022, arXiv:2212.04356, and the published whisper-small
        "model": whisper.SMALL,
        "longest_s": 30.0,
        "batch_size": 64,
        "learning_rate": 1e-4,
        "ramp_samples": 16384,
        "decay_samples": 262_144,
        "averaging": 0.999,
        "eval_every_samples": 16384,
        "validation_items": 1024,
        "target": 0.25,
        "max_samples": 2_097_152,
    },
}
WORK: Dict[str, Any] = {  # the same for every size
    "optimiser": "AdamW",
    "clip": 1.0,  # largest norm of the gradient
    "speed": 0.1,  # ± around 1: how much faster a clip may be said
}
DIGITS: Dict[str, Any] = {
    "data": digits.NAME,
    "data_sha256": digits.SHA256,
    "corruption": {
        "speed": 0.1,
        "rooms": 0.5,  # share of clips
        "rt60_s": [0.05, 0.4],
        "snr_db": [0.0, 20.0],
        "slope": [0.0, 1.0],  # from white to pink
    },
    "validation_seed": 152,
}
# Longer clips of one's own are not scored either.
TASK = ("data", "data_sha256", "corruption", "validation_seed", "validation_items", "longest_s")


def plan(settings: Settings) -> Plan:
    """The training that ``settings`` ask for; of the user's model and data it takes fingerprints.

    Raises:
        WorkloadError: a setting is out of its range, or model or data are not there.
    """
    recipe = {**WORK, **planning.recipe_of("speech", settings, RECIPES)}
    if recipe["target"] >= 1:
        raise WorkloadError(
            f"target {recipe['target']} is not a word error rate: use a number between 0 and 1"
        )
    if settings.model is not None:
        if settings.size == "tiny":
            raise WorkloadError("speech tiny brings its own network: leave --model out, or use --size base")
        recipe["model"] = classifier.described(settings.model)
    if settings.data is None:
        recipe.update(DIGITS)
        # All of the packaged clips that are held out, none of which is long.
        recipe = {key: value for key, value in recipe.items() if key not in ("validation_items", "longest_s")}
    else:
        recipe["data"] = voices.described(Path(settings.data))
    return planning.plan_of("speech", settings, recipe, ("word_error_rate", "min"), recognition.SOURCES, TASK)


def build(plan: Plan) -> recognition.Recognition:
    """The training program of ``plan``."""
    return recognition.Recognition(plan)
