"""Denoising: a step of Stable Diffusion's training, as diffusers' text-to-image script takes it.

Every step encodes its images and captions anew: pixels → latents → latents with noise, from which the U-Net,
told the timestep and the caption, predicts the noise, or the velocity, that was mixed in. The parts that are
not trained compute in the low precision itself, the U-Net under autocast.

The score is the mean squared error of the noise, whichever is predicted, on held-out images with fixed noise
at timesteps spread evenly: of a predicted velocity v it follows from noise = α v + σ noisy latents.
"""

import copy
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Sequence, Tuple

from energyprof.workload import Event, Plan
from energyprof.workloads import latent, stable_diffusion
from energyprof.workloads.data import captioned, fingerprint, hub, image_folder, mni, packaged, views
from energyprof.workloads.training import device as torch_side
from energyprof.workloads.training import loop, order, program, ranks, rate
from energyprof.workloads.training.program import Program

SOURCES = (
    __file__,
    captioned.__file__,
    fingerprint.__file__,
    hub.__file__,
    image_folder.__file__,
    latent.__file__,
    mni.__file__,
    packaged.__file__,
    rate.__file__,
    stable_diffusion.__file__,
    views.__file__,
    *program.SOURCES,
)
EVAL_BATCH = 16
REFERENCES = 64  # images by which random autoencoders are set


