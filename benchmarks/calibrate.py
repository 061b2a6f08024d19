"""Claim: a workload's target is out of reach of trivial methods, and 19 of 20 seeds train to it.

``python benchmarks/calibrate.py unet --size tiny --seeds 20`` scores the trivial methods, trains every seed
to the target and writes the reference bank: how it was made, the baselines, each seed's samples to target and
whole curve. Baselines are fitted to corrupted training slices and scored on the network's validation set.
"""

import argparse
import json
import os
import platform
import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from energyprof.workload import Diverged, Plan, Settings, WorkloadError
from energyprof.workloads import WORKLOADS, mni, tissues, workload_module

MARGIN = 0.05  # by which the target beats every baseline
COPIES = 16  # corruptions of each training slice that the baselines are fitted to
BINS = 32  # of intensity, equally filled


def main() -> None:
    """Write the bank; exit 1 when the claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workload", choices=sorted(WORKLOADS))
    parser.add_argument("--size", default="tiny")
    parser.add_argument("--seeds", type=int, default=20, help="train seeds 0 to N-1")
    parser.add_argument("--out", type=Path, help="the bank (default: the package's own)")
    asked = parser.parse_args()
    try:
        sys.exit(calibrate(asked.workload, asked.size, asked.seeds, asked.out))
    except WorkloadError as error:
        sys.exit(f"calibrate: {error}")


def calibrate(name: str, size: str, seeds: int, out: Path | None) -> int:
    """Score the baselines, train the seeds, write the bank; 0 when the claim holds, else 1."""
    module = workload_module(name)
    plan = module.plan(Settings(size=size))
    out = out or Path(str(module.__file__)).parent / "banks" / f"{name}-{size}.json"
    workload = module.build(plan)
    workload.prepare()
    baselines = {method: round(score, 4) for method, score in trivial_scores(plan.config)}
    for method, score in baselines.items():
        say(f"{score:.4f}  {method}")
    bank: dict[str, Any] = {
        "schema": "energyprof.bank/1",
        "workload": {
            "name": name,
            "size": size,
            "id": plan.id(),
            "config": plan.config,
            "target": asdict(plan.target),
            "max_samples": plan.max_samples,
        },
        "made": {
            "command": shlex.join(["python", *sys.argv]),
            "utc": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "system": platform.system(),
            "cpus": os.cpu_count(),
            **workload.facts(),
        },
        "baselines": baselines,
        "runs": [],
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_suffix(".json.part")  # the old bank stands until the new one is whole
    for seed in range(seeds):
        run = to_target(workload, plan, seed)
        bank["runs"].append(run)
        unfinished.write_text(bank_text(bank), encoding="utf-8")
        say("seed {seed}: {status} {score} after {samples} samples, {seconds} s".format(**run))
    unfinished.replace(out)
    reached = sum(run["status"] == "reached" for run in bank["runs"])
    ahead = plan.target.value - max(baselines.values())
    say(f"{reached} of {seeds} seeds reach {plan.target.value}, {ahead:.3f} above the best baseline: {out}")
    return 0 if reached >= 0.95 * seeds and ahead >= MARGIN else 1


def to_target(workload: Any, plan: Plan, seed: int) -> dict[str, Any]:
    """One seed's run up to its first evaluation at or past the target.

    Seconds count from the first step; ``load_1m``, the load average at the end, tells of others at work.
    """
    run: dict[str, Any] = {
        "seed": seed,
        "status": "missed",
        "samples": 0,
        "score": None,
        "seconds": 0.0,
    }
    history = []
    events = workload.train(seed)
    next(events)  # the model is built
    start_s = time.monotonic()
    try:
        for event in events:
            score = getattr(event, "score", None)
            run["samples"] = event.samples
            if score is None:
                continue
            run["score"] = round(score, 5)
            run["seconds"] = round(time.monotonic() - start_s, 2)
            history.append([event.samples, run["score"]])
            if plan.target.reached(score):
                run["status"] = "reached"
                break
    except Diverged:
        run["status"] = "diverged"
    events.close()
    return {**run, "load_1m": round(os.getloadavg()[0], 1), "history": history}


def trivial_scores(config: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The methods that need no network, by name, and their scores on the validation set."""
    import torch

    slices, labels = tissues.training_set(config)
    chance = torch.Generator().manual_seed(0)
    copies = (COPIES, 1, 1, 1)
    seen, truth = tissues.corrupt(slices.repeat(copies), labels.repeat(copies), config["corruption"], chance)
    new, expected = tissues.validation_set(config)
    prior = truth.mean(dim=0, keepdim=True)  # (1, 5, x, y): how often each tissue lies where
    everywhere = prior.mean(dim=(2, 3), keepdim=True).expand(len(new), *prior.shape[1:])

    yield "majority class", dice(everywhere, expected)
    yield "position prior", dice(prior.expand_as(everywhere), expected)
    for how, fit_to, apply_to in (
        ("", seen, new),
        (", polarity undone by the corners' brightness", upright(seen), upright(new)),
    ):
        yield "intensity windows + midline" + how, dice(windows(fit_to, truth, apply_to), expected)
        likely = likelihood(fit_to, truth, apply_to)
        yield "position prior × intensity" + how, dice(likely * prior, expected)


