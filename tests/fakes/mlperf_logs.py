"""MLPerf Training logs as submitters write them: a result log, and the power logs of its nodes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

# 2024-10-09T21:00:00Z.
START_S = 1728507600.0

Power = Callable[[float], float]  # s since run_start → W


def line(time_s: float, key: str, value: Any = None, prefix: str = "", **metadata: Any) -> str:
    """One line of the logger, rank prefix and all."""
    where = {"file": "/workspace/ft-llm/custom_callbacks.py", "lineno": 332}
    fields = {
        "namespace": "",
        "time_ms": round(time_s * 1000),
        "event_type": "POINT_IN_TIME",
        "key": key,
        "value": value,
        "metadata": {**where, **metadata},
    }
    return f"{prefix}:::MLLOG {json.dumps(fields)}"


def write_result(
    path: Path,
    *,
    start_s: float = START_S,
    span_s: float = 100.0,
    benchmark: str = "llama2_70b_lora",
    seed: int = 7,
    batch: int = 8,
    evaluations: Sequence[tuple[float, int, float]] = ((60.0, 1536, 0.94), (100.0, 3072, 0.92)),
    eval_s: float = 10.0,
    status: str | None = "success",
    system: Mapping[str, Any] | None = None,
    prefix: str = " 0: ",
    after: Iterable[str] = (),
) -> Path:
    """A result log; ``evaluations`` are when each ended (s since run_start), samples and score."""

    def say(at_s: float, key: str, value: Any = None, **metadata: Any) -> str:
        return line(start_s + at_s, key, value, prefix, **metadata)

    lines = ["+ echo 'Beginning trial 1 of 10'", "Beginning trial 1 of 10"]
    if system is not None:
        lines += [f"+ echo ':::SYSJSON {json.dumps(system)}'", f":::SYSJSON {json.dumps(system)}"]
    lines += [
        say(-130, "init_start"),
        say(-130, "submission_benchmark", benchmark),
        say(-130, "submission_org", "Acme"),
        say(-130, "submission_division", "closed"),
        say(-130, "submission_platform", "2xACME"),
        say(-130, "seed", seed),
        say(-130, "global_batch_size", batch),
        say(-129, "train_samples", 3901),
        say(-129, "opt_base_learning_rate", 0.0004),
        "0: NCCL version 2.21.5+cuda12.4",
        say(0, "init_stop"),
        say(0, "run_start"),
        say(0, "block_start", samples_count=0),
    ]
    for end_s, samples, score in evaluations:
        lines += [
            say(end_s - eval_s, "block_stop", samples_count=samples),
            say(end_s - eval_s, "eval_start", samples_count=samples),
            say(end_s, "eval_accuracy", score, samples_count=samples),
            say(end_s, "eval_stop", samples_count=samples),
        ]
    if status is not None:
        lines.append(say(span_s, "run_stop", status=status))
    lines += [*after, "0: ENDING TIMING RUN AT 2024-10-09 09:01:40 PM"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def write_power(
    path: Path,
    power: Power,
    times_s: Iterable[float],
    *,
    start_s: float = START_S,
    kind: str | None = "AC",
    factor: float = 0.96,
    shift_h: float = 0.0,
) -> Path:
    """A node's power log; ``times_s`` count from run_start, ``shift_h`` is what its clock is wrong by."""
    times = list(times_s)
    zero_s = start_s + shift_h * 3600
    lines = [line(zero_s + times[0], "power_measurement_start")]
    if kind is not None:
        lines.append(line(zero_s + times[0], "conversion_eff", factor, measurement_type=kind))
    lines += [line(zero_s + t, "power_reading", power(t), host="0") for t in times]
    lines.append(line(zero_s + times[-1], "power_measurement_stop"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def every_second(begin_s: float = -20.0, end_s: float = 120.0) -> list[float]:
    """A reading a second, from before run_start to after run_stop."""
    return [begin_s + i for i in range(round(end_s - begin_s) + 1)]
