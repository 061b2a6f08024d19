"""The 3-D U-Net at its smallest, on a small data set. As a program, it prints its curve."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from importlib import import_module
from typing import Any

from energyprof.workload import Progress, Settings
from energyprof.workloads import monai_alone, unet
from energyprof.workloads.training import ranks

MICRO = {
    "patch": [16, 16, 16],
    "channels": [4, 8, 8],
    "strides": [[1, 1, 1], [2, 2, 2], [2, 2, 2]],
    "learning_rate": 1e-2,
    "ramp_samples": 8,
    "averaging": 0.9,
    "eval_every_samples": 16,
}


def load() -> None:
    """Load the libraries that it trains with."""
    monai_alone.install()
    for library in ("losses", "metrics", "networks.nets", "inferers", "transforms"):
        import_module("monai." + library)


def micro(data: str, config: dict[str, Any] | None = None, **settings: Any) -> Any:
    """The workload on the data set in that folder, prepared."""
    settings = {"workers": 0, "max_samples": 32, **settings}
    plan = unet.plan(Settings(size="full", data=data, device="cpu", **settings))
    workload = unet.build(replace(plan, config={**plan.config, **MICRO, **(config or {})}))
    workload.prepare()
    return workload


def curve(workload: Any, seed: int = 0) -> list[float]:
    """Its scores."""
    return [e.score for e in workload.train(seed) if isinstance(e, Progress) and e.score is not None]


if __name__ == "__main__":
    scores = curve(micro(sys.argv[1], nproc=ranks.world()))
    if ranks.rank() == 0:
        print(json.dumps(scores))
    ranks.leave()
    ranks.end(0)
