"""Claim: `diffusion` trains at least 0.95 × as many samples a second as diffusers' text-to-image script.

    python benchmarks/workload_speed_diffusion.py [--size tiny] [--device auto] [--precision fp32]

The other side is the loop of train_text_to_image.py, written anew: Accelerate prepares model, AdamW, constant
learning rate and a DataLoader that crops, mirrors and scales each image; a step encodes images and captions,
mixes in noise, predicts it, clips the gradient, and reads the loss for the progress bar. Autoencoder, text
encoder, U-Net, slices, batch size and precision are the same, and neither keeps averages of its weights.
They take turns in one process, a block of steps each in the order ABBA, since on a shared machine whole runs
differ for reasons of their own. The ratio is the median over the pairs of blocks, with a bootstrap interval
of that median.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from turns import in_turn, judged

from energyprof.workload import Progress, Settings
from energyprof.workloads import denoising, diffusion

PAIRS = 30  # an even number
STEPS = 5  # in a block
WARMUP_STEPS = 5


def main() -> int:
    """Print the table and the ratio; 1 if the claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=sorted(diffusion.SIZES), default="tiny")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", choices=("fp32", "bf16", "fp16"), default="fp32")
    asked = parser.parse_args()
    plan = diffusion.plan(Settings(size=asked.size, device=asked.device, precision=asked.precision))
    samples = (WARMUP_STEPS + PAIRS * STEPS + 1) * plan.config["batch_size"]
    config = {**plan.config, "eval_every_samples": samples}
    workload = denoising.Denoising(replace(plan, config=config, max_samples=samples))
    workload.prepare()

    sides: dict[str, Iterator[Any]] = {
        "energyprof": (event for event in workload.train(0) if isinstance(event, Progress)),
        "script": script(workload),
    }
    seconds = in_turn(sides, WARMUP_STEPS, PAIRS, STEPS, workload.device)

    in_block = STEPS * plan.config["batch_size"]
    print(
        f"diffusion {asked.size}, {asked.precision}, on {workload.facts()['device_name']}, {workload.device}"
    )
    print(f"{'':12}{'samples/s':>12}{'ms a step':>12}")
    for side, took in seconds.items():
        middle_s = statistics.median(took)
        print(f"{side:12}{in_block / middle_s:12.1f}{1000 * middle_s / STEPS:12.2f}")
    return judged("script", seconds["script"], seconds["energyprof"])


class Examples:
    """The training slices as the script's transforms hand them over; item n is an example."""

    def __init__(self, workload: denoising.Denoising) -> None:
        self.images = workload.training.images.cpu()
        self.tokens = workload.training.tokens.cpu()
        self.side = workload.config["resolution"]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, number: int) -> dict[str, Any]:
        """Pixels (3, side, side) in -1…1 and the caption's tokens."""
        import torch

        image = self.images[number]
        room = image.shape[1] - self.side + 1
        top, left = (int(torch.randint(room, ()).item()) for _ in range(2))
        crop = image[:, top : top + self.side, left : left + self.side]
        crop = crop.flip(2) if torch.rand(()) < 0.5 else crop
        pixels = crop.expand(3, -1, -1).float().div(255).sub(0.5).div(0.5)
        return {"pixel_values": pixels, "input_ids": self.tokens[number]}


def script(workload: denoising.Denoising) -> Iterator[float]:
    """One step of the script's loop each time: its loss."""
    import accelerate
    import diffusers.optimization
    import torch

    config, models = workload.config, workload.models
    mixed = {"fp32": "no"}.get(config["precision"], config["precision"])
    accelerator = accelerate.Accelerator(mixed_precision=mixed, cpu=workload.device.type == "cpu")
    torch.manual_seed(0)
    model = models.unet().train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=config["learning_rate"])
    loader: Any = torch.utils.data.DataLoader(
        Examples(workload),  # type: ignore[arg-type]
        shuffle=True,
        batch_size=config["batch_size"],
        drop_last=True,  # the workload has no smaller batches either
    )
    scheduler = diffusers.optimization.get_scheduler("constant", optimizer)
    model, optimizer, loader, scheduler = accelerator.prepare(model, optimizer, loader, scheduler)
    noise_schedule, vae, dtype = models.schedule, models.vae, models.vae.dtype
    train_loss = 0.0
    while True:
        for batch in loader:
            with accelerator.accumulate(model):
                with torch.no_grad():
                    latents = vae.encode(batch["pixel_values"].to(dtype)).latent_dist.sample()
                    latents = latents * vae.config.scaling_factor
                    text = models.text_encoder(batch["input_ids"])[0]
                noise = torch.randn_like(latents)
                timesteps = torch.randint(
                    0, noise_schedule.config.num_train_timesteps, (len(latents),), device=latents.device
                )
                noisy = noise_schedule.add_noise(latents, noise, timesteps)
                if noise_schedule.config.prediction_type == "epsilon":
                    target = noise
                else:
                    target = noise_schedule.get_velocity(latents, noise, timesteps)
                found = model(noisy, timesteps, text, return_dict=False)[0]
                loss = torch.nn.functional.mse_loss(found.float(), target.float(), reduction="mean")
                mean_loss = accelerator.gather(loss.repeat(config["batch_size"])).mean()
                train_loss += mean_loss.item()
                accelerator.backward(loss)
                if accelerator.sync_gradients:
                    accelerator.clip_grad_norm_(model.parameters(), config["clip"])
                optimizer.step()
                scheduler.step()
                optimizer.zero_grad()
            yield loss.detach().item()


if __name__ == "__main__":
    sys.exit(main())
