"""What an import is asked for, and what comes out of the files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from energyprof import __version__
from energyprof.errors import FileError
from energyprof.meter import Boundary, joint_origin
from energyprof.report.record import SCHEMA, MeterRecord, Report, Run, WorkloadRecord, node_record
from energyprof.trace.rows import Row, Sample
from energyprof.workload import Target, content_id


@dataclass(frozen=True)
class Request:
    """The files, and what the user said of them."""

    files: tuple[Path, ...]
    power: tuple[Path, ...] = ()  # power logs or folders of them; empty: where they usually lie
    offsets_h: Mapping[str, float] = field(default_factory=dict)  # added to a log's times; "": to all logs'
    only: str = ""  # of a file with several works, this one


@dataclass(frozen=True)
class Imported:
    """A report, and the rows of its runs.

    With ``rows`` the report has no runs yet: they are made from the rows as those of a measured report are.
    Without, it is complete: the files hold totals, and there is no trace.
    """

    report: Report
    rows: tuple[tuple[Row, ...], ...] = ()

    def dated(self, created: str) -> Imported:
        """The same with the time (ISO 8601, UTC) at which it was imported; no clock is read in this room."""
        return replace(self, report=replace(self.report, created=created))


def header(
    kind: str,
    work: str,
    config: Mapping[str, Any],
    *,
    machine: Mapping[str, Any],
    boundary: Boundary | None,
    meters: Iterable[MeterRecord],
    notes: Iterable[str],
    target: Target | None = None,
    runs: Iterable[Run] = (),
) -> Report:
    """The report of imported ``runs``; it is an estimate if a counted meter is one.

    The machine's id is empty: the files name a type of machine at best, and two of a type are two.
    """
    meters = tuple(meters)
    text = json.dumps([kind, work, config], sort_keys=True)
    return Report(
        schema=SCHEMA,
        created="",
        energyprof=__version__,
        workload=WorkloadRecord(
            work,
            None,
            content_id({"import": [kind, work], "target": asdict(target)}) if target else "",
            f"import:{kind}:{work}:sha256:{hashlib.sha256(text.encode()).hexdigest()}",
            dict(config),
            target,
        ),
        nodes=(node_record({"id": "", **machine}),),
        boundary=boundary,
        origin=joint_origin(meter.origin for meter in meters if meter.counted),
        meters=meters,
        runs=tuple(runs),
        notes=tuple(dict.fromkeys(notes)),
    )


def event(time_s: float, kind: str, /, **fields: Any) -> Row:
    """The row of an event."""
    return Row(0, f"@{kind}", Sample(time_s, time_s, None), "", fields)


def reading(time_s: float, meter: str, value: float | None) -> Row:
    """The row of a reading, or of one without a value."""
    return Row(0, meter, Sample(time_s, time_s, value), "" if value is not None else "no usable value")


def text_of(path: Path) -> str:
    """The file's text; bytes that are not text become question marks.

    Raises:
        FileError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace").replace("\0", "")
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from None


def first_line(path: Path) -> str:
    """The first line that is not empty; "" if there is none or it cannot be read."""
    return _peek(path, lambda line: bool(line.strip()))


def line_with(path: Path, words: str) -> str:
    """The first line with these words; "" where there is none."""
    return _peek(path, lambda line: words in line)


def _peek(path: Path, wanted: Callable[[str], bool]) -> str:
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return next((line.rstrip("\r\n") for line in file if wanted(line)), "")
    except OSError:
        return ""
