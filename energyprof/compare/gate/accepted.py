"""Marks in a folder of reports: from one report on a new level is accepted, and why."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

from energyprof import files
from energyprof.decode import Misfit, Utc, decode
from energyprof.errors import FileError
from energyprof.report.record import Report
from energyprof.storable.frozen import dataclass
from energyprof.storable.values import fitted
from energyprof.units import moment

# The schema and its history; a reader takes every version up to its own.
#   energyprof.accepted/1   the first
SCHEMA = "energyprof.accepted/1"
ENDING = ".accepted.json"
_SCHEMA = files.Schema("energyprof.accepted", 1, "mark of an accepted level")


@dataclass(frozen=True)
class Accepted:
    """A mark: reports of this work from this moment on are judged by none before it."""

    schema: str
    created: Utc  # of the first report of the new level
    name: str  # of the work, for people
    why: str


def accept(report: Report, folder: Path, stem: str, why: str) -> Path:
    """Write the mark that a new level begins with ``report``, called ``stem``; where it lies.

    Raises:
        FileError: it cannot be written.
    """
    path = folder / f"{stem}{ENDING}"
    mark = Accepted(SCHEMA, report.created, report.workload.name, why)
    files.write_text(path, json.dumps(fitted(dataclasses.asdict(mark)), indent=1, ensure_ascii=False) + "\n")
    return path


def marks_in(folder: Path, name: str) -> tuple[Accepted, ...]:
    """The marks of the work ``name`` below ``folder``, the oldest first.

    Raises:
        FileError: one cannot be read: what it accepted would fail again.
    """
    return tuple(
        sorted((mark for mark in _marks(folder) if mark.name == name), key=lambda m: moment(m.created))
    )


def _marks(folder: Path) -> Iterator[Accepted]:
    for path in sorted(folder.rglob(f"*{ENDING}")) if folder.is_dir() else ():
        data = files.parse(files.read_text(path), str(path), _SCHEMA)
        try:
            yield decode(Accepted, data, "mark")
        except Misfit as error:
            raise FileError(f"{path}: not a valid mark: {error}") from None
