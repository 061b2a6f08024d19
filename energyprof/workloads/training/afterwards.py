"""What is measured of a training once it is over: inference first, since the parts of a step train on."""

from typing import Any, Iterator, List, Tuple

from energyprof.workload import Event, Facts, Mark, Plan, Workload
from energyprof.workloads.training import inference, modules, quantisation

END = "part:end"


def measured(workload: Workload, plan: Plan, largest: int) -> Iterator[Event]:
    """The phases that ``plan.settings`` ask for; ``largest`` is the larger batch size of inference.

    Raises:
        WorkloadError: the device ran out of memory.
    """
    settings = plan.settings
    trained = workload.trained()
    if trained is not None:
        kinds: List[Tuple[str, Any]] = []
        if settings.quantise is not None:
            made = quantisation.quantised(trained.model, trained.device)
            score = trained.score(made)
            yield Facts({"score_" + settings.quantise: score, **quantisation.share(trained.model)})
            kinds.append((settings.quantise, made))
        yield from inference.measured(trained, settings.inference_s, largest, kinds)
        yield from modules.measured(trained, settings.breakdown_modules_s)
    yield from workload.breakdown(settings.breakdown_s)
    asked = settings.inference_s or settings.breakdown_modules_s
    if asked and not settings.breakdown_s and trained is not None:
        yield Mark(END, trained.samples)
