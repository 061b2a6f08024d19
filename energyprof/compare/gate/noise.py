"""What a machine's runs of the same work vary by (``energyprof aa``), and the file that keeps it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from energyprof import files
from energyprof.compare.figures import FIGURES, value
from energyprof.compare.mismatches import machine_id
from energyprof.compare.statistics.intervals import logs_of
from energyprof.decode import Misfit, decode
from energyprof.errors import FileError
from energyprof.report.record import Report

SCHEMA = "energyprof.noise/1"


@dataclass(frozen=True)
class Spread:
    """What one figure varies by from run to run."""

    sd: float  # of one run, of its natural logarithm: about its relative standard deviation
    n: int  # runs that tell it


@dataclass(frozen=True)
class Noise:
    """One machine's variation at one work."""

    schema: str
    created: str  # ISO 8601 UTC
    machine: str  # its id
    workload: str  # name and size, for people
    work: str  # its id
    figures: Mapping[str, Spread]


def noise_of(reports: Sequence[Report]) -> Noise:
    """The variation over all runs of ``reports``, which are of the same work on one machine.

    Over all of them, not within each report: what differs between two series of the same work is noise, too.
    """
    first = reports[0]
    figures = {}
    for figure in FIGURES:
        found = (value(figure, run) for report in reports for run in report.runs)
        values = [x for x in found if x is not None]
        if len(values) > 1 and min(values) > 0:
            sd = logs_of(values).sd
            figures[figure.name] = Spread(sd or 0.0, len(values))
    workload = " ".join(filter(None, (first.workload.name, first.workload.size)))
    created = max(report.created for report in reports)
    return Noise(SCHEMA, created, machine_id(first), workload, first.workload.id, figures)


def unfit(noise: Noise, report: Report) -> str | None:
    """Why ``noise`` says nothing of the runs of ``report``; ``None``: it does."""
    if not noise.machine or noise.machine != machine_id(report):
        return "it is of another machine"
    if noise.work != report.workload.id:
        return f"it is of other work ({noise.workload})"
    return None


def noise_path(baseline: Path) -> Path:
    """Where the noise of the report at ``baseline`` lies: ``NAME.json`` → ``NAME.noise.json``."""
    return baseline.with_name(baseline.name.removesuffix(".json") + ".noise.json")


def beside(baseline: Path) -> Noise | None:
    """The noise that lies beside the report at ``baseline``; ``None``: there is none.

    Raises:
        FileError: there is one, and it cannot be read.
    """
    path = noise_path(baseline)
    return read(path) if path.exists() else None


def read(path: Path) -> Noise:
    """The noise in the file ``path``.

    Raises:
        FileError: it cannot be read or is no noise.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path}: not a readable noise file: {error}") from None
    schema = data.get("schema") if isinstance(data, dict) else None
    if schema != SCHEMA:
        raise FileError(f"{path}: not a noise file: its schema is {schema!r}, not {SCHEMA!r}")
    try:
        return decode(Noise, data, "noise")
    except Misfit as error:
        raise FileError(f"{path}: not a valid noise file: {error}") from None


def write(noise: Noise, path: Path) -> None:
    """Write ``noise`` to ``path`` at once or not at all.

    Raises:
        FileError: the disk is full, or the folder cannot be written.
    """
    files.write_text(path, json.dumps(dataclasses.asdict(noise), indent=1, allow_nan=False) + "\n")
