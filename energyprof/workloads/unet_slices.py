"""The 2-D U-Net: it learns to tell left and right grey and white matter apart in corrupted MRI slices.

The slices are those of the MNI template (``data/mni.py``). Each is turned, shifted and scaled, its contrast
bent and often inverted, shaded by a smooth bias field and covered in noise (``data/tissues.py``), so that
neither an intensity window nor a position prior will do; ``banks/`` holds what these reach. Training
draws its corruptions from the run's seed; the validation slab is corrupted once, the same in every run.
What is scored are the weights' moving averages: their curve rises smoothly, so a target cuts it once.
"""

import copy
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

from energyprof.workload import Event, Plan
from energyprof.workloads.data import mni, packaged, tissues
from energyprof.workloads.training import device as torch_side
from energyprof.workloads.training import loop, order, program, ranks, rate
from energyprof.workloads.training.program import Program

SOURCES = (
    __file__,
    tissues.__file__,
    mni.__file__,
    packaged.__file__,
    rate.__file__,
    *program.SOURCES,
)
EVAL_BATCH = 18
BLOCKS = 8  # of neighbouring slices


class SliceSegmentation(Program):
    """One plan's training program."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.training: Any = None  # clean slices and labels, both (n, 1, x, y)
        # Corrupted slices (n, 1, x, y) and truth (n, 5, x, y): this process's share.
        self.validation: Any = None

    def facts(self) -> Dict[str, Any]:
        """Versions, device, and how many slices there are."""
        return {**self.versions("monai"), "training_items": len(self.training[0])}

    def prepare(self) -> None:
        """Put the training slices and the fixed validation set onto the device.

        Raises:
            WorkloadError: data, package or device is not there, or the device lacks the precision.
        """
        self.set_up("monai.networks.nets")
        with torch_side.one_line(self.device, self.config["batch_size"]):
            self.training = [t.to(self.device) for t in tissues.training_set(self.config)]
            self.validation = [ranks.share(t).to(self.device) for t in tissues.validation_set(self.config)]

    def train(self, seed: int) -> Iterator[Event]:
        """The phases and evaluations as they happen.

        Raises:
            Diverged: the loss or the score is not a number.
            WorkloadError: the device ran out of memory.
        """
        self.loop = loop.Loop(self.plan, self.device, self.task(self.network(seed), seed), seed)
        yield from self.loop.train()

    def network(self, seed: int) -> Any:
        """The model with weights drawn from the seed, on the device."""
        import torch

        torch.manual_seed(seed)
        return network(self.config).to(self.device)

    def task(self, model: Any, seed: int) -> loop.Task:
        """How the model is trained from that seed."""
        dice = torch_side.library("monai.losses").DiceCELoss(softmax=True)
        return loop.Task(
            model=model,
            batches=self.batches(seed),
            loss=lambda model, batch: dice(model(batch[0]).float(), batch[1]),
            evaluate=self.evaluate,
            optimiser=torch_side.adamw(model.parameters(), self.config["learning_rate"], self.device),
            rate=lambda step: rate.factor(step, self.config),
            averaging=self.config["averaging"],
        )

    def labels(self) -> List[int]:
        """Where each training slice lies, in eighths of them all: neighbours look alike, others do not."""
        n = len(self.training[0])
        return [number * BLOCKS // n for number in range(n)]

    def groups(self) -> List[int]:
        """The block of neighbouring slices that each lies in, as from one scan of a part of the head."""
        return self.labels()

    def part(self, indices: Sequence[int]) -> "SliceSegmentation":
        """The same program with these of the training slices."""
        found = copy.copy(self)
        found.training = [tensor[list(indices)] for tensor in self.training]
        return found

    def judged_by(self, indices: Sequence[int]) -> "SliceSegmentation":
        """The same program scored on these training slices, corrupted as those of validation are."""
        found = copy.copy(self)
        slices, labels = (tensor[list(indices)].cpu() for tensor in self.training)
        found.validation = [t.to(self.device) for t in tissues.held_out(slices, labels, self.config)]
        return found

    def batches(self, seed: int) -> Iterator[Tuple[Any, Any]]:
        """Corrupted slices (n, 1, x, y) and their truth (n, 5, x, y), without end."""
        slices, labels = self.training
        rng = loop.rng(seed, self.device)
        for pick in order.micro_batches(len(slices), self.config, seed, self.device):
            yield tissues.corrupt(slices[pick], labels[pick], self.config["corruption"], rng)

    def evaluate(self, model: Any) -> Tuple[float, int]:
        """Sum of the validation slices' mean Dice over the tissues, and how many slices."""
        dice = torch_side.library("monai.metrics").DiceMetric(include_background=False, reduction="none")
        for inputs, truth in zip(*(whole.split(EVAL_BATCH) for whole in self.validation)):
            dice(tissues.one_hot(model(inputs).argmax(dim=1, keepdim=True)), truth)
        scores = dice.aggregate().nanmean(dim=1)  # a tissue that a slice does not hold says nothing of it
        return float(scores.nansum().item()), int(scores.isfinite().sum().item())


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