class Denoising(Program):
    """One plan's training program."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.models: Any = None
        self.training: Any = None  # captioned.Slices or image_folder.Squares
        self.pairs: List[Tuple[Any, str]] = []  # training images, or their files, and captions
        self.validation: List[HeldOut] = []  # this process's share

    def facts(self) -> Dict[str, Any]:
        """Versions, device, and how many images there are."""
        found = self.versions("diffusers", "transformers")
        if self.training is not None:
            found.update(training_items=len(self.training), workers=getattr(self.training, "workers", 0))
        return found

    def prepare(self) -> None:
        """Put the parts that are not trained onto the device, and make the validation set with them.

        Raises:
            WorkloadError: model, data, package or device is not there, or the device lacks the precision.
        """
        import torch

        settings, config = self.plan.settings, self.config
        self.set_up()
        if settings.model is None:
            self.models = latent.drawn(config["model"], config["prediction"])
        else:
            self.models = latent.loaded(settings.model, settings.prediction)
        with torch_side.one_line(self.device, config["batch_size"]):
            self.models.freeze(self.device)
            self.training, held_out = self.sources()
            if settings.model is None:
                spaced = torch.arange(REFERENCES) * len(self.training) // REFERENCES
                batches = self.training.batches(views.plain(part) for part in spaced.split(EVAL_BATCH))
                self.models.centre(images.to(self.device) for images, _ in batches)
            self.models.lower(config["precision"], config["channels_last"])
            self.validation = list(self.held_out(held_out))

    def train(self, seed: int) -> Iterator[Event]:
        """The phases and evaluations as they happen.

        Raises:
            Diverged: the loss or the score is not a number.
            WorkloadError: the weights cannot be loaded, an image not read, or the device ran out of memory.
        """
        self.loop = loop.Loop(self.plan, self.device, self.task(self.network(seed), seed), seed)
        yield from self.loop.train()

    def network(self, seed: int) -> Any:
        """The U-Net on the device; what no checkpoint holds is drawn from the seed."""
        import torch

        torch.manual_seed(seed)
        return self.models.unet().to(self.device).train()

    def task(self, model: Any, seed: int) -> loop.Task:
        """How the model is trained from that seed."""
        config = self.config
        rng = loop.rng(seed, self.device)
        return loop.Task(
            model=model,
            batches=self.training.batches(views.drawn(len(self.training), config, seed)),
            loss=lambda model, batch: self.loss(model, batch, rng),
            evaluate=self.evaluate,
            optimiser=torch_side.adamw(model.parameters(), config["learning_rate"], self.device),
            rate=lambda step: rate.factor(step, config),
            generators=(rng,),
            averaging=config["ema_decay"] if config["ema"] else None,
            clip=config["clip"],
        )

    def labels(self) -> List[str]:
        """What each training image shows: which map a slice is of, or the caption."""
        own = self.plan.settings.data is not None
        return [caption if own else caption.partition(", ")[2] for _, caption in self.pairs]

    def groups(self) -> List[str]:
        """Where each image comes from: the map it is a slice of, or the folder it lies in."""
        own = self.plan.settings.data is not None
        return [str(image.parent) for image, _ in self.pairs] if own else self.labels()

    def part(self, indices: Sequence[int]) -> "Denoising":
        """The same program with these of the training images."""
        found = copy.copy(self)
        found.training = self.training.part(indices)
        return found

    def judged_by(self, indices: Sequence[int]) -> "Denoising":
        """The same program scored on these training images, with as many latents as the validation set."""
        found = copy.copy(self)
        found.validation = list(self.held_out(self.training.part(indices)))
        return found

    def sources(self) -> Tuple[Any, Any]:
        """The images to train on and those held out."""
        config = self.config
        if self.plan.settings.data is None:
            side = config["resolution"] + config["room"]
            slabs_mm = (config["train_slabs_mm"], config["validation_slabs_mm"])
            training, held_out = (captioned.slices(slabs, side) for slabs in slabs_mm)
        else:
            training, held_out = image_folder.read(Path(self.plan.settings.data))
        kept = order.evenly(len(training), config["data_fraction"]).tolist()
        self.pairs = [training[number] for number in kept]
        return self.source(self.pairs), self.source(held_out)

    def source(self, pairs: Sequence[Tuple[Any, str]]) -> Any:
        """What batches of these images and captions come from."""
        import torch

        images, captions = zip(*pairs)
        tokens, side = self.models.tokens(captions), self.config["resolution"]
        if self.plan.settings.data is None:
            return captioned.Slices(torch.stack(images).to(self.device), tokens.to(self.device), side)
        workers, pinned = ranks.worker_count(self.plan.settings.workers), self.device.type == "cuda"
        return image_folder.Squares(images, tokens, side, workers, pinned)

    def held_out(self, source: Any) -> Iterator["HeldOut"]:
        """The validation set in batches: noise and timesteps drawn on the CPU, the same on every device."""
        import torch

        n, schedule = self.config["validation_items"], self.models.schedule
        rng = torch.Generator().manual_seed(self.config["validation_seed"])
        spread = (torch.arange(n) * 2 + 1) * len(schedule.alphas_cumprod) // (2 * n)
        timesteps = spread[torch.randperm(n, generator=rng)]
        seeds = torch.randint(2**24, (n,), generator=rng)  # of 2**28 on torch's versions draw others
        parts = ranks.share(torch.arange(n)).split(EVAL_BATCH)
        picks = (views.plain(part * len(source) // n) for part in parts)
        for part, (images, tokens) in zip(parts, source.batches(picks)):
            latents, text = self.models.encoded(images.to(self.device), tokens.to(self.device), None)
            noise = torch.stack(
                [
                    torch.randn(latents.shape[1:], generator=torch.Generator().manual_seed(seed))
                    for seed in seeds[part].tolist()
                ]
            ).to(self.device)
            at = timesteps[part].to(self.device)
            noisy = schedule.add_noise(latents.float(), noise, at)
            yield HeldOut(noisy, at, text, noise, schedule.alphas_cumprod[at].view(-1, 1, 1, 1))

    def loss(self, model: Any, batch: Tuple[Any, Any], rng: Any) -> Any:
        """Mean squared error of what the model predicts, at a timestep drawn for each image."""
        import torch

        latents, text = self.models.encoded(*batch, rng)
        schedule, n = self.models.schedule, len(latents)
        drawing = {"generator": rng, "device": self.device}
        noise = torch.randn(latents.shape, dtype=latents.dtype, **drawing)
        timesteps = torch.randint(len(schedule.alphas_cumprod), (n,), **drawing)
        velocity = schedule.config.prediction_type == "v_prediction"
        wanted = schedule.get_velocity(latents, noise, timesteps) if velocity else noise
        found = predicted(model, schedule.add_noise(latents, noise, timesteps), timesteps, text)
        return torch.nn.functional.mse_loss(found, wanted.float())

    def evaluate(self, model: Any) -> Tuple[float, int]:
        """Sum over the validation items of the noise's mean squared error, and how many items."""
        velocity = self.models.schedule.config.prediction_type == "v_prediction"
        total: Any = 0.0
        for batch in self.validation:
            found = predicted(model, batch.noisy, batch.timesteps, batch.text)
            if velocity:
                found = batch.kept.sqrt() * found + (1 - batch.kept).sqrt() * batch.noisy
            total = total + (found - batch.noise).square().mean(dim=(1, 2, 3)).sum()
        return float(total), sum(len(batch.noise) for batch in self.validation)


class HeldOut(NamedTuple):
    """A batch of the validation set."""

    noisy: Any  # latents with noise (n, c, h, w) float32
    timesteps: Any  # (n,)
    text: Any  # (n, length, width)
    noise: Any  # like noisy
    kept: Any  # α²: the latents' share of noisy's variance (n, 1, 1, 1)


def predicted(model: Any, noisy: Any, timesteps: Any, text: Any) -> Any:
    """What the U-Net makes of noisy latents, float32."""
    return model(noisy, timesteps, text, return_dict=False)[0].float()
