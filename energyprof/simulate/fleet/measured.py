"""What reports say of a kind of client, and of the rounds that a target took."""

from __future__ import annotations

import math
from pathlib import Path

from energyprof.errors import UsageError
from energyprof.report.file import read
from energyprof.report.record import Report
from energyprof.simulate.fleet.device import Measured
from energyprof.simulate.measured_rounds import measured_rounds

DONE = ("reached", "done", "missed")
# The phases in which a client trains; its samples are of all of them.
TRAINING = ("warmup", "train")


def client_of(path: Path, where: str) -> tuple[float, float, str]:
    """Samples a second and watts while training, and which report said so; its clients', where it has rounds.

    Raises:
        FileError: it cannot be read.
        UsageError: it has not both.
    """
    report = read(path)
    turns = _turns(report) or _runs(report)
    if not turns:
        raise UsageError(f"{where}: {path}: no run of it has samples, an energy and a time")
    samples, joules, seconds = (math.fsum(column) for column in zip(*turns, strict=True))
    return samples / seconds, joules / seconds, f"{path.name}, {report.origin}"


def rounds_of(path: Path, where: str) -> Measured:
    """Rounds to the target and clients in one, means. Raises FileError, UsageError: it tells neither."""
    report = read(path)
    found = measured_rounds(report, path.name, where).found
    return Measured(found["active"].value, found["rounds"].value, f"{path.name}, {report.origin}")


def _turns(report: Report) -> list[tuple[float, float, float]]:
    """Samples, joules and seconds of each client's training in each round."""
    found = []
    for run in report.runs:
        for client in (client for one in run.rounds for client in one.clients):
            phases = [client.phases[name] for name in TRAINING if name in client.phases]
            joules = math.fsum(phase.energy_j or 0.0 for phase in phases)
            seconds = math.fsum(phase.time_s for phase in phases)
            if client.samples and seconds and joules and all(phase.energy_j for phase in phases):
                found.append((float(client.samples), joules, seconds))
    return found


def _runs(report: Report) -> list[tuple[float, float, float]]:
    """The same of whole trainings that have no rounds."""
    return [
        (float(run.samples), run.energy_j, run.time_s)
        for run in report.runs
        if run.status in DONE and not run.rounds and run.samples and run.energy_j and run.time_s
    ]
