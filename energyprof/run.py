"""One profile: choose the meters, train, write the report after every run."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from energyprof import __version__, machine, processes
from energyprof.calibration import CalibrationRecord, calibration_of, check_applies
from energyprof.errors import FileError, TrainingError, UsageError
from energyprof.meter import Meter, Recording
from energyprof.meters import find_asked, nvml, sysfs_root
from energyprof.opening import opened
from energyprof.recompute import Rebuild
from energyprof.record import Instruments, Recorder, Training, Watch, record, signals, utc_now
from energyprof.report import (
    SCHEMA,
    Clock,
    Report,
    Run,
    TargetRecord,
    WorkloadRecord,
    meter_record,
    trace_path,
    write,
)
from energyprof.script import Script
from energyprof.selection import Selection, select
from energyprof.tracefile import TraceWriter
from energyprof.workload import Plan, Settings, WorkloadError
from energyprof.workloads import workload_module


@dataclass(frozen=True)
class Measuring:
    """How to measure: which meters, how often, how long to look at the idle machine, where to write."""

    meters: tuple[str, ...]  # kinds or names; ("auto",)
    interval_s: float
    idle_s: float
    path: Path
    calibrations: tuple[CalibrationRecord, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """A profile that is over."""

    report: Report
    path: Path | None  # where the report lies; None: no disk would take it
    asked: Path  # where it was to lie
    tail: tuple[str, ...]  # the last lines of the last process
    stopped_by: int | None  # the signal that ended it early


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


def run_workload(
    name: str,
    settings: Settings,
    seeds: Sequence[int],
    python: str | None,
    measuring: Measuring,
    watch: Watch | None,
) -> Outcome:
    """Train the workload ``name`` from each seed, each time in a fresh process of the interpreter ``python``.

    Raises:
        TrainingError: the workload cannot be trained like this.
        MissingPart: an asked meter is not here.
        FileError: the report cannot be written.
        UsageError: the interpreter cannot be started.
    """
    plan = plan_workload(name, settings)
    interpreter = _program(python or sys.executable)
    job = {"name": name, "settings": dataclasses.asdict(settings)}
    trainings = [
        Training(
            processes.command(
                interpreter,
                settings.nproc,
                ("-m", "energyprof.workloads", json.dumps({**job, "seed": seed})),
            ),
            seed,
            "startup",
            "keep",
            processes.environment(settings.nproc, os.environ),
            settings.nproc,
        )
        for seed in seeds
    ]
    target = TargetRecord(plan.target.metric, plan.target.value, _direction(plan.target.direction))
    work = WorkloadRecord(plan.name, plan.size, plan.id(), dict(plan.config), target)
    gpus = 0 if settings.device == "cpu" else settings.nproc
    return _profile(work, trainings, measuring, watch, gpus)


def run_script(
    script: Script,
    seeds: Sequence[int],
    nproc: int,
    python: str | None,
    measuring: Measuring,
    watch: Watch | None,
) -> Outcome:
    """Run a script from each seed, each time in ``nproc`` fresh processes of the interpreter ``python``.

    Raises:
        UsageError: the script or the interpreter is not there.
        MissingPart: an asked meter is not here.
        FileError: the report cannot be written.
    """
    work = script.work()
    interpreter = _program(python or sys.executable)
    trainings = [
        Training(
            processes.command(interpreter, nproc, (str(script.path), *script.arguments)),
            seed,
            "startup",
            "keep",
            {**processes.environment(nproc, os.environ), **script.environment(seed)},
            nproc,
            unmarked="run",
        )
        for seed in seeds
    ]
    return _profile(work, trainings, measuring, watch)


def run_program(
    command: Sequence[str], name: str | None, measuring: Measuring, watch: Watch | None
) -> Outcome:
    """Meter any program; its input, output and exit code are its own.

    Raises:
        UsageError: there is no such program.
        MissingPart: an asked meter is not here.
        FileError: the report cannot be written.
    """
    _program(command[0])
    text = json.dumps(list(command))
    work = WorkloadRecord(
        name or Path(command[0]).name,
        None,
        "sha256:" + hashlib.sha256(text.encode()).hexdigest(),
        {"command": list(command)},
        None,
    )
    return _profile(work, [Training(tuple(command), None, "run", "inherit")], measuring, watch)


def _profile(
    work: WorkloadRecord,
    trainings: Sequence[Training],
    measuring: Measuring,
    watch: Watch | None,
    gpus: int | None = None,
) -> Outcome:
    """``gpus``: how many the training uses at most; ``None``: nobody knows."""
    selection = select(find_asked(sysfs_root(), measuring.meters), measuring.meters)
    check_applies(measuring.calibrations, [source.info for source in selection.sources])
    facts = machine.describe(sysfs_root(), nvml.devices())
    path = measuring.path
    with opened(selection) as (meters, probes), signals() as inbox:
        header = Report(
            schema=SCHEMA,
            created=utc_now(),
            energyprof=__version__,
            workload=work,
            machine=facts,
            boundary=selection.boundary,
            estimated=selection.estimated,
            meters=tuple(
                meter_record(
                    meter.info,
                    measuring.interval_s,
                    calibration_of(meter.info, measuring.calibrations),
                    counted=meter.info.name in selection.counted,
                )
                for meter in meters
            ),
            runs=(),
            notes=(*selection.notes, *_idle_gpus(selection, gpus)),
        )
        rebuild = Rebuild(header)
        write(header, path)
        instruments = Instruments(
            cast(tuple[Meter, ...], tuple(meter for meter in meters if not meter.info.recorded)),
            cast(tuple[Recording, ...], tuple(meter for meter in meters if meter.info.recorded)),
            probes,
            measuring.interval_s,
            measuring.idle_s,
        )
        live = [meter for meter in header.meters if not meter.info.recorded]
        with contextlib.closing(TraceWriter(trace_path(path))) as trace:
            for number, training in enumerate(trainings):
                with contextlib.suppress(FileError):  # a disk that filled up must not stop the training
                    write(_unfinished(rebuild.report(), training.seed), path)
                trace.begin_run()
                recorder = Recorder(trace, number, len(trainings), training, live)
                tail, stopped_by = record(recorder, instruments, inbox, watch)
                run = rebuild.add(trace.rows)
                saved = _save(rebuild.report(), path, trace)
                if stopped_by is not None or run.status == "failed" or saved != path:
                    break
    return Outcome(rebuild.report(), saved, path, tail, stopped_by)


def _idle_gpus(selection: Selection, used: int | None) -> list[str]:
    """A word on GPUs that are metered, since they are there, but have nothing to do."""
    infos = [source.info for source in selection.sources]
    metered = sum(info.name in selection.counted and info.part == "gpu" for info in infos)
    if used is None or metered <= used:
        return []
    train = f"of which at most {used} train" if used else "of which none trains"
    return [
        f"{metered} GPU(s) are metered, {train}: what the others use is in the total; "
        "CUDA_VISIBLE_DEVICES leaves them out"
    ]


def _save(report: Report, path: Path, trace: TraceWriter) -> Path | None:
    """Write the report; where its disk is full, report and trace go to a temporary folder.

    The path it got comes back, or ``None`` if there is no room anywhere.
    """
    if trace.complete:
        with contextlib.suppress(FileError):
            write(report, path)
            return path
    spare = Path(tempfile.mkdtemp(prefix="energyprof-")) / path.name
    try:
        trace.save_elsewhere(trace_path(spare))
        write(report, spare)
    except FileError:
        shutil.rmtree(spare.parent, ignore_errors=True)
        return None
    return spare


def _unfinished(report: Report, seed: int | None) -> Report:
    """The report as it is found if the profiler is killed during the next run."""
    nothing = Run(
        seed=seed,
        status="interrupted",
        samples=None,
        score=None,
        clock=Clock(time.monotonic(), utc_now()),
        energy_j=None,
        energy_u_j=None,
        time_s=None,
        total_energy_j=None,
        total_energy_u_j=None,
        total_time_s=None,
        coverage=None,
        exit_code=None,
        phases=(),
        history=(),
        facts={},
        profiler=None,
        flags=("unfinished",),
    )
    return dataclasses.replace(report, runs=(*report.runs, nothing))


def _program(name: str) -> str:
    """The program's full path; looked up first, so that nothing is written for a slip of the finger."""
    found = shutil.which(name)
    if found is None:
        problem = "is not executable" if os.path.exists(name) else "there is no such program"
        raise UsageError(f"{name}: {problem}; check the name and the PATH")
    return found


def _direction(direction: str) -> Literal["max", "min"]:
    return "max" if direction == "max" else "min"
