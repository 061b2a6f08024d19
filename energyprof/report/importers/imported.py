"""What an import is asked for, and what comes out of the files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, field, replace
from datetime import timezone
from pathlib import Path
from typing import Any

from energyprof import __version__
from energyprof.errors import FileError, MeterError
from energyprof.meter import Boundary, joint_origin
from energyprof.report.record import SCHEMA, MeterRecord, Report, Run, WorkloadRecord, node_record
from energyprof.storable.frozen import dataclass
from energyprof.trace.logs.text import chunks
from energyprof.trace.logs.wanted import Several, Wanted
from energyprof.trace.rows import Row, Sample
from energyprof.workload import Target, content_id


class SeveralInOne(FileError):
    """A power log holds several series, and which are meant must be said: see `Several`, its ``cause``."""

    def __init__(self, cause: Several) -> None:
        super().__init__(str(cause))
        self.cause = cause


# Times without a zone are taken as UTC, and one's own start will do.
ANY = Wanted(zone=timezone.utc, any_start=True, style="option")
# Names of devices that are longer are none.
MAX_METER_NAME = 100
# No file of totals is as long.
MAX_CHARS = 64 << 20
# So much of a file is looked through for one of its lines.
LOOKED_THROUGH_CHARS = 16 << 20


@dataclass(frozen=True)
class Request:
    """The files, and what the user said of them."""

    files: tuple[Path, ...]
    # Of a result its power logs or folders of them; empty: where they usually lie. Of a power log its
    # columns.
    power: tuple[Path | str, ...] = ()
    offsets_h: Mapping[str, float] = field(default_factory=dict)  # added to a log's times; "": to all logs'
    only: str = ""  # of a file with several works, runs or devices, this one
    boundary: Boundary | None = None  # what the meters see; None: what the files say
    boundaries: Mapping[str, Boundary] = field(default_factory=dict)  # the same of single meters, by name
    wanted: Wanted = ANY  # of power logs: their columns, units and times

    @property
    def logs(self) -> tuple[Path, ...]:
        """The power logs that were named, as paths."""
        return tuple(map(Path, self.power))

    def boundary_of(self, meter: str, said: Boundary) -> Boundary:
        """What a meter sees: by the user's word, or else as its file says."""
        return self.boundaries.get(meter) or self.boundary or said


@dataclass(frozen=True)
class Imported:
    """A report, and the rows of its runs.

    With ``rows`` the report has no runs yet: they are made from the rows as those of a measured report are.
    Without, it is complete: the files hold totals, and there is no trace.
    """

    report: Report
    rows: tuple[Iterable[Row], ...] = ()  # each read once

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


def meter_name(text: str) -> str:
    """``text`` as the name of a meter: short, printable, and no event's in a trace."""
    shown = "".join(mark if mark.isprintable() else "?" for mark in text[:MAX_METER_NAME])
    return shown.strip().lstrip("@") or "meter"


def lines_of(path: Path) -> Iterator[str]:
    """The file's lines, one at a time; bytes that are not text become question marks.

    Raises:
        FileError: it cannot be read, or is no text.
    """
    try:
        for chunk in chunks(path):
            for line in chunk.lines:
                yield line.replace("\0", "")
    except MeterError as error:
        raise FileError(str(error)) from None
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from None


def text_of(path: Path) -> str:
    """The file's text.

    Raises:
        FileError: it cannot be read, or is too long for what it should be.
    """
    lines, chars = [], 0
    for line in lines_of(path):
        lines.append(line)
        chars += len(line) + 1
        if chars > MAX_CHARS:
            raise FileError(f"{path}: longer than {MAX_CHARS >> 20} MB: not a file of totals")
    return "\n".join(lines)


def first_line(path: Path) -> str:
    """The first line that is not empty; "" if there is none or it cannot be read."""
    return _peek(path, lambda line: bool(line.strip()))


def line_with(path: Path, words: str) -> str:
    """The first line with these words; "" where there is none."""
    return _peek(path, lambda line: words in line)


def holds(path: Path, words: str, within_bytes: int = 1 << 20) -> bool:
    """Whether the file's beginning has these words somewhere; ``False``, too, where it cannot be read."""
    wanted, rest, left = words.encode(), b"", within_bytes
    try:
        with path.open("rb") as file:
            while left > 0 and (block := file.read(min(left, 1 << 20))):
                if wanted in rest + block:
                    return True
                rest, left = block[-len(wanted) :], left - len(block)
    except OSError:
        pass
    return False


def _peek(path: Path, wanted: Callable[[str], bool]) -> str:
    looked = 0
    try:
        for line in lines_of(path):
            if wanted(line):
                return line
            looked += len(line)
            if looked > LOOKED_THROUGH_CHARS:
                break
    except FileError:
        pass
    return ""
