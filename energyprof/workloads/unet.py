"""A U-Net learns to tell left and right grey and white matter apart in corrupted MRI slices.

The slices are those of the MNI template (``mni.py``). Each is turned, shifted and scaled, its contrast
bent and often inverted, shaded by a smooth bias field and covered in noise (``tissues.py``), so that
neither an intensity window nor a position prior will do; ``banks/`` holds what these reach. Training
draws its corruptions from the run's seed; the validation slab is corrupted once, the same in every run.
What is scored are the weights' moving averages: their curve rises smoothly, so a target cuts it once.
"""

import copy
import math
from typing import Any, Dict, Iterator, Mapping

from energyprof.workload import Diverged, Event, Phase, Plan, Progress, Settings, Target, WorkloadError
from energyprof.workloads import device as torch_side
from energyprof.workloads import mni, tissues

SUMMARY = "U-Net segments brain tissue by hemisphere in corrupted MRI slices"
SIZES: Dict[str, str] = {
    "tiny": "2-D, 2 mm, 0.3 M parameters: under a minute on two CPU cores",
    "base": "2-D, 1 mm, 26 M parameters: for one GPU; its target is provisional (no reference bank)",
}
RECIPES: Dict[str, Dict[str, Any]] = {
    "tiny": {
        "voxel_mm": 2,
        "channels": [16, 32, 64, 80],
        "batch_size": 16,
        "learning_rate": 4e-3,
        "decay_samples": 4096,
        "eval_every_samples": 256,
        "validation_copies": 3,
        "target": 0.81,
        "max_samples": 16384,
    },
    "base": {
        "voxel_mm": 1,
        "channels": [64, 128, 256, 512, 1024],
        "batch_size": 16,
        "learning_rate": 1e-3,
        "decay_samples": 16384,
        "eval_every_samples": 2048,
        "validation_copies": 6,
        "target": 0.80,
        "max_samples": 131072,
    },
}
WORK: Dict[str, Any] = {  # the same for every size
    "model": "monai UNet, 2 residual units a level",
    "loss": "DiceCE",
    "optimiser": "AdamW",
    "averaging": 0.97,  # what the averaged weights keep in each step
    "ramp_samples": 256,  # the learning rate rises over these
    "data": mni.NAME,
    "data_sha256": mni.SHA256,
    # First and last z. Between slabs lie 8 mm nobody sees: neighbouring slices are nearly the same image.
    "train_slabs_mm": [[-40, -5], [30, 65]],
    "validation_slabs_mm": [[4, 21]],
    "validation_seed": 152,
    "corruption": {
        "rotation_deg": 12.0,
        "shift": 0.06,  # of the slice's side
        "log_scale": 0.1,
        "log_gamma": 0.5,
        "inverted": 0.5,  # share of slices
        "log_bias": 0.4,  # at the 4×4 knots of the field
        "noise": 0.08,  # standard deviation; the clean intensities span 0…1
    },
}
WARMUP_STEPS = 3  # the first steps choose kernels and fill allocators
EVAL_BATCH = 18


def plan(settings: Settings) -> Plan:
    """The training that ``settings`` ask for.

    Raises:
        WorkloadError: a setting is out of its range.
    """
    if settings.size not in RECIPES:
        raise WorkloadError(f"unet has no size {settings.size!r}: choose one of {', '.join(RECIPES)}")
    recipe = dict(RECIPES[settings.size])
    for name in ("batch_size", "target", "max_samples"):
        if getattr(settings, name) is not None:
            recipe[name] = getattr(settings, name)
    target, max_samples = recipe.pop("target"), recipe.pop("max_samples")
    rules = (
        (
            settings.precision in torch_side.PRECISIONS,
            f"unknown precision {settings.precision!r}: choose one of {', '.join(torch_side.PRECISIONS)}",
        ),
        (recipe["batch_size"] >= 1, f"batch size {recipe['batch_size']} is too small: use 1 or more"),
        (
            0 < settings.data_fraction <= 1,
            f"data fraction {settings.data_fraction}: use more than 0, at most 1",
        ),
        (0 < target < 1, f"target {target} is no Dice score: use a number between 0 and 1"),
        (max_samples >= 1, f"max samples {max_samples} is too small: use 1 or more"),
    )
    for kept, message in rules:
        if not kept:
            raise WorkloadError(message)
    config = {
        **WORK,
        **recipe,
        "precision": settings.precision,
        "data_fraction": float(settings.data_fraction),
    }
    sources = (__file__, tissues.__file__, mni.__file__, torch_side.__file__)
    goal = Target("dice", float(target))
    return Plan("unet", settings.size, config, goal, max_samples, settings.device, sources)


def build(plan: Plan) -> "Segmentation":
    """The training program of ``plan``."""
    return Segmentation(plan)


