"""An expetator bundle: a table of experiments, and the powers of their hosts from Grid'5000's wattmeters.

::

    NAME                                  hostname fullname nproc duration startTime endTime … hostlist
    NAME_power/HOST_FULLNAME_STARTTIME    [["taurus-8", [t, …], [W, …]], …]
    NAME.zip                              all of it
"""

from __future__ import annotations

import json
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from energyprof.errors import FileError, UsageError
from energyprof.meter import Boundary, MeterInfo
from energyprof.report.importers.imported import (
    Imported,
    Request,
    event,
    first_line,
    header,
    meter_name,
    reading,
    text_of,
)
from energyprof.report.importers.mllog import number
from energyprof.report.importers.power_fit import listed, misfits, within
from energyprof.report.importers.power_log import LoggedValue, PowerLog
from energyprof.report.record import meter_record
from energyprof.storable.frozen import dataclass
from energyprof.trace.rows import Row
from energyprof.units import utc

COLUMNS = ("hostname", "fullname", "nproc", "duration", "startTime", "endTime")

GAIN_A = 0.05
GAIN_SOURCE = "unknown wattmeter: the bundle names none"
RESOLUTION_W = 0.1
MAX_POWER_W = 20_000.0
# What a file in the bundle may expand to: its powers are a few MB.
MAX_MEMBER_BYTES = 1 << 26


@dataclass(frozen=True)
class Experiment:
    """One row. Times in whole s since 1970."""

    name: str
    start_s: float
    stop_s: float
    row: Mapping[str, str]
    levers: Mapping[str, str]


def recognises(path: Path) -> bool:
    """Whether it is such a table, or a zip with one."""
    if not zipfile.is_zipfile(path):
        return tuple(first_line(path).split()[: len(COLUMNS)]) == COLUMNS
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name == path.stem or name.startswith(f"{path.stem}_") for name in archive.namelist())
    except _BROKEN_ZIP:
        return False


def read(request: Request) -> Imported:
    """A run for each row of one benchmark. Raises as `Importer`."""
    if len(request.files) > 1 or request.power:
        raise UsageError("import one expetator bundle at a time; its powers lie in it")
    path = request.files[0]
    try:
        archive = zipfile.ZipFile(path) if zipfile.is_zipfile(path) else None
        table = _member(archive, path.stem) if archive else text_of(path)
    except _BROKEN_ZIP as error:
        raise FileError(f"{path}: not a readable bundle: {error}") from None
    found, notes = _experiments(path, table)
    benchmarks = dict.fromkeys(experiment.row["fullname"] for experiment in found)
    if request.only:
        found = [experiment for experiment in found if experiment.row["fullname"] == request.only]
    if not found or (len(benchmarks) > 1 and not request.only):
        shown = ", ".join(benchmarks) or "none"
        raise UsageError(f"a report is about one work: the benchmarks are {shown}; --only NAME takes one")
    logs = [_powers(path, archive, experiment) for experiment in found]
    bare = [experiment.name for experiment, own in zip(found, logs, strict=True) if not own]
    notes += [f"{listed(bare)}: the bundle has no powers for it"] if bare else []
    notes += misfits(zip(found, logs, strict=True))
    if request.boundary is None and not request.boundaries:
        notes.append("the bundle names no meter: its powers are taken as from wall meters of the nodes")
    levers = sorted({json.dumps(experiment.levers, sort_keys=True) for experiment in found})
    if len(levers) > 1:
        notes.append(f"the runs differ in {', '.join(found[0].levers)}: not one setting")
    first = found[0].row
    names = dict.fromkeys(log.name for own in logs for log in own)
    period_s = max((log.period_s for own in logs for log in own), default=1.0)
    if strange := set(request.boundaries) - set(names):
        raise UsageError(f"--meter {min(strange)}=…: there is no such meter: there are {', '.join(names)}")
    infos = [_info(name, period_s, request.boundary_of(name, "wall_ac")) for name in names]
    boundary = infos[0].boundary if infos else None
    report = header(
        "expetator",
        first["fullname"],
        {
            "nproc": first["nproc"],
            "hosts": len(_hosts(first)),
            "levers": [json.loads(text) for text in levers],
        },
        machine={"host": first["hostname"]},
        boundary=boundary,
        meters=[meter_record(info, 0.0, counted=info.boundary == boundary) for info in infos],
        notes=notes,
    )
    return Imported(report, tuple(tuple(_rows(e, own)) for e, own in zip(found, logs, strict=True)))


