"""powermetrics' property lists (``--format plist``), one after the other, with a NUL in between."""

from __future__ import annotations

import plistlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

from energyprof.errors import MeterError
from energyprof.trace.logs.blocks import POWERMETRICS
from energyprof.trace.logs.table import Row, Table

# One sample of a machine of 24 processors is some 200 kB.
MAX_BYTES = 16 << 20
_CHUNK_BYTES = 1 << 20
_END = b"</plist>"
# What plistlib raises of broken lists.
_BROKEN = (
    *(plistlib.InvalidFileException, ExpatError, ValueError, LookupError, TypeError, AttributeError),
    *(OverflowError, RecursionError, AssertionError),
)
# The titles of powermetrics' text, and the keys of ``processor`` that hold the same; Apple silicon's are mW,
# Intel's package is in W.
_COLUMNS = (
    (POWERMETRICS.values[0][1], "combined_power", "mW"),
    (POWERMETRICS.values[1][1], "package_watts", "W"),
    (POWERMETRICS.values[2][1], "cpu_power", "mW"),
    (POWERMETRICS.values[3][1], "gpu_power", "mW"),
    (POWERMETRICS.values[4][1], "ane_power", "mW"),
)


def plists(path: Path, lines: Sequence[str], growing: bool) -> Table | None:
    """A row a sample; ``None``: it is not XML. Of one that is ``growing`` the last may be half written.

    Raises:
        MeterError: it is other XML, or no sample in it says a power.
    """
    if not (lines and lines[0].lstrip().startswith("<?xml")):
        return None
    if not any("plist" in line for line in lines):
        raise MeterError(f"{path}: XML that is not a property list of powermetrics")
    first = next(iter(_samples(path, growing)), None)
    if first is None or not isinstance(first.get("processor"), dict):
        raise MeterError(f"{path}: XML that is not a property list of powermetrics")
    there = [column for column in _COLUMNS if column[1] in first["processor"]]
    if not there:
        raise MeterError(f"{path}: powermetrics without powers: give it --samplers cpu_power,gpu_power")

    def rows() -> Iterator[Row]:
        for number, sample in enumerate(_samples(path, growing), 1):
            stamp, powers = sample.get("timestamp"), sample.get("processor")
            known = powers if isinstance(powers, dict) else {}
            cells = [f"{known[key]} {unit}" if key in known else "" for _, key, unit in there]
            # Property lists have their dates in UTC (plist(5)).
            yield Row(number, [f"{stamp.isoformat()}Z" if isinstance(stamp, datetime) else "", *cells])

    return Table(path, (POWERMETRICS.time_title, *(title for title, _, _ in there)), 0, "", rows)


def _samples(path: Path, growing: bool) -> Iterator[Mapping[str, Any]]:
    """Each property list of the file, read one at a time.

    Raises:
        MeterError: one is broken, or longer than any sample.
    """
    for number, document in enumerate(_documents(path, growing), 1):
        try:
            sample = plistlib.loads(document, fmt=plistlib.FMT_XML)
        except _BROKEN as error:
            raise MeterError(f"{path}: sample {number} is not a property list: {str(error)[:80]}") from None
        if isinstance(sample, dict):
            yield sample


def _documents(path: Path, growing: bool) -> Iterator[bytes]:
    left = b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            *whole, left = (left + chunk).split(_END)
            for document in whole:
                yield document.strip(b"\0\r\n\t ") + _END
            if len(left) > MAX_BYTES:
                raise MeterError(f"{path}: a property list of more than {MAX_BYTES >> 20} MB")
    if left.strip(b"\0\r\n\t ") and not growing:
        raise MeterError(f"{path}: its last property list was cut off")
