"""One process of several on a node that another meters: it trains with them, and measures nothing."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from energyprof.profile import inbox as inboxes
from energyprof.profile.child import Child, exit_status
from energyprof.profile.inbox import Inbox, signals
from energyprof.profile.island import pythonpath
from energyprof.profile.job import Job
from energyprof.profile.nodes.awaiting import meet, seeds_of
from energyprof.profile.nodes.joining import Asked, shared_for, warn
from energyprof.profile.nodes.local import Local
from energyprof.profile.nodes.meeting import Rank
from energyprof.profile.nodes.store import StoreError
from energyprof.profile.program import full_path
from energyprof.profile.room import room
from energyprof.profile.training import Training
from energyprof.wire import WIRE_VARIABLE
from energyprof.wire.launchers import AMBIENT_VARIABLE, ambient

# A process that was asked to stop gets so long before it is killed (as in `await_end`).
GRACE_S = 24.0
# The exit code where what was asked for could not all be trained: the series lacks runs.
UNTRAINED = 2


def become(command: Sequence[str]) -> NoReturn:
    """Become the program, which so has this process's signals and exit code.

    Raises:
        UsageError: there is no such program.
    """
    path = full_path(command[0])
    environment = {k: v for k, v in os.environ.items() if k != WIRE_VARIABLE}
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(path, list(command), environment)


def follow(job: Job, local: Local, asked: Asked, folder: Path) -> int:
    """Train what node 0 says as often as it says, as one of its processes; the exit code.

    Raises:
        TrainingError: node 0 did not come.
        UsageError, StoreError: the others cannot be reached.
    """
    task = local.task
    shared = shared_for(task, asked, folder, warn, node_0=False)
    store, where, within_s = shared.store, shared.where, asked.within_s
    code = 0
    stopped_by: int | None = None
    with signals() as inbox:

        def check() -> None:
            local.check()
            shared.tombstone.check()

        def stopped(wait_s: float) -> bool:
            nonlocal stopped_by
            stopped_by = inboxes.wait(inbox, wait_s)
            return stopped_by is not None

        seeds = seeds_of(store, where, stopped, check, within_s)
        if stopped_by is not None:
            return 128 + stopped_by
        if seeds is None:
            return UNTRAINED
        for number, seed in enumerate(seeds):
            met = meet(store, where, number, task.rank, inbox, task.size, lambda _: None, check, within_s)
            if isinstance(met, int):
                return 128 + met
            if met is None:
                return UNTRAINED
            training = job.training(seed)
            assert training.at is not None
            code = _train(training.at(met), inbox)
            if code:
                with contextlib.suppress(StoreError):
                    store.put("over", f"process {task.rank} ended with exit code {code}".encode())
                break
    return code


def part(local: Local) -> Rank:
    """Which of the processes this is."""
    return Rank(local.task.rank, local.task.size, local.task.local or 0, local.count())


def _train(training: Training, inbox: Inbox) -> int:
    with room() as folder:
        environment = {**os.environ, **training.environment, AMBIENT_VARIABLE: ambient(os.environ)}
        environment["PYTHONPATH"] = pythonpath(folder, environment.get("PYTHONPATH"), training.package)
        environment.pop(WIRE_VARIABLE, None)
        child = Child(
            training.command,
            environment,
            lambda code, cpu_s: inbox.put(("exit", code)),
            training.output,
            folder=training.folder,
        )
        stopped_by: int | None = None
        try:
            while child.running:
                kind, number = inboxes.message(inbox, GRACE_S if stopped_by is not None else 3600.0)
                if kind == "exit":
                    break
                if kind == "signal" and stopped_by is None:
                    stopped_by = number
                    child.stop(number)
                elif kind in ("warning", "early"):
                    child.warn(number)
                elif stopped_by is not None:
                    child.kill()
        finally:
            child.end()
        code = child.exit_code
        if stopped_by is not None:
            return 128 + stopped_by
        if code:
            print(f"a process of the training ended with exit code {code}; its last lines:", file=sys.stderr)
            for line in child.tail():
                print(f"  {line}", file=sys.stderr)
        return exit_status(code or 0)
