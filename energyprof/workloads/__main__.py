"""The training process: ``python -m energyprof.workloads '{"name": "unet", "settings": {…}, "seed": 0}'``.

Trains one workload from one seed to its target and tells the wire how it goes; without a profiler, stdout.
"""

import json
import math
import sys
from typing import Any

from energyprof.wire import connect
from energyprof.workload import Diverged, Phase, Settings, Workload, WorkloadError
from energyprof.workloads import workload_module


def main(job: str) -> int:
    """Train the job; the exit code: 0 it ran to its end, 2 it could not."""
    wanted = json.loads(job)
    try:
        module = workload_module(wanted["name"])
        plan = module.plan(Settings(**wanted["settings"]))
        workload: Workload = module.build(plan)
        workload.prepare()
        _tell("facts", facts=workload.facts())
        _train(workload, plan.target, plan.max_samples, wanted["seed"])
    except WorkloadError as error:
        _tell("end", status="error", message=str(error))
        return 2
    except Diverged as error:
        _tell("end", status="diverged", message=str(error))
    except MemoryError:
        _tell("end", status="error", message="out of memory: use a smaller --batch-size or --size")
        return 2
    return 0


def _train(workload: Workload, target: Any, max_samples: int, seed: int) -> None:
    for event in workload.train(seed):
        wire = connect()
        if wire is not None and wire.broken:
            sys.exit("the profiler is gone: the training stops, since nobody would learn of it")
        if isinstance(event, Phase):
            _tell("phase", name=event.name, samples=event.samples)
            continue
        if event.score is None:
            if wire is not None:
                wire.hint(event.samples)
            continue
        _tell("progress", samples=event.samples, score=event.score)
        if math.isnan(event.score):
            raise Diverged("the score is not a number")
        if target.reached(event.score) or event.samples >= max_samples:
            break
    _tell("end", status="done", message="")


def _tell(event: str, **fields: Any) -> None:
    wire = connect()
    if wire is not None:
        wire.send(event, **fields)
    else:
        print(json.dumps({"event": event, **fields}), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
