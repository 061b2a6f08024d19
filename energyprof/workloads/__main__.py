"""The training process: ``python -m energyprof.workloads '{"name": "unet", "settings": {…}, "seed": 0}'``.

Trains one workload from one seed to its target and tells the wire how it goes; without a profiler, stdout.
"""

import json
import math
import os
import sys
from dataclasses import asdict
from typing import Any, Dict, Optional, Tuple

from energyprof.wire import WIRE_VARIABLE, connect
from energyprof.workload import (
    Diverged,
    Event,
    Exchange,
    Facts,
    Mark,
    Progress,
    Round,
    Target,
    Workload,
    WorkloadError,
)
from energyprof.workloads import compiler_later, keeper, paradigms, workload_module
from energyprof.workloads.data import unforeseen
from energyprof.workloads.parsing import settings_of
from energyprof.workloads.training import afterwards, kept, prepared, ranks
from energyprof.workloads.waiting import Waiting


def main(job: str) -> int:
    """Train the job; the exit code: 0 it ran to its end, 2 it could not."""
    wanted = json.loads(job)
    _compile_apart()
    compiler_later.install()
    if paradigms.starts_servers(wanted["settings"]):
        keeper.keep()
    try:
        module = workload_module(wanted["name"])
        plan = module.plan(settings_of(wanted["name"], wanted["settings"]))
        workload = paradigms.workload(plan, module.build(plan), _pass_on)
        with unforeseen.one_line(plan.settings.data):
            workload.prepare()
        prepared.turned(workload, plan)
        _tell("facts", facts=workload.facts())
        samples, score = _train(workload, plan.target, wanted["seed"], plan.settings.patience)
        kept.keep(workload, plan, wanted["seed"], samples, score)
        for event in afterwards.measured(workload, plan, module.RECIPES[plan.size]["batch_size"]):
            _pass_on(event)
        ranks.leave()
        _tell("end", status="done", message="")
    except WorkloadError as error:
        return _fail(str(error))
    except Diverged as error:
        _tell("end", status="diverged", message=str(error))
    except MemoryError:
        return _fail("out of memory: use a smaller --batch-size or --size")
    return 0


def _compile_apart() -> None:
    """Let torch's compiler write into the run's folder, unless the user has named another for it.

    Nothing is left behind then, and no training compiles less because of one before it.
    """
    wire = os.environ.get(WIRE_VARIABLE)
    if wire:
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", os.path.join(os.path.dirname(wire), "compiled"))


def _train(
    workload: Workload, target: Target, seed: int, patience: Optional[int]
) -> Tuple[int, Optional[float]]:
    """Train until it is over; the samples that were trained, and the last score."""
    samples, score = 0, None
    best: Optional[float] = None
    since = 0  # evaluations since the best score
    waiting = Waiting()
    for event in workload.train(seed):
        wire = connect()
        if wire is not None and wire.broken:
            sys.exit("the profiler is gone: the training stops, since nobody would learn of it")
        _pass_on(event)
        if ranks.world() > 1:
            _follow(waiting, event, workload)
        if isinstance(event, Progress):
            samples, score = event.samples, score if event.score is None else event.score
        # Every process comes to the same end: the score is all processes' together.
        if isinstance(event, Progress) and event.score is not None:
            if not math.isfinite(event.score):
                raise Diverged("the score is not a number")
            if target.reached(event.score):
                break
            better = best is None or (event.score > best if target.direction == "max" else event.score < best)
            best, since = (event.score, 0) if better else (best, since + 1)
            if patience is not None and since >= patience:
                break
    if waited := waiting.facts():
        _tell("facts", facts=waited)
    return samples, score


def _follow(waiting: Waiting, event: Event, workload: Workload) -> None:
    """Let ``waiting`` know of a phase or a step."""
    if isinstance(event, Mark):
        waiting.phase(event.name)
    elif isinstance(event, Progress) and event.score is None:
        waiting.step(getattr(workload, "loop", None))


def _pass_on(event: Event) -> None:
    if isinstance(event, Mark):
        _tell("phase", name=event.name, samples=event.samples, **_of(event.actor))
    elif isinstance(event, Facts):
        _tell("facts", facts=dict(event.facts))
    elif isinstance(event, Exchange):
        _tell("exchange", **asdict(event))
    elif isinstance(event, Round):
        _tell("round", round=event.number, scores=dict(event.scores), score=event.score)
    elif event.score is not None:
        _tell("progress", samples=event.samples, score=event.score)
    else:
        wire = connect()
        if wire is not None:
            wire.hint(event.samples)


def _of(actor: str) -> Dict[str, str]:
    return {"actor": actor} if actor else {}


def _fail(message: str) -> int:
    _tell("end", status="error", message=message)
    if ranks.rank() != 0:  # the first process has the wire; the others have only their last lines
        print(f"process {ranks.rank()}: {message}", file=sys.stderr, flush=True)
    return 2


def _tell(event: str, **fields: Any) -> None:
    wire = connect()
    if wire is not None:
        wire.send(event, **fields)
    elif ranks.rank() == 0:
        print(json.dumps({"event": event, **fields}), flush=True)


if __name__ == "__main__":
    code = main(sys.argv[1])
    keeper.end(code)
    ranks.end(code)
