"""All reports of a folder: what each measured, and how each work went over time on its machine."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from energyprof.compare.change import collect
from energyprof.compare.compared import Entry
from energyprof.compare.comparison import compare
from energyprof.compare.figures import BY_NAME
from energyprof.compare.gate.accepted import marks_in
from energyprof.compare.gate.course import Course, Station
from energyprof.compare.gate.folder import Found
from energyprof.compare.gate.levels import levels
from energyprof.compare.gate.limits import default_limits
from energyprof.compare.machines import machine_id, machine_name
from energyprof.compare.mismatches import settings_apart
from energyprof.errors import EnergyprofError, FileError
from energyprof.report.facts import flat
from energyprof.report.file import from_data, trace_path
from energyprof.report.record import Report
from energyprof.storable.frozen import dataclass
from energyprof.trace.file import is_being_written
from energyprof.units import moment

# Fewer reports of one work are no course of anything.
LEAST = 3


@dataclass(frozen=True)
class Listed:
    """One report: what it is, and its figures."""

    name: str  # its path below the folder, without .json
    created: str  # UTC, ISO 8601
    commit: str  # shortened; empty: not known
    score: float | None  # the last run's
    still_runs: bool  # another energyprof is writing its trace now
    entry: Entry
    settings: str = ""  # those in which it differs from most works of its name here


@dataclass(frozen=True)
class Trend:
    """One work on one machine over the folder's reports of it."""

    work: str
    machine: str
    course: Course
    settings: str = ""  # those in which it differs from the other works of its name here


@dataclass(frozen=True)
class Overview:
    """A folder: its reports, the newest first, how works went over time, and which files cannot be read."""

    reports: tuple[Listed, ...]
    trends: tuple[Trend, ...]
    problems: tuple[str, ...]


# What must agree for reports to be of one trend: work, machine, boundary and origin.
_Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class _Value:
    station: Station
    name: str  # of the work, as marks name it
    work: str
    machine: str
    figure: str
    config: Mapping[str, object]


def overview(folder: Path, found: Iterable[Found]) -> Overview:
    """What is ``found`` in ``folder``. Each report is read and dropped: only its figures are kept.

    Raises:
        FileError: a mark of an accepted level there cannot be read, or there is no report.
    """
    listed: list[Listed] = []
    works: list[str] = []  # of those listed
    configs: dict[str, Mapping[str, object]] = {}  # of works
    values: dict[_Key, list[_Value]] = {}
    problems = []
    for one in found:
        name = str(one.path.relative_to(folder)).removesuffix(".json")
        try:
            if one.data is None:
                raise FileError(one.problem)
            report = from_data(one.data, str(one.path))
            listed.append(_listed(name, report, one.path))
            works.append(report.workload.work)
            configs.setdefault(report.workload.work, flat(report.workload.config))
        except EnergyprofError as error:
            problems.append(str(error))
            continue
        if (value := _value(name, report)) is not None:
            work = report.workload
            machine = machine_id(report) or machine_name(report)
            key = (work.work, machine, str(report.boundary), str(report.origin))
            values.setdefault(key, []).append(value)
    if not listed and not problems:
        raise FileError(f"{folder}: no report in this folder")
    listed = _with_settings(listed, works, configs)
    listed.sort(key=lambda one: (moment(one.created), one.name), reverse=True)
    drawn = [(trend, group[-1].config) for group in values.values() if (trend := _trend(folder, group))]
    trends = _told_apart([trend for trend, _ in drawn], [config for _, config in drawn])
    trends.sort(key=lambda trend: (-len(trend.course.stations), trend.work, trend.machine, trend.settings))
    return Overview(tuple(listed), tuple(trends), tuple(problems))


def _listed(name: str, report: Report, path: Path) -> Listed:
    entry = compare([report], [name]).entries[0]
    scores = [run.score for run in report.runs if run.score is not None]
    score = scores[-1] if scores else None
    return Listed(name, report.created, _commit(report), score, is_being_written(trace_path(path)), entry)


def _with_settings(
    listed: Sequence[Listed], works: Sequence[str], configs: Mapping[str, Mapping[str, object]]
) -> list[Listed]:
    """Each with the settings by which its work can be told from the others of its name."""
    names = {work: one.entry.workload for one, work in zip(listed, works, strict=True)}
    apart = _apart([*names.values()], [configs[work] for work in names], always=False)
    said = dict(zip(names, apart, strict=True))
    return [replace(one, settings=said[work]) for one, work in zip(listed, works, strict=True)]


def _commit(report: Report) -> str:
    return report.commit.revision[:12] if report.commit else ""


def _value(name: str, report: Report) -> _Value | None:
    """The figure that `check` would limit, if the report has it."""
    if not report.runs:
        return None
    figure = default_limits(report, report)[0].figure
    found = collect(BY_NAME[figure], report)
    if found is None or found.logs is None:
        return None
    station = Station(name, report.created, _commit(report), math.exp(found.logs.mean))
    work = f"{report.workload.name} {report.workload.size or ''}".strip()
    config = flat(report.workload.config)
    return _Value(station, report.workload.name, work, machine_name(report), figure, config)


def _trend(folder: Path, group: list[_Value]) -> Trend | None:
    """The course of the newest's figure; None: too few reports have it."""
    group = sorted(group, key=lambda value: moment(value.station.created))
    newest = group[-1]
    stations = [value.station for value in group if value.figure == newest.figure]
    if len(stations) < LEAST:
        return None
    means = [math.log(station.value) for station in stations]
    marks = marks_in(folder, newest.name)
    found = levels(means, [station.created for station in stations], marks)
    return Trend(newest.work, newest.machine, Course(newest.figure, tuple(stations), found, ()))


def _told_apart(trends: Sequence[Trend], configs: Sequence[Mapping[str, object]]) -> list[Trend]:
    """Each with the settings by which it can be told from the others of its name."""
    said = _apart([trend.work for trend in trends], configs, always=True)
    return [replace(trend, settings=settings) for trend, settings in zip(trends, said, strict=True)]


def _apart(names: Sequence[str], configs: Sequence[Mapping[str, object]], *, always: bool) -> list[str]:
    """`settings_apart` among those of one name each."""
    alike: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        alike.setdefault(name, []).append(i)
    said = [""] * len(names)
    for places in alike.values():
        for i, settings in zip(
            places, settings_apart([configs[i] for i in places], always=always), strict=True
        ):
            said[i] = settings
    return said
