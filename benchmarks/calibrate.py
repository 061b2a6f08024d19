"""Claim: a workload's target is out of reach of trivial methods, and 19 of 20 seeds train to it.

``python benchmarks/calibrate.py unet --size tiny --seeds 20`` scores the trivial methods (``baselines/``),
trains every seed to the target in a process of its own, and writes the reference bank: how it was made, the
baselines and the margin to them, each seed's samples to target and whole curve. Each seed is saved when it is
done: ``--resume`` goes on where an earlier calibration stopped.
"""

import argparse
import importlib
import json
import os
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from energyprof import workloads
from energyprof.wire import WIRE_VARIABLE
from energyprof.workload import Plan, Settings, Target, WorkloadError
from energyprof.workloads import WORKLOADS, workload_module

# By how much the target beats every baseline: in the score, or where less is better as a share of that.
MARGINS = {"unet": 0.05, "transformer": 0.02, "diffusion": 0.10, "speech": 0.50}
REACHED = 0.95  # of the seeds, at least


class Failed(Exception):
    """A seed could not be trained at all."""


def main() -> None:
    """Write the bank; exit 1 when the claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workload", choices=sorted(WORKLOADS))
    parser.add_argument("--size", default="tiny")
    parser.add_argument("--seeds", type=int, default=20, help="train seeds 0 to N-1")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, help="the bank (default: the package's own)")
    parser.add_argument("--resume", action="store_true", help="keep the seeds that are done")
    asked = parser.parse_args()
    try:
        plan = workload_module(asked.workload).plan(Settings(size=asked.size, device=asked.device))
        banks = Path(workloads.__file__).parent / "banks"
        out = asked.out or banks / f"{plan.name}-{plan.size}.json"
        unfinished = out.with_suffix(".json.part")  # the old bank stands until the new one is whole
        bank = (begun(unfinished, plan) if asked.resume else None) or opened(plan, MARGINS[plan.name], out)
        train(plan, bank, asked.seeds, unfinished)
        unfinished.replace(out)
    except (Failed, WorkloadError) as error:
        sys.exit(f"calibrate: {error}")
    say(str(out))
    sys.exit(0 if holds(plan, bank) else 1)


def train(plan: Plan, bank: dict[str, Any], seeds: int, unfinished: Path) -> None:
    """Train the seeds that the bank does not hold yet, and save it after each.

    Raises:
        Failed: a seed could not be trained.
    """
    for method, score in bank["baselines"].items():
        say(f"{score:.4f}  {method}")
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    done = {run["seed"] for run in bank["runs"]}
    for seed in (seed for seed in range(seeds) if seed not in done):
        run, facts = to_target(plan, seed)
        bank["made"].update(facts)
        bank["runs"] = sorted([*bank["runs"], run], key=lambda run: run["seed"])
        unfinished.write_text(bank_text(bank), encoding="utf-8")
        say("seed {seed}: {status} {score} after {samples} samples, {seconds} s".format(**run))


def holds(plan: Plan, bank: Mapping[str, Any]) -> bool:
    """Whether enough seeds reach the target, and trivial methods come nowhere near it."""
    reached = sum(run["status"] == "reached" for run in bank["runs"])
    ahead, margin = lead(plan.target, bank["baselines"]), bank["margin"]
    say(f"{reached} of {len(bank['runs'])} seeds reach {plan.target.value:g}")
    say(f"the target is {ahead:.3f} beyond the best baseline (needed: {margin:g})")
    return reached >= REACHED * len(bank["runs"]) and ahead >= margin


def opened(plan: Plan, margin: float, before: Path) -> dict[str, Any]:
    """A bank without runs, its baselines scored; ``before`` is the one that it replaces, if there is one."""
    baselines = importlib.import_module(f"baselines.{plan.name}")
    return {
        "schema": "energyprof.bank/2",
        "workload": {**described(plan), **formerly(before, plan)},
        "made": {
            "command": shlex.join(["python", *sys.argv]),
            "utc": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "system": platform.system(),
            "cpus": os.cpu_count(),
        },
        "margin": margin,
        "baselines": {method: rounded(score) for method, score in baselines.trivial_scores(plan.config)},
        "runs": [],
    }


def begun(unfinished: Path, plan: Plan) -> dict[str, Any] | None:
    """What an earlier calibration of the same work left; ``None``: nothing.

    Raises:
        Failed: it is of other work.
    """
    if not unfinished.exists():
        return None
    bank: dict[str, Any] = json.loads(unfinished.read_text(encoding="utf-8"))
    if bank["workload"].get("work") != plan.work():
        raise Failed(f"{unfinished} is of an older definition: leave --resume out")
    return bank


def described(plan: Plan) -> dict[str, Any]:
    """What the bank is of."""
    return {
        "name": plan.name,
        "size": plan.size,
        "task": plan.task(),
        "work": plan.work(),
        "config": plan.config,
        "target": asdict(plan.target),
        "max_samples": plan.max_samples,
    }


def formerly(before: Path, plan: Plan) -> dict[str, Any]:
    """The ids that this very work had when ids were made in another way: old reports have them."""
    known = json.loads(before.read_text(encoding="utf-8"))["workload"] if before.exists() else {}
    same = known.get("work") == plan.work() and "formerly" in known
    return {"formerly": known["formerly"]} if same else {}


def lead(target: Target, baselines: Mapping[str, float]) -> float:
    """How far the target is beyond the best baseline: in the score, or as a share where less is better."""
    if target.direction == "max":
        return target.value - max(baselines.values())
    return 1 - target.value / min(baselines.values())


def to_target(plan: Plan, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """One seed's run up to its first evaluation at or past the target, and what its process said of itself.

    Seconds count from the first step; ``load_1m``, the load average at the end, tells of others at work.

    Raises:
        Failed: its process did not come to an end of its own.
    """
    run: dict[str, Any] = {"seed": seed, "status": "missed", "samples": 0, "score": None, "seconds": 0.0}
    history: list[list[float]] = []
    facts: dict[str, Any] = {}
    start_s = None
    for event in events(plan, seed):
        if event["event"] == "facts":
            facts.update(event["facts"])
        elif event["event"] == "phase" and start_s is None:
            start_s = time.monotonic()
        elif event["event"] == "progress" and start_s is not None:
            run["samples"], run["score"] = event["samples"], rounded(event["score"])
            run["seconds"] = round(time.monotonic() - start_s, 2)
            history.append([event["samples"], run["score"]])
            if plan.target.reached(event["score"]):
                run["status"] = "reached"
        elif event["event"] == "end" and event["status"] == "diverged":
            run["status"] = "diverged"
        elif event["event"] == "end" and event["status"] == "error":
            raise Failed(f"seed {seed}: {event['message']}")
    return {**run, "load_1m": round(os.getloadavg()[0], 1), "history": history}, facts


def events(plan: Plan, seed: int) -> Iterator[dict[str, Any]]:
    """What the training process says, as it says it; without a profiler it does so on its stdout.

    Raises:
        Failed: it ended without a last word.
    """
    job = {"name": plan.name, "settings": asdict(plan.settings), "seed": seed}
    environment = {name: value for name, value in os.environ.items() if name != WIRE_VARIABLE}
    command = [sys.executable, "-m", "energyprof.workloads", json.dumps(job)]
    event: dict[str, Any] = {"event": ""}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith('{"event": '):  # libraries print, too
                event = json.loads(line)
                yield event
    if event["event"] != "end":
        raise Failed(f"seed {seed}: its process ended with exit code {process.returncode}")


def rounded(score: float) -> float:
    """Six digits, enough to tell a miss from a hit."""
    return float(f"{score:.6g}")


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
