"""Distillation: a network learns what a teacher answers, beside what is true (Hinton, arXiv:1503.02531).

The teacher is the same network before it is pruned, or that of another size, trained in the same way to the
target by the same data; its training is a phase of its own, ``teacher``, outside the student's energy to
target and beside it in the report. Or it is a network that an earlier run has kept (``--keep``), and what it
took stands among the facts. In each step its forward pass is part of the student's work.
"""

import copy
import dataclasses
import importlib
from typing import Any, Dict, List, Mapping

from energyprof.wire import mark
from energyprof.workload import Plan, WorkloadError
from energyprof.workloads.training import device as torch_side
from energyprof.workloads.training import forward, kept, ranks, tensors
from energyprof.workloads.training.levers import pruning

SOURCES = (__file__, forward.__file__, kept.__file__, pruning.__file__)
SHARE = 0.5  # of the loss that is the teacher's
TEMPERATURE = 2.0  # how much softer the answers are taken


def turn(task: Any, plan: Plan, device: Any, seed: int) -> Any:
    """The task of a student, whose loss is to one half how far its answers are from the teacher's.

    Raises:
        WorkloadError: there are several processes, or the teacher missed the target or does not fit.
    """
    if ranks.world() > 1:
        raise WorkloadError("--distil trains its teacher in one process: use --nproc 1")
    if plan.config["distil"].startswith(kept.FINGERPRINT):
        teacher, facts = _kept(task, plan, device)
    else:
        teacher, facts = _trained(task, plan, device, seed)
    teacher.eval().requires_grad_(False)
    return dataclasses.replace(task, loss=_loss(task.loss, teacher), facts={**task.facts, **facts})


def _trained(task: Any, plan: Plan, device: Any, seed: int) -> Any:
    """A teacher of a size, trained here, and the facts of it."""
    size, rate = plan.config["distil"], plan.config["learning_rate"]
    if size == plan.size:
        teacher = copy.deepcopy(task.model)
    else:
        recipe = importlib.import_module("energyprof.workloads." + plan.name).RECIPES[size]
        torch_side.library("torch").manual_seed(seed)
        teacher, rate = _network(task, plan, recipe).to(device), recipe["learning_rate"]
    mark("teacher", samples=0)
    samples, score = _taught(task, teacher, plan, device, rate)
    mark("startup", samples=0)
    if not plan.target.reached(score):
        raise WorkloadError(
            f"the teacher came to {score:.4g} in {samples} samples, not to the target: "
            "give a larger --max-samples, or an easier --target"
        )
    return teacher, {"teacher_samples": samples, "teacher_score": score}


def _kept(task: Any, plan: Plan, device: Any) -> Any:
    """The teacher that an earlier run has kept, and the facts of it."""
    folder = str(plan.settings.distil)
    found = kept.teacher(plan.name, folder)
    torch = torch_side.library("torch")
    teacher = _network(task, plan, found.config)
    try:
        weights = torch.load(str(found.weights), map_location="cpu", weights_only=True)
        teacher.load_state_dict(weights)
    except Exception as error:  # of a broken file torch's reader raises whatever it stumbles over
        said = (str(error).splitlines() or ["?"])[0][:100]
        raise WorkloadError(
            f"--distil {folder}: its weights are not those of a teacher for this ({said}): give another"
        ) from error
    facts: Dict[str, Any] = {
        "teacher_samples": found.samples,
        "teacher_score": found.score,
        "teacher_sha256": found.fingerprint,
        "teacher_energy_j": found.energy_j,
        "teacher_energy_u_j": found.energy_u_j,
        "teacher_energy_low_j": found.energy_low_j,
        "teacher_energy_high_j": found.energy_high_j,
        "teacher_cpu_s": found.cpu_s,
    }
    return teacher.to(device), facts


def _network(task: Any, plan: Plan, config: Mapping[str, Any]) -> Any:
    """A network as ``config`` has it, which answers as the student does.

    Raises:
        WorkloadError: it cannot be made of that alone.
    """
    if plan.name == "unet":
        if ("patch" in config) != ("patch" in plan.config):
            raise WorkloadError("--distil: images and volumes are other networks': give another teacher")
        kind = "unet_volumes" if "patch" in config else "unet_slices"
        return importlib.import_module("energyprof.workloads." + kind).network(config)
    classifier = importlib.import_module("energyprof.workloads.classifier")
    minilm = importlib.import_module("energyprof.workloads.minilm")
    model = config["model"]
    if not isinstance(model, dict) and model != minilm.NAME:
        raise WorkloadError("--distil: the teacher's own --model is not kept with it: give another")
    described = {**plan.config, "model": model, "lora": None}
    return classifier.Classifier(described, None, task.model.config.num_labels).network()


def _taught(task: Any, teacher: Any, plan: Plan, device: Any, learning_rate: float) -> Any:
    """Train the teacher to the target; its samples and its score."""
    config = plan.config
    learning = [weight for weight in teacher.parameters() if weight.requires_grad]
    optimiser = torch_side.adamw(learning, learning_rate, device)
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
