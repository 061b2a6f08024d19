"""One profile: train what is asked from each seed, and write the report after every run."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from energyprof.measure.selection import Selection
from energyprof.profile.inbox import signals
from energyprof.profile.job import Job, full_path, work_of
from energyprof.profile.record import Watch
from energyprof.profile.recorder import Training
from energyprof.profile.session import MeasurementSettings, Outcome, ReportSession, open_meters
from energyprof.report.record import WorkloadRecord


def run_job(job: Job, seeds: Sequence[int], measuring: MeasurementSettings, watch: Watch | None) -> Outcome:
    """Train the job from each seed.

    Raises:
        MissingPart: an asked meter is not here.
        FileError: the report cannot be written.
    """
    return _profile(job.work, [job.training(seed) for seed in seeds], measuring, watch, job.gpus)


def run_program(
    command: Sequence[str], name: str | None, measuring: MeasurementSettings, watch: Watch | None
) -> Outcome:
    """Meter any program; its input, output and exit code are its own.

    Raises:
        UsageError: there is no such program.
        MissingPart: an asked meter is not here.
        FileError: the report cannot be written.
    """
    full_path(command[0])
    training = Training(tuple(command), None, "run", "inherit")
    return _profile(work_of(command, name), [training], measuring, watch)


def idle_gpus(selection: Selection, used: int | None) -> list[str]:
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


def _profile(
    work: WorkloadRecord,
    trainings: Sequence[Training],
    measuring: MeasurementSettings,
    watch: Watch | None,
    gpus: int | None = None,
) -> Outcome:
    with open_meters(measuring) as on, signals() as inbox:
        profile = ReportSession(on, work, measuring.path, idle_gpus(on.selection, gpus))
        with contextlib.closing(profile):
            for training in trainings:
                profile.train(training, len(trainings), inbox, watch)
                if profile.over:
                    break
            return profile.outcome()