def dice(scores: Any, expected: Any) -> float:
    """Mean Dice of the tissues when each voxel takes the class of the highest of ``scores`` (n, 5, x, y)."""
    from monai.metrics import DiceMetric

    metric = DiceMetric(include_background=False, reduction="mean")
    metric(tissues.one_hot(scores.argmax(dim=1, keepdim=True)), expected)
    return float(metric.aggregate().item())


def upright(slices: Any) -> Any:
    """Slices (n, 1, x, y) turned so that their corners, which are outside the head, are dark."""
    corners = (
        slices[:, :, :6, :6],
        slices[:, :, :6, -6:],
        slices[:, :, -6:, :6],
        slices[:, :, -6:, -6:],
    )
    bright = sum(corner.mean(dim=(2, 3), keepdim=True) for corner in corners) > 0
    return slices.where(~bright, -slices)


def edges(slices: Any) -> Any:
    """Intensities (BINS - 1,) that part the slices' voxels into equally many."""
    import torch

    values = slices.flatten().sort().values
    return values[torch.arange(1, BINS) * len(values) // BINS].contiguous()


def windows(fit_to: Any, truth: Any, apply_to: Any) -> Any:
    """Scores (n, 5, x, y): in the window of intensities with the best Dice for a tissue, and on its side."""
    import torch

    parts = edges(fit_to)
    bins = torch.bucketize(fit_to, parts)
    new_bins = torch.bucketize(apply_to, parts)
    half = apply_to.shape[2] // 2
    scores = torch.full((len(apply_to), *truth.shape[1:]), -1.0)
    scores[:, 0] = 0
    for left, right in ((1, 2), (3, 4)):
        tissue = (truth[:, left] + truth[:, right]).flatten() > 0
        inside = torch.bincount(bins.flatten()[tissue], minlength=BINS)
        total = torch.bincount(bins.flatten(), minlength=BINS)
        best, low, high = max(
            (float(2 * inside[a:b].sum() / (total[a:b].sum() + inside.sum())), a, b)
            for a in range(BINS)
            for b in range(a + 1, BINS + 1)
        )
        within = ((new_bins >= low) & (new_bins < high))[:, 0]
        scores[:, left, :half] = torch.where(within[:, :half], best, -1.0)
        scores[:, right, half:] = torch.where(within[:, half:], best, -1.0)
    return scores


def likelihood(fit_to: Any, truth: Any, apply_to: Any) -> Any:
    """P(intensity | class) (n, 5, x, y), from histograms."""
    import torch

    parts = edges(fit_to)
    bins = torch.bucketize(fit_to, parts)[:, 0]
    counts = torch.stack(
        [torch.bincount(bins[truth[:, c] > 0], minlength=BINS) for c in range(len(mni.LABELS))]
    )
    table = (counts + 1) / (counts + 1).sum(dim=1, keepdim=True)
    return table[:, torch.bucketize(apply_to, parts)[:, 0]].movedim(0, 1)


def bank_text(bank: Mapping[str, Any]) -> str:
    """The bank as JSON with a line for each run."""
    head = json.dumps({**bank, "runs": []}, indent=1, ensure_ascii=False)
    runs = ",\n".join("  " + json.dumps(run) for run in bank["runs"])
    return head.replace('"runs": []', f'"runs": [\n{runs}\n ]') + "\n"


def say(line: str) -> None:
    """Progress goes to stderr."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
