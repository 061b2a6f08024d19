"""How the learning rate goes in a training whose end nobody knows beforehand."""

import math
from typing import Any, Mapping


def factor(step: int, config: Mapping[str, Any]) -> float:
    """Share of the learning rate in ``step`` (from 0): a ramp, then 1/√samples, which knows of no end."""
    samples = (step + 1) * config["batch_size"]
    ramp = min(1.0, samples / config["ramp_samples"])
    return float(ramp / math.sqrt(1 + samples / config["decay_samples"]))
