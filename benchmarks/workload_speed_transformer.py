"""Claim: `transformer` trains at least 0.95 × as many samples a second as the same model in the Trainer.

    python benchmarks/workload_speed_transformer.py [--size tiny] [--device auto] [--precision fp32]

The other side is transformers' own Trainer: same model, texts, padded length, batch size, learning rate,
clipping and precision. It keeps its own optimiser (AdamW, fused where it chooses so), loads its own batches,
and is told not to log, evaluate or save; the workload keeps no moving averages of its weights, which the
Trainer does not know. They take turns in one process, a block of steps each in the order ABBA, since on a
shared machine whole runs differ for reasons of their own: a callback of the Trainer hands over. The ratio is
the median over the pairs of blocks, with a bootstrap interval of that median.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from turns import block, judged

from energyprof.workload import Progress, Settings
from energyprof.workloads import text_classification, transformer
from energyprof.workloads.training import device as torch_side

PAIRS = 20  # an even number
STEPS = 5  # in a block
WARMUP_STEPS = 5


def main() -> int:
    """Print the table and the ratio; 1 if the claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=sorted(transformer.SIZES), default="tiny")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="fp32")
    asked = parser.parse_args()
    plan = transformer.plan(Settings(size=asked.size, device=asked.device, precision=asked.precision))
    steps = WARMUP_STEPS + PAIRS * STEPS
    samples = (steps + 1) * plan.config["batch_size"]
    config = {**plan.config, "averaging": None, "eval_every_samples": samples}
    workload = text_classification.TextClassification(replace(plan, config=config, max_samples=samples))
    workload.prepare()
    own = (event for event in workload.train(0) if isinstance(event, Progress))
    block(own, WARMUP_STEPS, workload.device)
    took: dict[str, list[float]] = {"energyprof": [], "Trainer": []}

    def hand_over(trainers_s: float) -> None:
        """After a block of the Trainer: take the turns up to its next."""
        took["Trainer"].append(trainers_s)
        if len(took["Trainer"]) % 2:  # the second half of this pair, and the first of the next
            took["energyprof"] += [block(own, STEPS, workload.device) for _ in range(2)]

    train_beside(workload, steps, hand_over)
    in_block = STEPS * plan.config["batch_size"]
    facts = workload.facts()
    print(f"transformer {asked.size}, {asked.precision}, {facts['tokens']} tokens, on {facts['device_name']}")
    print(f"{'':12}{'samples/s':>12}{'ms a step':>12}")
    for side, seconds in took.items():
        middle_s = statistics.median(seconds)
        print(f"{side:12}{in_block / middle_s:12.1f}{1000 * middle_s / STEPS:12.1f}")
    return judged("Trainer", took["Trainer"], took["energyprof"])


def train_beside(
    workload: text_classification.TextClassification, steps: int, hand_over: Callable[[float], None]
) -> None:
    """Train the same model with the Trainer; ``hand_over`` gets the seconds of each block."""
    import torch
    import transformers

    config, device = workload.config, workload.device

    class Blocks(transformers.TrainerCallback):  # type: ignore[misc]
        """Times blocks of steps from the end of one to the end of another."""

        start_s = 0.0

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            done = state.global_step - WARMUP_STEPS
            if done < 0 or done % STEPS:
                return
            torch_side.synchronise(device)
            if done:
                hand_over(time.monotonic() - self.start_s)
            self.start_s = time.monotonic()

    tokens, mask, labels = (part.cpu().long() for part in workload.training)
    items = [
        {"input_ids": tokens[i], "attention_mask": mask[i], "labels": labels[i]} for i in range(len(tokens))
    ]
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        trainer = transformers.Trainer(
            model=workload.classifier.network(),
            args=transformers.TrainingArguments(
                output_dir=folder,
                max_steps=steps,
                per_device_train_batch_size=config["batch_size"],
                learning_rate=config["learning_rate"],
                lr_scheduler_type="inverse_sqrt",
                warmup_steps=config["ramp_samples"] // config["batch_size"],
                weight_decay=0.01,
                max_grad_norm=config["clip"],
                bf16=config["precision"] == "bf16",
                fp16=config["precision"] == "fp16",
                use_cpu=device.type == "cpu",
                dataloader_pin_memory=device.type == "cuda",
                logging_strategy="no",
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
            ),
            train_dataset=items,
            callbacks=[Blocks()],
        )
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.train()


if __name__ == "__main__":
    sys.exit(main())
