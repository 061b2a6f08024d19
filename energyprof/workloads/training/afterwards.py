"""What is measured of a training once it is over: inference first, since the parts of a step train on."""

import dataclasses
from typing import Any, Dict, Iterator, List, Tuple

from energyprof.workload import Event, Facts, Mark, Plan, Trained, Workload
from energyprof.workloads.training import inference, modules, quantisation, used
from energyprof.workloads.training.levers import rounding, sparsity

END = "part:end"


def measured(workload: Workload, plan: Plan, largest: int) -> Iterator[Event]:
    """The phases that ``plan.settings`` ask for; ``largest`` is the larger batch size of inference.

    Raises:
        WorkloadError: the device ran out of memory.
    """
    settings = plan.settings
    trained = workload.trained()
    if trained is not None:
        if settings.inference_s:
            yield Mark(inference.PREFIX + "prepare", trained.samples)
            inferring = dataclasses.replace(trained, model=used.plain(trained.model))
            inferring, kinds, facts = _kinds(inferring, plan)
            yield Facts(facts)
            yield from inference.measured(inferring, settings.inference_s, largest, kinds)
        yield from modules.measured(trained, settings.breakdown_modules_s)
    yield from workload.breakdown(settings.breakdown_s)
    asked = settings.inference_s or settings.breakdown_modules_s
    if asked and not settings.breakdown_s and trained is not None:
        yield Mark(END, trained.samples)


def _kinds(trained: Trained, plan: Plan) -> Tuple[Trained, List[Tuple[str, Any]], Dict[str, Any]]:
    """What infers as it was trained, what was made of it beside, and what is known of these."""
    kinds: List[Tuple[str, Any]] = []
    facts: Dict[str, Any] = {}
    in_integers = plan.settings.quantise or plan.config.get("qat")
    if in_integers is not None:
        rounded = "qat" in plan.config
        if rounded:  # rounding is simulated for the training alone
            inferring = dataclasses.replace(trained, model=rounding.plain(trained.model))
            facts["score_plain"] = trained.score(inferring.model)
            model = rounding.integers(trained.model)
        else:
            inferring, model = trained, trained.model
        made = quantisation.quantised(model, trained.device)
        kinds.append((in_integers, made))
        facts.update(
            {"score_" + in_integers: trained.score(made), **quantisation.share(inferring.model, made)}
        )
        trained = inferring
    if "sparsity" in plan.config and sparsity.in_hardware(trained.device, trained.precision):
        made = sparsity.compressed(trained.model, trained.precision)
        kinds.append((plan.config["sparsity"], made))
        facts["score_sparse"] = trained.score(made)
    return trained, kinds, facts
