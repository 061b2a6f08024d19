"""From settings to a plan: the rules that every workload shares."""

from typing import Any, Dict, Literal, Mapping, Tuple

from energyprof.settings import PARADIGM, Settings, rows
from energyprof.workload import Plan, Target, WorkloadError
from energyprof.workloads import paradigms
from energyprof.workloads.parsing import check


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
    for row in rows(type(settings)):
        value = getattr(settings, row.name)
        by_value = row.part != "how" and not row.path and row.panel != PARADIGM and row.name != "size"
        if by_value and row.offered_by(name) and value is not None:
            recipe[row.name] = row.kind(value)
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
        (*sources, *paradigms.sources(settings)),
        tuple(key for key in task_keys if key.partition(".")[0] in config),
        sample_keys,
    )


def _split(size: int, settings: Settings) -> None:
    parts = settings.nproc * settings.grad_accum
    if size % parts != 0:
        raise WorkloadError(
            f"batch size {size} cannot be split over {settings.nproc} process(es) × {settings.grad_accum} "
            f"part(s): use a multiple of {parts}"
        )