def _experiments(path: Path, table: str) -> tuple[list[Experiment], list[str]]:
    titles, *lines = [line.split() for line in table.splitlines() if line.strip()] or [[]]
    if tuple(titles[: len(COLUMNS)]) != COLUMNS:
        raise FileError(f"{path}: its first line does not name {', '.join(COLUMNS)}")
    found, lost = [], 0
    for cells in lines:
        row = dict(zip(titles, cells, strict=False))
        try:
            start_s, stop_s = float(row["startTime"]), float(row["endTime"])
        except (KeyError, ValueError):
            lost += 1
            continue
        levers = {key: row[key] for key in titles if key in row and key not in (*COLUMNS, "hostlist")}
        found.append(Experiment(f"{row['fullname']}_{row['startTime']}", start_s, stop_s, row, levers))
    return found, [f"{lost} rows of the table could not be read"] if lost else []


def _hosts(row: Mapping[str, str]) -> list[str]:
    return [host.partition(".")[0] for host in row.get("hostlist", row["hostname"]).split(";")]


def _powers(path: Path, archive: zipfile.ZipFile | None, experiment: Experiment) -> list[PowerLog]:
    """The log of each host of the experiment."""
    row = experiment.row
    base = path.stem if archive else path.name
    name = PurePosixPath(f"{base}_power", f"{row['hostname']}_{row['fullname']}_{row['startTime']}")
    try:
        data = json.loads(_member(archive, str(name)) if archive else text_of(path.parent / name))
    except (*_BROKEN_ZIP, RecursionError, FileError):
        return []
    logs = []
    for entry in data if isinstance(data, list) else []:
        points = _points(entry)
        if points is not None:
            logs.append(
                PowerLog(
                    path, meter_name(str(entry[0])), points, "power_w", "wall_ac", RESOLUTION_W, None, "power"
                )
            )
    return logs


def _member(archive: zipfile.ZipFile, name: str) -> str:
    """A file's text. Raises one of ``_BROKEN_ZIP``; what expands without end is broken, too."""
    with archive.open(name) as member:
        content = member.read(MAX_MEMBER_BYTES + 1)
    if len(content) > MAX_MEMBER_BYTES:
        raise zipfile.BadZipFile(f"{name} expands to more than {MAX_MEMBER_BYTES >> 20} MB")
    return content.decode("utf-8", "replace")


# All that Python's zipfile raises at broken bytes: of a name, a length, a method, a password, a stream.
_BROKEN_ZIP = (
    *(zipfile.BadZipFile, KeyError, OSError, EOFError, ValueError, NotImplementedError, RuntimeError),
    *(zlib.error, lzma.LZMAError, struct.error),
)


def _points(entry: Any) -> tuple[LoggedValue, ...] | None:
    """Times and watts of ``[host, [t, …], [W, …]]``; ``None``: it is none."""
    if not (
        isinstance(entry, list) and len(entry) == 3 and all(isinstance(part, list) for part in entry[1:])
    ):
        return None
    pairs = ((number(t), number(w)) for t, w in zip(entry[1], entry[2], strict=False))
    return tuple(sorted({t: w for t, w in pairs if t is not None}.items()))


def _info(name: str, period_s: float, boundary: Boundary) -> MeterInfo:
    return MeterInfo(
        name=name,
        kind="expetator",
        part="machine",
        boundary=boundary,
        reads="power_w",
        method="powers in the bundle",
        resolution=RESOLUTION_W,
        refresh_s=period_s,
        gain_a=GAIN_A,
        gain_source=GAIN_SOURCE,
        max_power_w=MAX_POWER_W,
        device=name,
        min_interval_s=period_s,
        external=True,
    )


def _rows(experiment: Experiment, logs: Sequence[PowerLog]) -> Iterable[Row]:
    zero_s, span_s = experiment.start_s, experiment.stop_s - experiment.start_s
    yield event(0.0, "run", seed=None, monotonic_s=0.0, utc=utc(zero_s))
    yield event(0.0, "started")
    yield event(0.0, "phase", name="run", samples=None)
    facts = {"duration": experiment.row["duration"], **experiment.levers}
    yield event(0.0, "facts", facts=facts)
    yield event(span_s, "exit", code=0)
    for log in logs:
        for time_s, value in within(log, experiment.start_s, experiment.stop_s):
            yield reading(time_s - zero_s, log.name, value)
