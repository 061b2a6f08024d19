"""The reports in a folder, one at a time, and what else is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from energyprof.errors import FileError
from energyprof.files import FAST
from energyprof.report.file import parse, text_of
from energyprof.report.record import SCHEMA_NAME
from energyprof.storable.frozen import dataclass
from energyprof.units import moment

# Other files of ours that lie beside reports.
_OTHERS = (".noise.json", ".calibration.json", ".accepted.json")


@dataclass(frozen=True)
class Found:
    """One file of a folder: parsed JSON of a report, or the reason why it is not one."""

    path: Path
    data: dict[str, Any] | None
    problem: str = ""


def reports_in(folder: Path) -> Iterator[Found]:
    """Every ``*.json`` below ``folder`` that is a report or should be one, in the order of their paths.

    Raises:
        FileError: ``folder`` is not a folder.
    """
    if not folder.is_dir():
        raise FileError(f"{folder}: not a folder of reports")
    for path in sorted(folder.rglob("*.json")):
        if path.name.startswith(".") or path.name.endswith(_OTHERS) or not path.is_file():
            continue
        try:
            text = text_of(path)
            # A file that never was a report is not our concern; one that was cut off is.
            if SCHEMA_NAME in text or not text.strip():
                yield Found(path, parse(text, str(path), FAST))
        except FileError as error:
            yield Found(path, None, str(error))


def newest(folder: Path) -> Path:
    """The report in ``folder`` that was made last.

    Raises:
        FileError: ``folder`` is not a folder, or holds no report.
    """
    made = [
        (moment(str(found.data.get("created"))), found.path)
        for found in reports_in(folder)
        if found.data is not None
    ]
    if not made:
        raise FileError(f"{folder}: no report in this folder")
    return max(made)[1]
