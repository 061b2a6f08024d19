"""From settings to a plan: the rules that every workload shares."""

from typing import Any, Dict, FrozenSet, Literal, Mapping, Tuple

from energyprof.workload import Plan, Settings, Target, WorkloadError

PRECISIONS = ("fp32", "tf32", "bf16", "fp16")
# What only some workloads offer. The others are every workload's.
SPECIAL = ("channels_last", "model", "data", "lora", "ema", "prediction")


def recipe_of(
    name: str, settings: Settings, recipes: Mapping[str, Mapping[str, Any]], offers: FrozenSet[str]
) -> Dict[str, Any]:
    """The size's recipe, changed as the settings say: ``target`` and ``max_samples`` in it, too.

    ``offers`` names those of ``SPECIAL`` that this workload takes; of these the yes-and-no ones are
    put into the recipe, the others are the workload's to read.

    Raises:
        WorkloadError: a setting is out of its range, or not this workload's.
    """
    if settings.size not in recipes:
        raise WorkloadError(f"{name} has no size {settings.size!r}: choose one of {', '.join(recipes)}")
    for option in SPECIAL:
        if getattr(settings, option) not in (None, False) and option not in offers:
            raise WorkloadError(f"{name} has no --{option.replace('_', '-')}: leave it out")
    recipe = dict(recipes[settings.size])
    for option in ("batch_size", "target", "max_samples"):
        if getattr(settings, option) is not None:
            recipe[option] = getattr(settings, option)
    for option in ("precision", "grad_accum", "compile", "checkpoint"):
        recipe[option] = getattr(settings, option)
    for option in sorted({"channels_last", "ema"} & offers):
        recipe[option] = getattr(settings, option)
    recipe["data_fraction"] = float(settings.data_fraction)
    _check(recipe, settings)
    return recipe


def plan_of(
    name: str,
    settings: Settings,
    recipe: Mapping[str, Any],
    metric: Tuple[str, Literal["max", "min"]],
    sources: Tuple[str, ...],
    task_keys: Tuple[str, ...] = (),
    sample_keys: Tuple[str, ...] = (),
) -> Plan:
    """The plan of a recipe.

    ``metric`` is its name and direction, ``sources`` the files that are the work. ``task_keys`` say what of
    the recipe is to be achieved and ``sample_keys`` what one sample is.
    """
    config = {key: value for key, value in recipe.items() if key not in ("target", "max_samples")}
    target = Target(metric[0], float(recipe["target"]), metric[1])
    return Plan(
        name,
        settings.size,
        config,
        target,
        recipe["max_samples"],
        settings,
        sources,
        tuple(key for key in task_keys if key.partition(".")[0] in config),
        sample_keys,
    )


def _check(recipe: Mapping[str, Any], settings: Settings) -> None:
    size, parts = recipe["batch_size"], settings.nproc * settings.grad_accum
    known = ", ".join(PRECISIONS)
    rules = (
        (
            settings.precision in PRECISIONS,
            f"unknown precision {settings.precision!r}: choose one of {known}",
        ),
        (size >= 1, f"batch size {size} is too small: use 1 or more"),
        (settings.grad_accum >= 1, f"grad accum {settings.grad_accum}: use 1 or more"),
        (settings.nproc >= 1, f"nproc {settings.nproc}: use 1 or more"),
        (
            parts >= 1 and size % max(1, parts) == 0,
            f"batch size {size} cannot be split over {settings.nproc} process(es) × {settings.grad_accum} "
            f"part(s): use a multiple of {parts}",
        ),
        (
            0 < settings.data_fraction <= 1,
            f"data fraction {settings.data_fraction}: use more than 0, at most 1",
        ),
        (settings.workers is None or settings.workers >= 0, f"workers {settings.workers}: use 0 or more"),
        (
            0 <= settings.breakdown_s <= 3600,
            f"breakdown {settings.breakdown_s}: give seconds, between 0 and 3600",
        ),
        (recipe["max_samples"] >= 1, f"max samples {recipe['max_samples']} is too small: use 1 or more"),
        (recipe["target"] > 0, f"target {recipe['target']}: use a number above 0"),
    )
    for kept, message in rules:
        if not kept:
            raise WorkloadError(message)
