"""Distillation: a network learns what a teacher answers, beside what is true (Hinton, arXiv:1503.02531).

The teacher is the same network before it is pruned, trained in the same way to the target by the same data.
Its training is a phase of its own, ``teacher``, outside the student's energy to target and beside it in the
report; in each step its forward pass is part of the student's work.
"""

import copy
import dataclasses
from typing import Any, Dict, List

from energyprof.wire import mark
from energyprof.workload import Plan, WorkloadError
from energyprof.workloads.training import device as torch_side
from energyprof.workloads.training import forward, ranks, tensors
from energyprof.workloads.training.levers import pruning

SOURCES = (__file__, forward.__file__, pruning.__file__)
SHARE = 0.5  # of the loss that is the teacher's
TEMPERATURE = 2.0  # how much softer the answers are taken


def turn(task: Any, plan: Plan, device: Any, seed: int) -> Any:
    """The task of a student, whose loss is to one half how far its answers are from the teacher's.

    Raises:
        WorkloadError: there are several processes, or the teacher missed the target.
    """
    if ranks.world() > 1:
        raise WorkloadError("--distil trains its teacher in one process: use --nproc 1")
    teacher = copy.deepcopy(task.model)
    mark("teacher", samples=0)
    samples, score = _taught(task, teacher, plan, device)
    mark("startup", samples=0)
    reached = plan.target.reached(score)
    if not reached:
        raise WorkloadError(
            f"the teacher came to {score:.4g} in {samples} samples, not to the target: "
            "give a larger --max-samples, or an easier --target"
        )
    teacher.eval().requires_grad_(False)
    facts: Dict[str, Any] = {"teacher_samples": samples, "teacher_score": score}
    return dataclasses.replace(task, loss=_loss(task.loss, teacher), facts={**task.facts, **facts})


def _taught(task: Any, teacher: Any, plan: Plan, device: Any) -> Any:
    """Train the teacher to the target; its samples and its score."""
    config = plan.config
    learning = [weight for weight in teacher.parameters() if weight.requires_grad]
    optimiser = torch_side.adamw(learning, config["learning_rate"], device)
    rate = torch_side.library("torch.optim.lr_scheduler").LambdaLR(optimiser, task.rate)
    layout = tensors.memory_format(teacher, config.get("channels_last", False))
    teacher.to(memory_format=layout)
    # What is scored are averaged weights, where the student's are.
    scored = copy.deepcopy(teacher) if task.averaging else teacher
    averages = [weight for weight in scored.parameters() if weight.requires_grad]
    samples, score = 0, float("nan")
    while samples < plan.max_samples:
        optimiser.zero_grad(set_to_none=True)
        for _ in range(config["grad_accum"]):
            batch = tensors.moved(next(task.batches), device, layout)
            with torch_side.autocast(device, config["precision"]):
                loss = task.loss(teacher, batch)
            (loss / config["grad_accum"]).backward()
        if task.clip is not None:
            tensors.clip(learning, task.clip)
        optimiser.step()
        rate.step()
        if task.averaging:
            tensors.average(averages, learning, 1 - task.averaging)
        before, samples = samples, samples + config["batch_size"]
        if before // config["eval_every_samples"] < samples // config["eval_every_samples"]:
            score = _score(task, scored, device, config["precision"])
            if plan.target.reached(score):
                break
    teacher.load_state_dict(scored.state_dict())
    return samples, score


def _score(task: Any, model: Any, device: Any, precision: str) -> float:
    model.eval()
    with torch_side.no_gradients(), torch_side.autocast(device, precision):
        total, items = task.evaluate(model)
    model.train()
    return float(total / items)


def _loss(own: Any, teacher: Any) -> Any:
    """The loss of a student: half its own, half how far it is from the teacher on the same inputs."""
    apart: List[Any] = []

    def compare(_: Any, args: Any, kwargs: Any, out: Any) -> None:
        with torch_side.no_gradients():
            wanted = pruning.first_tensor(teacher(*args, **kwargs))
        apart.append(distance(pruning.first_tensor(out).float(), wanted.float()))

    def loss(model: Any, batch: Any) -> Any:
        inner = getattr(model, "_orig_mod", model)
        handle = inner.register_forward_hook(compare, with_kwargs=True)
        try:
            truth = own(model, batch)
        finally:
            handle.remove()
        found, apart[:] = sum(apart) / len(apart), []
        return (1 - SHARE) * truth + SHARE * found

    return loss


def distance(student: Any, teacher: Any) -> Any:
    """How far scores of classes in dimension 1 are apart: the softened cross-entropy, a scalar.

    The gradient of the softened one is larger by the temperature's square, as in the paper's section 2.
    """
    functional = torch_side.library("torch.nn.functional")
    told = functional.log_softmax(student / TEMPERATURE, dim=1)
    wanted = functional.softmax(teacher / TEMPERATURE, dim=1)
    return -(wanted * told).sum(dim=1).mean() * TEMPERATURE**2
