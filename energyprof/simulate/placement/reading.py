"""A job and its sites from two TOML files; whatever does not fit is one line that says where."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from energyprof.decode import Count, Name, NonNegative, Positive, Range
from energyprof.errors import FileError, UsageError
from energyprof.report.file import read
from energyprof.simulate.document import pairs, read_document, replaced
from energyprof.simulate.measured import described
from energyprof.simulate.placement.job import Budget, Job, Level, Objective, Site
from energyprof.simulate.placement.workers import Course
from energyprof.simulate.sites import of_grid
from energyprof.simulate.tables import decoded, known
from energyprof.simulate.traces import read_trace
from energyprof.simulate.traces.cells import time_s
from energyprof.storable.frozen import dataclass

# More steps than this are a plan that nobody follows.
MOST_STEPS = 100_000
_JOB_TABLES, _SITE_TABLES = ("job", "budget", "descent"), ("site",)
Changes = Sequence[tuple[str, Any]]  # dotted keys and values


@dataclass(frozen=True)
class _Level:
    machines: Annotated[int, Range(1, 1e6)]
    samples_per_s: Positive | None = None
    power_w: Positive | None = None
    report: str | None = None  # in place of both


@dataclass(frozen=True)
class _Job:
    name: Name
    samples: Positive
    start: str
    level: tuple[_Level, ...]
    deadline: str | None = None
    hours: Positive | None = None  # until the deadline
    step_s: Annotated[float, Range(60, 7 * 86400)] = 3600.0
    checkpoint_j: NonNegative = 0.0
    move_j: NonNegative = 0.0
    objective: Objective = "carbon"


@dataclass(frozen=True)
class _Descent:
    rate: Positive
    smoothness: Positive
    variance: NonNegative
    gradient2: tuple[NonNegative, ...]
    batch: Positive


@dataclass(frozen=True)
class _Site:
    name: Name
    machines: Count
    pue: Annotated[float, Range(1, 10)] = 1.0
    intensity: Annotated[float, Range(0, 5000)] | None = None
    country: str | None = None
    trace: str | None = None
    column: str | None = None
    price_per_kwh: NonNegative | None = None
    domain: str = ""
    domain_w: Positive | None = None
    level: tuple[_Level, ...] = ()


def changes_of(sets: Sequence[str]) -> tuple[Changes, Changes]:
    """What ``--set KEY=VALUE`` changes in the job's file, and what in the sites'.

    Raises:
        UsageError: a key begins with neither's tables.
    """
    of_job: list[tuple[str, Any]] = []
    of_sites: list[tuple[str, Any]] = []
    for key, value in pairs(sets, "--set"):
        first = key.partition(".")[0]
        if first not in (*_JOB_TABLES, *_SITE_TABLES):
            known_ones = ", ".join((*_JOB_TABLES, *_SITE_TABLES))
            raise UsageError(f"--set {key[:60]}: begins with none of {known_ones}, such as site.home.pue")
        (of_job if first in _JOB_TABLES else of_sites).append((key, value))
    return of_job, of_sites


def read_job(path: Path, changes: Changes = ()) -> Job:
    """The job in the file ``path``, with ``changes``.

    Raises:
        FileError: it cannot be read, or one of its reports cannot.
        UsageError: something in it is missing, unknown or impossible.
    """
    data = replaced(read_document(path), changes)
    known(data, set(_JOB_TABLES), str(path))
    said = decoded(_Job, data.get("job"), f"{path}: [job]")
    budget = decoded(Budget, data.get("budget", {}), f"{path}: [budget]")
    descent = decoded(_Descent, data["descent"], f"{path}: [descent]") if "descent" in data else None
    if descent is not None and len(descent.gradient2) < 2:
        raise UsageError(f"{path}: [descent]: gradient2: give two or more, from the start to the target")
    start_s = _moment(said.start, f"{path}: [job]: start")
    if (said.deadline is None) == (said.hours is None):
        raise UsageError(f"{path}: [job]: give deadline or hours")
    if said.deadline is not None:
        deadline_s = _moment(said.deadline, f"{path}: [job]: deadline")
    else:
        assert said.hours is not None
        deadline_s = start_s + 3600 * said.hours
    job = Job(
        said.name,
        said.samples,
        _levels(said.level, path, "[job]"),
        start_s,
        deadline_s,
        said.step_s,
        said.checkpoint_j,
        said.move_j,
        budget,
        said.objective,
        None
        if descent is None
        else Course(descent.rate, descent.smoothness, descent.variance, descent.gradient2),
        1.0 if descent is None else descent.batch,
    )
    if not 1 <= job.steps <= MOST_STEPS:
        raise UsageError(
            f"{path}: [job]: {job.steps} steps of {said.step_s:g} s lie before the deadline:"
            f" give 1 to {MOST_STEPS:,}"
        )
    return job


def read_sites(path: Path, changes: Changes = ()) -> tuple[Site, ...]:
    """The sites in the file ``path``, with ``changes``.

    Raises:
        FileError: it or one of its traces cannot be read.
        UsageError: something in it is missing, unknown or impossible, or two sites have one name.
    """
    data = replaced(read_document(path), changes)
    known(data, set(_SITE_TABLES), str(path))
    listed = data.get("site")
    if not isinstance(listed, list) or not listed:
        raise UsageError(f"{path}: has no [[site]]")
    sites: dict[str, Site] = {}
    for number, entry in enumerate(listed, 1):
        said = decoded(_Site, entry, f"{path}: [[site]] {number}")
        if said.name in sites:
            raise UsageError(f"{path}: two sites are called {said.name}")
        sites[said.name] = _site(said, path)
    return _sharing(sites.values(), path)


def _sharing(sites: Iterable[Site], path: Path) -> tuple[Site, ...]:
    """The sites, each with what its domain has. Raises UsageError: two say different things of one."""
    most_w: dict[str, float] = {}
    for site in sites:
        if site.domain_w is not None and most_w.setdefault(site.domain, site.domain_w) != site.domain_w:
            both = f"{most_w[site.domain]:g} and {site.domain_w:g}"
            raise UsageError(f"{path}: domain {site.domain}: domain_w is {both}: give one")
    return tuple(replace(site, domain_w=most_w.get(site.domain)) for site in sites)


def _site(said: _Site, path: Path) -> Site:
    where = f"{path}: site {said.name}"
    ways = [name for name in ("intensity", "country", "trace") if getattr(said, name) is not None]
    if len(ways) != 1:
        raise UsageError(f"{where}: give one of intensity, country, trace")
    if not said.machines:
        raise UsageError(f"{where}: machines is 0: give 1 or more, or leave the site out")
    trace, g_per_kwh, source = None, 0.0, "given"
    if said.trace is not None:
        trace = read_trace(path.parent / said.trace, said.column)
        source = trace.said
    elif said.country is not None:
        grid = of_grid(said.country, f"{where}: country")
        g_per_kwh, source = grid.value, grid.source
    elif said.intensity is not None:
        g_per_kwh = said.intensity
    return Site(
        said.name,
        said.machines,
        said.pue,
        trace,
        g_per_kwh,
        said.price_per_kwh,
        said.domain or said.name,
        said.domain_w,
        _levels(said.level, path, f"site {said.name}") if said.level else None,
        source,
    )


def _levels(said: Sequence[_Level], path: Path, where: str) -> tuple[Level, ...]:
    """In the order of their machines; each once."""
    if not said:
        raise UsageError(f"{path}: {where}: has no [[level]]")
    levels = sorted((_level(level, path, where) for level in said), key=lambda level: level.machines)
    counts = [level.machines for level in levels]
    if len(set(counts)) < len(counts):
        raise UsageError(f"{path}: {where}: two levels have the same number of machines")
    return tuple(levels)


def _level(said: _Level, path: Path, where: str) -> Level:
    place = f"{path}: {where}: level of {said.machines} machines"
    if said.report is not None:
        if said.samples_per_s is not None or said.power_w is not None:
            raise UsageError(f"{place}: give a report, or samples_per_s and power_w")
        return _measured(path.parent / said.report, said.machines, place)
    if said.samples_per_s is None or said.power_w is None:
        raise UsageError(f"{place}: give a report, or samples_per_s and power_w")
    return Level(said.machines, said.samples_per_s, said.power_w)


def _measured(report: Path, machines: int, where: str) -> Level:
    """Samples a second and watts of a report's finished runs, together."""
    found = read(report)
    runs = [run for run in found.runs if run.status in ("reached", "done", "missed")]
    known = [
        (run.samples, run.energy_j, run.time_s) for run in runs if run.samples and run.energy_j and run.time_s
    ]
    if not known:
        raise UsageError(f"{where}: {report}: no run of it has samples, an energy and a time")
    samples, joules, seconds = (math.fsum(column) for column in zip(*known, strict=True))
    said = described(found, report)
    return Level(machines, samples / seconds, joules / seconds, said)


def _moment(text: str, where: str) -> float:
    try:
        return time_s(text, where)
    except FileError as error:
        raise UsageError(str(error)) from None
