"""From settings to a plan: the rules that every workload shares."""

from typing import Any, Dict, Literal, Mapping, Tuple

from energyprof.settings import CENTRAL, CLIENTS, PARADIGM, Settings, rows
from energyprof.workload import Plan, Target, WorkloadError
from energyprof.workloads import paradigms
from energyprof.workloads.parsing import check
from energyprof.workloads.training import kept, levers

# An optimiser's name on the command line, and in a recipe.
OPTIMISERS = {"adamw": "AdamW", "sgd": "SGD", "adafactor": "Adafactor", "adam8bit": "AdamW8bit"}
# Times the learning rate of AdamW, whose steps do not grow with the gradient; --learning-rate sets another.
RATES = {"sgd": 10.0}
# Clients train side by side and are averaged: eight U-Nets at `tiny` take about six times the samples of one.
PATIENCE = 4
# Why no output of a frozen part can be used again, by workload.
ANEW = {
    "unet": "changes its images anew each time",
    "speech": "has its clips said and heard anew each time",
}
# What does not go together, and why.
APART = (
    ("prune", "lora", "adapters hang on layers as they were"),
    ("qat", "lora", "adapters hang on layers that do not round"),
    ("sparsity", "lora", "adapters hang on layers without zeros"),
    ("qat", "prune-kind mask", "what is rounded has no mask"),
    ("qat", "sparsity", "what is rounded has no mask"),
    ("sparsity", "prune-kind mask", "both are masks of the same weights"),
    ("qat", "precision fp8", "layers compute in one or the other"),
    ("sparsity", "precision fp8", "what is in 8 bits has no mask"),
    ("qat", "precision fp16", "the ranges that it rounds by need fp32 or bf16"),
    ("qat", "compile", "torch cannot compile what it rounds by"),
)


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
    _levers(name, recipe, settings)
    if settings.distil is not None:
        recipe["distil"] = _teacher(name, settings, recipes)
        if recipe["distil"] in recipes:
            _scored_once(recipe)
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


def _levers(name: str, recipe: Dict[str, Any], settings: Settings) -> None:
    """Names as a recipe writes them, and what does not go together.

    Raises:
        WorkloadError: two settings contradict each other.
    """
    if settings.optimiser is not None:
        recipe["optimiser"] = OPTIMISERS[settings.optimiser]
        if settings.learning_rate is None and "learning_rate" in recipe:
            recipe["learning_rate"] *= RATES.get(settings.optimiser, 1.0)
    turned = [row.key for row in (*levers.LEVERS, *levers.PREPARED) if row.turned(recipe)]
    if turned and settings.paradigm != CENTRAL:
        named = ", ".join(f"--{key.replace('_', '-')}" for key in dict.fromkeys(turned))
        raise WorkloadError(
            f"{named}: only for central training; --paradigm {settings.paradigm} has none of it"
        )
    if (settings.grow is None) != (settings.grow_samples is None):
        raise WorkloadError("--grow says how small samples are at first, --grow-samples how many: give both")
    if settings.quantise is not None and not settings.inference_s:
        raise WorkloadError("--quantise is of inference: say how long to measure it, such as --inference 20")
    if settings.prune is None and settings.prune_kind is not None:
        raise WorkloadError("--prune-kind says how to prune, not how much: give --prune, too")
    if recipe.get("prune_kind") == "channels":
        del recipe["prune_kind"]  # as without it
    if settings.cache_features:
        _cached(name, settings)
    if settings.data_cache is not None:
        if settings.data is None:
            raise WorkloadError("--data-cache is of data that are decoded, those of --data: leave it out")
        if name == "unet" and settings.data_cache == "decoded":
            raise WorkloadError(
                "unet keeps its volumes decoded in any case: leave --data-cache out, or give zstd"
            )
    masked = settings.prune is not None and settings.prune_kind == "mask"
    given = {
        "prune": settings.prune is not None,
        "prune-kind mask": masked,
        "lora": settings.lora is not None,
        "qat": settings.qat is not None,
        "sparsity": settings.sparsity is not None,
        "precision " + settings.precision: True,
        "compile": settings.compile,
    }
    for one, other, why in APART:
        if given.get(one) and given.get(other):
            raise WorkloadError(f"--{one} and --{other} do not go together: {why}")


def _cached(name: str, settings: Settings) -> None:
    """Do nothing if a frozen part of this training meets the same samples again.

    Raises:
        WorkloadError: it does not, or there is none.
    """
    if name in ANEW:
        raise WorkloadError(
            f"--cache-features: {name} {ANEW[name]}, so that nothing that was computed comes again: "
            "leave it out"
        )
    if name == "diffusion":
        return
    if settings.freeze is None:
        raise WorkloadError("--cache-features keeps what a frozen part puts out: give --freeze, too")
    for option, asked in (("--grow", settings.grow), ("--compile", settings.compile)):
        if asked:
            raise WorkloadError(f"--cache-features and {option} do not go together: leave one of them out")


def _teacher(name: str, settings: Settings, recipes: Mapping[str, Mapping[str, Any]]) -> str:
    """What stands for a teacher in a recipe: its size, or a fingerprint of its weights.

    Raises:
        WorkloadError: there is no such teacher, or it cannot teach this.
    """
    teacher = str(settings.distil)
    for option, asked in (("--compile", settings.compile), ("--nproc", settings.nproc > 1)):
        if asked:
            raise WorkloadError(f"--distil has its teacher in one process, uncompiled: leave {option} out")
    if teacher not in recipes:
        return kept.teacher(name, teacher).fingerprint
    if teacher == settings.size and settings.prune is None:
        raise WorkloadError(
            "--distil teaches a smaller network: give --prune, a larger size, or a folder of --keep"
        )
    if teacher != settings.size and settings.model is not None:
        raise WorkloadError(
            f"--distil {teacher}: of your --model only the same size can teach: --distil {settings.size}"
        )
    if ("patch" in recipes[teacher]) != ("patch" in recipes[settings.size]):
        raise WorkloadError(
            f"--distil {teacher}: images and volumes are other networks': {name} {settings.size} learns from "
            + " or ".join(
                s for s in recipes if ("patch" in recipes[s]) == ("patch" in recipes[settings.size])
            )
        )
    return teacher


def _scored_once(recipe: Mapping[str, Any]) -> None:
    """Do nothing if a teacher that is trained here comes to its first evaluation, which alone can end it.

    Raises:
        WorkloadError: it does not.
    """
    most, first = recipe["max_samples"], recipe["eval_every_samples"]
    if -(-most // recipe["batch_size"]) * recipe["batch_size"] < first:
        raise WorkloadError(
            f"--max-samples {most}: a teacher is first scored after {first} samples: give as many or more"
        )


def _of_levers(config: Mapping[str, Any]) -> Tuple[str, ...]:
    """The files of the levers that are turned: those of the others are no part of the work."""
    turned = {row.module: row for row in (*levers.LEVERS, *levers.PREPARED) if row.turned(config)}
    return tuple(source for row in turned.values() for source in row.loaded().SOURCES)


def _split(size: int, settings: Settings) -> None:
    parts = settings.nproc * settings.grad_accum
    if size % parts != 0:
        raise WorkloadError(
            f"batch size {size} cannot be split over {settings.nproc} process(es) × {settings.grad_accum} "
            f"part(s): use a multiple of {parts}"
        )
