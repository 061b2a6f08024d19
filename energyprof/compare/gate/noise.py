"""How much a machine's runs of the same work vary (``energyprof aa``), and the file that keeps it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from energyprof import files
from energyprof.compare.figures import FIGURES, OF_THE_PROGRAM, value
from energyprof.compare.machines import machine_id, machine_ids
from energyprof.compare.sessions import LEAST, UNKNOWN, Known, SessionScatter, by_session, scatter_of
from energyprof.compare.statistics.intervals import logs_of
from energyprof.decode import Count, Misfit, NonNegative, decode
from energyprof.errors import FileError
from energyprof.report.record import Report
from energyprof.storable.frozen import dataclass
from energyprof.storable.values import fitted
from energyprof.units import moment

# The schema and its history; a reader takes every version up to its own.
#   energyprof.noise/1   the first
SCHEMA_NAME = "energyprof.noise"
SCHEMA_VERSION = 1
SCHEMA = f"{SCHEMA_NAME}/{SCHEMA_VERSION}"
SOURCE = "aa --sessions"
_SCHEMA = files.Schema(SCHEMA_NAME, SCHEMA_VERSION, "noise file")


@dataclass(frozen=True)
class Spread:
    """How much one figure varies from run to run."""

    sd: NonNegative  # of a run's natural logarithm: about its relative standard deviation
    n: Count  # runs it is known from
    sessions: Count = 1  # in which they were measured
    session_sd: NonNegative | None = None  # of the sessions' means; None: too few sessions


@dataclass(frozen=True)
class Noise:
    """One machine's variation for one kind of work."""

    schema: str
    created: str  # ISO 8601 UTC
    machine: str  # its id
    workload: str  # name and size, for people
    work: str  # its id
    figures: Mapping[str, Spread]


def noise_of(reports: Sequence[Report]) -> Noise:
    """The variation over all runs of ``reports``, which are of the same work on one machine.

    Over all of them, not within each report: differences between two series of the same work are noise, too.
    What one session differs by from the next stands beside it.
    """
    first = reports[0]
    sessions = by_session(reports)
    figures = {}
    for figure in (*FIGURES, *OF_THE_PROGRAM):
        found = (value(figure, run) for report in reports for run in report.runs)
        values = [x for x in found if x is not None]
        if len(values) > 1 and min(values) > 0:
            sd = logs_of(values).sd
            each = [[x for run in session if (x := value(figure, run)) is not None] for session in sessions]
            means = [logs_of(of_one).mean for of_one in each if of_one]
            between = scatter_of(means, SOURCE)
            session_sd = None if between is None else between.sd
            figures[figure.name] = Spread(sd or 0.0, len(values), len(means), session_sd)
    workload = " ".join(filter(None, (first.workload.name, first.workload.size)))
    created = max((report.created for report in reports), key=moment)
    return Noise(SCHEMA, created, machine_id(first), workload, first.workload.work, figures)


def known(noise: Noise) -> Known:
    """What it tells of how much sessions differ."""
    return {
        name: SessionScatter(spread.session_sd, spread.sessions - 1, SOURCE)
        for name, spread in noise.figures.items()
        if spread.session_sd is not None and spread.sessions >= LEAST
    }


def known_of(noise: Noise | None, report: Report, label: str) -> tuple[Known, list[str]]:
    """The same of what lies beside ``report``, called ``label``; a line if it is not of its work here."""
    if noise is None:
        return UNKNOWN, []
    why = unfit(noise, report)
    if why is None:
        return known(noise), []
    return UNKNOWN, [f"the noise file beside {label} was not used: {why}"]


def unfit(noise: Noise, report: Report) -> str | None:
    """Why ``noise`` does not apply to the runs of ``report``; ``None``: it does."""
    if noise.machine not in machine_ids(report):
        return "it is from another machine"
    if noise.work != report.workload.work:
        return f"it is for other work ({noise.workload})"
    return None


def noise_path(baseline: Path) -> Path:
    """The path of the noise for the report at ``baseline``: ``NAME.json`` → ``NAME.noise.json``."""
    return baseline.with_name(baseline.name.removesuffix(".json") + ".noise.json")


def beside(baseline: Path) -> Noise | None:
    """The noise beside the report at ``baseline``; ``None``: there is none.

    Raises:
        FileError: there is a file, but it cannot be read.
    """
    path = noise_path(baseline)
    return read(path) if path.exists() else None


def read(path: Path) -> Noise:
    """The noise in the file ``path``.

    Raises:
        FileError: it cannot be read or is not a noise file.
    """
    return from_json(files.read_text(path), str(path))


def from_json(text: str, where: str) -> Noise:
    """The noise in ``text``; ``where`` names its source in errors.

    Raises:
        FileError: it is not a noise file.
    """
    data = files.parse(text, where, _SCHEMA)
    try:
        return decode(Noise, data, "noise")
    except Misfit as error:
        raise FileError(f"{where}: not a valid noise file: {error}") from None


def write(noise: Noise, path: Path) -> None:
    """Write ``noise`` to ``path`` atomically.

    Raises:
        FileError: the disk is full, or the folder cannot be written.
    """
    files.write_text(path, json.dumps(fitted(dataclasses.asdict(noise)), indent=1, allow_nan=False) + "\n")