class Segmentation:
    """One plan's training program."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.config = plan.config
        self.device: Any = None
        self.training: Any = None  # clean slices and labels, both (n, 1, x, y)
        self.validation: Any = None  # corrupted slices (n, 1, x, y) and truth (n, 5, x, y)

    def facts(self) -> Dict[str, Any]:
        """Versions, device, parameter count."""
        weights = network(self.config).parameters()
        return {
            **torch_side.facts(torch_side.torch_device(self.plan.device)),
            "monai": torch_side.library("monai").__version__,
            "parameters": sum(weight.numel() for weight in weights),
        }

    def prepare(self) -> None:
        """Put the training slices and the fixed validation set onto the device.

        Raises:
            WorkloadError: data, package or device is not there, or the device lacks the precision.
        """
        self.device = torch_side.torch_device(self.plan.device)
        torch_side.set_up(self.device, self.config["precision"])
        torch_side.library("monai.networks.nets")
        with torch_side.memory_named(self.device, self.config["batch_size"]):
            self.training = [t.to(self.device) for t in tissues.training_set(self.config)]
            self.validation = [t.to(self.device) for t in tissues.validation_set(self.config)]

    def train(self, seed: int) -> Iterator[Event]:
        """The phases and evaluations as they happen.

        Raises:
            Diverged: the loss is not a number, found at an evaluation.
            WorkloadError: the device ran out of memory.
        """
        with torch_side.memory_named(self.device, self.config["batch_size"]):
            yield from self._train(seed)

    def _train(self, seed: int) -> Iterator[Event]:
        import torch

        config, device = self.config, self.device
        torch.manual_seed(seed)
        chance = torch.Generator(device).manual_seed(seed)
        model = network(config).to(device)
        smooth = copy.deepcopy(model)
        loss_of = torch_side.library("monai.losses").DiceCELoss(softmax=True)
        optimiser = torch_side.adamw(model.parameters(), config["learning_rate"], device)
        rate = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: rate_factor(step, config))
        scaler = torch_side.gradient_scaler(device, config["precision"])
        slices, labels = self.training

        torch_side.synchronise(device)
        yield Phase("warmup", 0)
        samples, next_eval = 0, config["eval_every_samples"]
        shuffled = tissues.batches(len(slices), config["batch_size"], chance)
        for step, pick in enumerate(shuffled, start=1):
            inputs, truth = tissues.corrupt(slices[pick], labels[pick], config["corruption"], chance)
            with torch_side.autocast(device, config["precision"]):
                logits = model(inputs)
            loss = loss_of(logits.float(), truth)
            optimiser.zero_grad(set_to_none=True)
            scaler.scale(loss).backward()
            scaler.step(optimiser)
            scaler.update()
            rate.step()
            for average, weight in zip(smooth.parameters(), model.parameters()):
                average.detach().lerp_(weight.detach(), 1 - config["averaging"])
            samples += len(pick)
            yield Progress(samples)

            last = samples >= self.plan.max_samples
            if samples >= next_eval or last:
                torch_side.synchronise(device)
                yield Phase("eval", samples)
                # Weights that are not numbers stay so: the last loss tells, no need to wait for each.
                if not math.isfinite(loss.item()):
                    raise Diverged(f"the loss is {loss.item()} after {samples} samples")
                yield Progress(samples, self.evaluate(smooth))
                while next_eval <= samples:
                    next_eval += config["eval_every_samples"]
                if last:
                    return
                yield Phase("train", samples)
            elif step == WARMUP_STEPS:
                torch_side.synchronise(device)
                yield Phase("train", samples)

    def evaluate(self, model: Any) -> float:
        """Mean Dice of the four tissues over the validation set, once the device is done.

        Raises:
            Diverged: the score is not a number.
        """
        import torch

        dice = torch_side.library("monai.metrics").DiceMetric(include_background=False, reduction="mean")
        parts = zip(*(whole.split(EVAL_BATCH) for whole in self.validation))
        model.eval()
        with torch.no_grad(), torch_side.autocast(self.device, self.config["precision"]):
            for inputs, truth in parts:
                guess = model(inputs).argmax(dim=1, keepdim=True)
                dice(tissues.one_hot(guess), truth)
        model.train()
        score = float(dice.aggregate().item())
        if math.isnan(score):
            raise Diverged("the Dice score is not a number")
        return score


def network(config: Mapping[str, Any]) -> Any:
    """MONAI's U-Net with freshly drawn weights: (n, 1, x, y) to logits (n, 5, x, y)."""
    return torch_side.library("monai.networks.nets").UNet(
        spatial_dims=2,
        in_channels=1,
        out_channels=len(mni.LABELS),
        channels=config["channels"],
        strides=[2] * (len(config["channels"]) - 1),
        num_res_units=2,
    )


def rate_factor(step: int, config: Mapping[str, Any]) -> float:
    """Share of the learning rate in ``step`` (from 0): a ramp, then 1/√samples, which knows of no end."""
    samples = (step + 1) * config["batch_size"]
    ramp = min(1.0, samples / config["ramp_samples"])
    return float(ramp / math.sqrt(1 + samples / config["decay_samples"]))
