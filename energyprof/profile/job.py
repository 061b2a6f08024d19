"""What is trained, from any seed: a standard workload, a script, any program; here or in another checkout."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from energyprof.decode import decode
from energyprof.errors import TrainingError, UsageError
from energyprof.profile import levers, preconditions, torchrun
from energyprof.profile.checkout import Checkout
from energyprof.profile.nodes.meeting import Meeting, Nodes, Part, Rank, interface
from energyprof.profile.program import full_path, work_of
from energyprof.profile.provenance import commit_of, commit_of_command
from energyprof.profile.room import room
from energyprof.profile.script import Script
from energyprof.profile.training import Training
from energyprof.report.record import CommitRecord, WorkloadRecord
from energyprof.settings import Settings
from energyprof.storable.frozen import dataclass
from energyprof.wire import FLOWER_VARIABLE, SEED_VARIABLE
from energyprof.workload import Plan, WorkloadError
from energyprof.workloads import workload_module

# The plan of another checkout is made by that checkout's code.
_PLAN = """
import json, sys
from dataclasses import asdict
from energyprof.workload import Settings, WorkloadError
from energyprof.workloads import workload_module
job = json.loads(sys.argv[1])
try:
    plan = workload_module(job["name"]).plan(Settings(**job["settings"]))
except (WorkloadError, TypeError) as error:
    sys.exit(str(error))
known = {"name": plan.name, "size": plan.size, "config": dict(plan.config), "target": asdict(plan.target)}
if hasattr(plan, "work"):
    known.update(task=plan.task(), work=plan.work(), task_keys=plan.task_keys, sample_keys=plan.sample_keys)
else:  # from before there were two identities
    known.update(task="", work=plan.id())
