"""The 3-D U-Net: nnU-Net's network, trained on patches of the user's volumes.

Volumes come in the Medical Segmentation Decathlon's layout, are decoded and resampled once, and cut into
patches, half of them around a voxel of some class (``data/``: ``decathlon.py``, ``volumes.py``,
``patches.py``). Network and patch follow from the typical volume (``topology.py``). A fifth of the cases is
segmented whole, window by window; scored are the weights' moving averages, on resampled voxels. Axes keep
their stored order.
"""

import copy
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

from energyprof.workload import Event, Plan, WorkloadError
from energyprof.workloads.data import decathlon, patches, topology, volumes
from energyprof.workloads.training import device as torch_side
from energyprof.workloads.training import loop, order, program, ranks, rate
from energyprof.workloads.training.program import Program

SOURCES = (
    __file__,
    decathlon.__file__,
    topology.__file__,
    volumes.__file__,
    patches.__file__,
    rate.__file__,
    *program.SOURCES,
)
WINDOWS = 2  # computed at a time when a whole volume is segmented


class VolumeSegmentation(Program):
    """One plan's training program."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.workers = 0
        self.training: List[volumes.Volume] = []
        self.validation: List[volumes.Volume] = []  # this process's share
        self.scales: Tuple[patches.Scale, ...] = ()  # of the intensities, one for each channel

    def facts(self) -> Dict[str, Any]:
        """Versions, device and how the data are loaded."""
        return {**self.versions("monai"), "workers": self.workers}

    def prepare(self) -> None:
        """Decode the cases that are not in the cache yet, and find out how their intensities are scaled.

        Raises:
            WorkloadError: data, package, device or its precision is not there, or a file is broken.
        """
        settings, config = self.plan.settings, self.config
        self.set_up("monai.networks.nets", "monai.inferers", "monai.transforms", "nibabel")
        self.workers = ranks.worker_count(settings.workers)
        data = decathlon.read(Path(str(settings.data)))
        picked = order.evenly(len(data.training), config["data_fraction"]).tolist()
        cases = [data.training[number] for number in picked]
        with torch_side.one_line(self.device, config["batch_size"]):
            volumes.decoded(ranks.share([*cases, *data.validation]), config, self.workers)
            ranks.summed([0.0], self.device)  # wait for the others' share
            self.training = volumes.decoded(cases, config, 0)
            held_out = volumes.decoded(data.validation, config, 0)
        for volumes_of, part in ((self.training, "training"), (held_out, "validation")):
            if not any(len(volume.places()) for volume in volumes_of):
                raise WorkloadError(
                    f"{settings.data}: no {part} case holds any label but the background: add some"
                )
        self.validation = ranks.share(held_out)
        self.scales = volumes.scales(self.training, config["modality"])

    def train(self, seed: int) -> Iterator[Event]:
        """The phases and evaluations as they happen.

        Raises:
            Diverged: the loss or the score is not a number.
            WorkloadError: the device ran out of memory, or a volume could not be read.
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
        import torch

        config = self.config
        dice = torch_side.library("monai.losses").DiceCELoss(softmax=True, include_background=False)
        values = torch.arange(len(config["labels"]), device=self.device).view(1, -1, 1, 1, 1)
        cut = patches.Patches(self.training, self.scales, config, seed)
        return loop.Task(
            model=model,
            batches=patches.micro_batches(cut, self.workers, self.device),
            loss=lambda model, batch: dice(model(batch[0]).float(), (batch[1] == values).float()),
            evaluate=self.evaluate,
            optimiser=torch_side.adamw(model.parameters(), config["learning_rate"], self.device),
            rate=lambda step: rate.factor(step, config),
            averaging=config["averaging"],
            clip=config["clip"],
        )

    def labels(self) -> List[int]:
        """The class that each training case holds most of, among those of the foreground; 0: none."""
        np = torch_side.library("numpy")
        classes = [np.bincount(volume.places()[:, 0].astype(int), minlength=1) for volume in self.training]
        return [int(counts.argmax()) for counts in classes]

    def groups(self) -> List[int]:
        """Each case is a patient, and a group of its own."""
        return list(range(len(self.training)))

    def part(self, indices: Sequence[int]) -> "VolumeSegmentation":
        """The same program with these of the training cases; its share of the processes that load data."""
        found = copy.copy(self)
        found.training = [self.training[number] for number in indices]
        found.workers = self.workers * len(indices) // len(self.training)
        return found

    def judged_by(self, indices: Sequence[int]) -> "VolumeSegmentation":
        """The same program scored on these training cases."""
        found = copy.copy(self)
        found.validation = [self.training[number] for number in indices]
        return found

    def evaluate(self, model: Any) -> Tuple[float, int]:
        """Sum of the validation cases' mean Dice over the foreground's labels, and how many cases."""
        import torch

        segment = torch_side.library("monai.inferers").sliding_window_inference
        dice = torch_side.library("monai.metrics").DiceMetric(
            include_background=False, reduction="none", num_classes=len(self.config["labels"])
        )
        means = []
        for volume in self.validation:
            image = torch.from_numpy(patches.scaled(volume.image(), self.scales))[None].to(self.device)
            logits = segment(
                image,
                self.config["patch"],
                WINDOWS,
                lambda windows: model(windows).float(),
                overlap=self.config["overlap"],
                mode="gaussian",
            )
            truth = torch.from_numpy(volume.label().copy())[None, None].to(self.device)
            # A label that a case does not hold says nothing of it.
            means.append(float(dice(logits.argmax(dim=1, keepdim=True), truth).nanmean().item()))
        scored = [mean for mean in means if mean == mean]
        return sum(scored), len(scored)


def network(config: Mapping[str, Any]) -> Any:
    """MONAI's DynUNet with freshly drawn weights: (n, modalities, x, y, z) to logits (n, labels, x, y, z)."""
    strides = config["strides"]
    return torch_side.library("monai.networks.nets").DynUNet(
        spatial_dims=3,
        in_channels=len(config["modality"]),
        out_channels=len(config["labels"]),
        kernel_size=[[3, 3, 3]] * len(strides),
        strides=strides,
        upsample_kernel_size=strides[1:],
        filters=config["channels"],
    )
