"""Claim: `speech` trains at least 0.95 × as many samples a second as the same model in a loop by hand.

    python benchmarks/workload_speed_speech.py [--size tiny] [--device auto] [--precision fp32]

The other side is the loop that the field writes by hand: zero_grad, forward, loss, backward, clipping, step,
and the loss added up with .item(). Model, weights, clips in their rooms and noise, spectrograms, loss,
optimiser, learning rate and torch's switches are the same, and neither keeps moving averages of its weights,
which the workload otherwise does: so both end with the same word error rate. They take turns in one process,
a block of steps each in the order ABBA, since on a shared machine whole runs differ for reasons of their own.
The ratio is the median over the pairs of blocks, with a bootstrap interval of that median.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator
from dataclasses import replace

from turns import in_turn, judged

from energyprof.workload import Progress, Settings
from energyprof.workloads import recognition, speech
from energyprof.workloads.training import device as torch_side
from energyprof.workloads.training import rate

PAIRS = 40
STEPS = 8  # in a block
WARMUP_STEPS = 10


def main() -> int:
    """Print the table and the ratio; 1 if the claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=sorted(speech.SIZES), default="tiny")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="fp32")
    asked = parser.parse_args()
    plan = speech.plan(Settings(size=asked.size, device=asked.device, precision=asked.precision))
    samples = (WARMUP_STEPS + PAIRS * STEPS) * plan.config["batch_size"]
    config = {**plan.config, "averaging": None, "eval_every_samples": samples}
    workload = recognition.Recognition(replace(plan, config=config, max_samples=samples))
    workload.prepare()

    sides: dict[str, Iterator[float]] = {"energyprof": ours(workload), "by hand": by_hand(workload)}
    seconds = in_turn(sides, WARMUP_STEPS, PAIRS, STEPS, workload.device)

    in_block = STEPS * plan.config["batch_size"]
    print(f"speech {asked.size}, {asked.precision}, on {workload.facts()['device_name']}, {workload.device}")
    print(f"{'':12}{'samples/s':>12}{'ms a step':>12}{'word error rate':>18}")
    for side, took in seconds.items():
        middle_s = statistics.median(took)
        score = next(sides[side])
        print(f"{side:12}{in_block / middle_s:12.1f}{1000 * middle_s / STEPS:12.2f}{score:18.5f}")
    return judged("by hand", seconds["by hand"], seconds["energyprof"])


def ours(workload: recognition.Recognition) -> Iterator[float]:
    """One training step of the workload each time, then its score."""
    for event in workload.train(0):
        if isinstance(event, Progress):
            yield 0.0 if event.score is None else event.score


def by_hand(workload: recognition.Recognition) -> Iterator[float]:
    """One step of the plain loop each time, then its score."""
    import torch

    config, device = workload.config, workload.device
    torch.manual_seed(0)
    model = workload.recogniser.network().to(device)
    optimizer = torch_side.adamw(model.parameters(), config["learning_rate"], device)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate.factor(step, config))
    scaler = torch_side.gradient_scaler(device, config["precision"])
    epoch_loss = 0.0
    model.train()
    for step, batch in enumerate(workload.batches(0), start=1):
        optimizer.zero_grad()
        with torch_side.autocast(device, config["precision"]):
            loss = workload.recogniser.loss(model, tuple(part.to(device) for part in batch))
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), config["clip"])
        scaler.step(optimizer)
        scaler.update()
        scheduler.step()
        epoch_loss += loss.item()
        yield 0.0
        if step == WARMUP_STEPS + PAIRS * STEPS:
            break
    model.eval()
    with torch.no_grad(), torch_side.autocast(device, config["precision"]):
        wrong, words = workload.evaluate(model)
    yield wrong / words


if __name__ == "__main__":
    sys.exit(main())