print(json.dumps({"workload": known, "max_samples": plan.max_samples}))
"""


@dataclass(frozen=True)
class Job:
    """What is trained, from any seed."""

    work: WorkloadRecord
    training: Callable[[int], Training]
    title: str  # for the screen
    max_samples: int | None = None
    gpus: int | None = None  # how many it uses at most; None: nobody knows
    commit: CommitRecord | None = None  # of the repository that holds it; None: it is in none
    levers: tuple[str, ...] = ()  # what is turned for it
    # Raises a TrainingError if what it needs is not here; to be called before anything is written or metered.
    check: Callable[[], None] = lambda: None


def with_levers(job: Job, words: tuple[str, ...]) -> Job:
    """The job with these levers turned for each of its trainings, if they can be."""

    def check() -> None:
        levers.check(words)
        job.check()

    def training(seed: int) -> Training:
        return dataclasses.replace(job.training(seed), levers=words)

    return dataclasses.replace(job, training=training, check=check, levers=words) if words else job


def plan_workload(name: str, settings: Settings) -> Plan:
    """The plan of a standard workload.

    Raises:
        TrainingError: there is no such workload, or not with these settings.
    """
    try:
        plan: Plan = workload_module(name).plan(settings)
        return plan
    except WorkloadError as error:
        raise TrainingError(str(error)) from None


def workload_job(
    name: str,
    settings: Settings,
    python: str | None,
    checkout: Checkout | None = None,
    part: Part | None = None,
) -> Job:
    """The workload ``name``, each time in a fresh process of the interpreter ``python``.

    Of a ``checkout`` it is that checkout's energyprof that is planned and trained. ``part``: what of the
    training is here, if it is one of several nodes or processes together.

    Raises:
        TrainingError: the workload cannot be trained like this.
        UsageError: the interpreter cannot be started, or the checkout is of another program.
    """
    package = _package(name, checkout)
    here, settings = settings.nproc, dataclasses.replace(settings, nproc=_all(settings.nproc, part))
    if package is None:
        plan = plan_workload(name, settings)
        work = WorkloadRecord(
            plan.name,
            plan.size,
            plan.task(),
            plan.work(),
            dict(plan.config),
            plan.target,
            plan.task_keys,
            plan.sample_keys,
        )
        max_samples = plan.max_samples
    else:
        work, max_samples = _planned_by(package, name, settings)
    interpreter = full_path(python or sys.executable)
    job = {"name": name, "settings": _given(settings)}
    flower = {FLOWER_VARIABLE: sys.executable} if settings.engine == "deploy" else {}

    def training(seed: int) -> Training:
        words = ("-m", "energyprof.workloads", json.dumps({**job, "seed": seed}))
        training = Training(
            (interpreter, *words),
            seed,
            "startup",
            "keep",
            flower,
            folder=checkout.folder if checkout else None,
            package=package,
        )
        return launched(training, here, part)

    gpus = 0 if settings.device == "cpu" else _here(here, part)

    def check() -> None:
        preconditions.check(interpreter, name, _given(settings), package, pip=_pip(python))

    return Job(work, training, f"{name} {settings.size}", max_samples, gpus, check=check)


def script_job(
    script: Script, nproc: int, python: str | None, checkout: Checkout | None = None, part: Part | None = None
) -> Job:
    """A script, each time in ``nproc`` fresh processes of the interpreter ``python``.

    Raises:
        UsageError: the script or the interpreter is not there.
    """
    if checkout is not None:
        script = dataclasses.replace(script, path=checkout.of(script.path))
    work = script.work()
    interpreter = full_path(python or sys.executable)
    imports = checkout.environment(interpreter) if checkout else {}

    def training(seed: int) -> Training:
        training = Training(
            (interpreter, str(script.path), *script.arguments),
            seed,
            "startup",
            "keep",
            {**script.environment(seed), **imports},
            unmarked="run",
            folder=checkout.folder if checkout else None,
        )
        return launched(training, nproc, part)

    def check() -> None:
        if nproc > 1 or isinstance(part, Nodes):  # torchrun starts them
            preconditions.check(interpreter, "script", {}, None, pip=_pip(python))

    return Job(work, training, script.path.name, commit=commit_of(script.path), check=check)


def launched(training: Training, processes: int, part: Part | None) -> Training:
    """The training of one interpreter as so many processes, or as a part of one on several nodes."""
    interpreter, *words = training.command
    several = _all(processes, part)
    # What srun or mpirun has bound to processors of its own shares them with nobody.
    bound = isinstance(part, Rank) and len(os.sched_getaffinity(0)) < (os.cpu_count() or 1)
    sharing = 1 if bound else _here(processes, part)
    environment = {**torchrun.environment(sharing, os.environ), **training.environment}

    def at(meeting: Meeting) -> Training:
        if isinstance(part, Rank):
            command, own = training.command, part.environment(meeting)
        else:
            command = torchrun.command(interpreter, processes, words, part, meeting)
            own = {}
        return dataclasses.replace(
            training,
            command=command,
            environment={**environment, **interface(meeting, os.environ), **own},
            processes=several,
            apart=0 if isinstance(part, Rank) else processes,
        )

    if part is not None:
        return dataclasses.replace(training, environment=environment, processes=several, at=at)
    return dataclasses.replace(
        training,
        command=torchrun.command(interpreter, processes, words),
        environment=environment,
        processes=processes,
        apart=processes if processes > 1 else 0,
    )


def _all(processes: int, part: Part | None) -> int:
    """How many processes train together, if so many are started at once here."""
    if isinstance(part, Rank):
        return part.size
    return processes if part is None else processes * part.count


def _here(processes: int, part: Part | None) -> int:
    return part.local_size if isinstance(part, Rank) else processes


def program_job(command: Sequence[str], name: str | None, checkout: Checkout | None = None) -> Job:
    """Any program, its output kept; it learns its seed as a script does.

    Raises:
        UsageError: there is no such program.
    """
    program, *arguments = command
    if checkout is not None and os.sep in program:
        program = str(checkout.of(Path(program)))
    words = (full_path(program), *arguments)
    imports = checkout.environment(None) if checkout else {}

    def training(seed: int) -> Training:
        environment = {SEED_VARIABLE: str(seed), **imports}
        return Training(words, seed, "run", "keep", environment, folder=checkout.folder if checkout else None)

    work = work_of(command, name)
    return Job(work, training, work.name, commit=commit_of_command(words))


def _pip(python: str | None) -> str:
    """What installs for the interpreter that trains."""
    return "pip" if python is None else f"{python} -m pip"


def _package(name: str, checkout: Checkout | None) -> Path | None:
    if checkout is None:
        return None
    if checkout.package is None:
        raise UsageError(
            f"run {name}: {checkout.origin} is not energyprof's repository, so its versions train {name} "
            "alike; --before compares scripts of yours, such as run ./train.py"
        )
    return checkout.package


def _planned_by(package: Path, name: str, settings: Settings) -> tuple[WorkloadRecord, int]:
    with room() as folder:
        (folder / "energyprof").symlink_to(package)
        # Not from here: the working directory would come before the link.
        done = subprocess.run(
            [sys.executable, "-c", _PLAN, json.dumps({"name": name, "settings": _given(settings)})],
            env={**os.environ, "PYTHONPATH": str(folder)},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise TrainingError(f"{package.parent}: cannot plan {name}: {said[-1]}")
    plan = json.loads(done.stdout.splitlines()[-1])
    return decode(WorkloadRecord, plan["workload"], "plan"), plan["max_samples"]


def _given(settings: Settings) -> Mapping[str, Any]:
    """What differs from the defaults: another version need not know all of today's settings."""
    plain = dataclasses.asdict(Settings())
    return {name: value for name, value in dataclasses.asdict(settings).items() if value != plain[name]}
