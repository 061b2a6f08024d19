"""From settings to a plan: the rules that every workload shares."""

import importlib
from typing import Any, Dict, Literal, Mapping, Tuple

from energyprof.settings import CENTRAL, CLIENTS, PARADIGM, Settings, rows
from energyprof.workload import Plan, Target, WorkloadError
from energyprof.workloads import paradigms
from energyprof.workloads.parsing import check
from energyprof.workloads.training import levers

# An optimiser's name on the command line, and in a recipe.
OPTIMISERS = {"adamw": "AdamW", "sgd": "SGD", "adafactor": "Adafactor", "adam8bit": "AdamW8bit"}
# Times the learning rate of AdamW, whose steps do not grow with the gradient; --learning-rate sets another.
RATES = {"sgd": 10.0}
# Clients train side by side and are averaged: eight U-Nets at `tiny` take about six times the samples of one.
PATIENCE = 4


def recipe_of(name: str, settings: Settings, recipes: Mapping[str, Mapping[str, Any]]) -> Dict[str, Any]:
    """The size's recipe, changed as the settings say: ``target`` and ``max_samples`` in it, too.

    What makes other work by its value is put into it; what lies under a path is the workload's to describe.

    Raises:
        WorkloadError: a setting is out of its range, or not this workload's.
    """
    if settings.size not in recipes:
        raise WorkloadError(f"{name} has no size {settings.size!r}: choose one of {', '.join(recipes)}")
    check(name, settings)
    recipe = dict(recipes[settings.size])
    if settings.max_samples is not None:
        recipe["max_samples"] = settings.max_samples
    elif settings.paradigm in CLIENTS:
        recipe["max_samples"] *= PATIENCE
    for row in rows(type(settings)):
        value = getattr(settings, row.name)
        by_value = row.part != "how" and not row.path and row.panel != PARADIGM and row.name != "size"
        # A flag that is not set where none is expected says what leaving it out says.
        said = value is not None and not (value is False and row.default is None)
        if by_value and row.offered_by(name) and said:
            recipe[row.name] = row.kind(value)
    _levers(recipe, settings)
    _split(recipe["batch_size"], settings)
    recipe.update(paradigms.described(settings))
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
        (*sources, *_of_levers(config), *paradigms.sources(settings)),
        tuple(key for key in task_keys if key.partition(".")[0] in config),
        sample_keys,
    )


def _levers(recipe: Dict[str, Any], settings: Settings) -> None:
    """Names as a recipe writes them, and what does not go together.

    Raises:
        WorkloadError: two settings contradict each other.
    """
    if settings.optimiser is not None:
        recipe["optimiser"] = OPTIMISERS[settings.optimiser]
        if settings.learning_rate is None and "learning_rate" in recipe:
            recipe["learning_rate"] *= RATES.get(settings.optimiser, 1.0)
    turned = [row.key for row in levers.LEVERS if row.turned(recipe)]
    if turned and settings.paradigm != CENTRAL:
        named = ", ".join("--" + key for key in turned)
        raise WorkloadError(
            f"{named}: only for central training; --paradigm {settings.paradigm} has none of it"
        )
    if (settings.grow is None) != (settings.grow_samples is None):
        raise WorkloadError("--grow says how small samples are at first, --grow-samples how many: give both")
    if settings.distil is not None and settings.distil != settings.size:
        raise WorkloadError(
            f"--distil {settings.distil}: the teacher is of the size that is trained, before it is pruned: "
            f"--distil {settings.size}"
        )
    if settings.distil is not None and (settings.prune is None or settings.compile):
        raise WorkloadError("--distil teaches a pruned network, uncompiled: give --prune, and no --compile")
    if settings.quantise is not None and not settings.inference_s:
        raise WorkloadError("--quantise is of inference: say how long to measure it, such as --inference 20")
    if settings.prune is None and settings.prune_kind is not None:
        raise WorkloadError("--prune-kind says how to prune, not how much: give --prune, too")
    if recipe.get("prune_kind") == "channels":
        del recipe["prune_kind"]  # as without it
    if settings.prune is not None and settings.lora is not None:
        raise WorkloadError("--prune and --lora do not go together: adapters hang on layers as they were")


def _of_levers(config: Mapping[str, Any]) -> Tuple[str, ...]:
    """The files of the levers that are turned: those of the others are no part of the work."""
    turned = [row.module for row in levers.LEVERS if row.turned(config)]
    modules = [importlib.import_module("." + name, levers.__name__) for name in turned]
    return tuple(source for module in modules for source in module.SOURCES)


def _split(size: int, settings: Settings) -> None:
    parts = settings.nproc * settings.grad_accum
    if size % parts != 0:
        raise WorkloadError(
            f"batch size {size} cannot be split over {settings.nproc} process(es) × {settings.grad_accum} "
            f"part(s): use a multiple of {parts}"
        )
