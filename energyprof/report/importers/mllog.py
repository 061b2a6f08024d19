"""The lines that MLPerf's logger writes: `:::MLLOG` and an event as JSON, among anything else in the file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from energyprof.report.importers.imported import lines_of

MARK = ":::MLLOG "
SYSTEM = ":::SYSJSON "

MOST = 1e18
# In the year 5138.
LATEST_MS = 1e14

_DECODER = json.JSONDecoder()


class MllogEvent(NamedTuple):
    """One line."""

    time_s: float  # since 1970 (UTC)
    key: str
    value: Any
    metadata: Mapping[str, Any]

    def number(self) -> float | None:
        """Its value, if that is a finite number."""
        return number(self.value)


def number(value: Any) -> float | None:
    """``value`` as a finite number; a string of digits is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    # An integer may have more digits than a float has room for.
    return float(value) if -MOST < value < MOST else None


class Mllog(NamedTuple):
    """The events of a file in its order, and what else it tells."""

    events: tuple[MllogEvent, ...]
    broken: int  # lines with the mark that could not be read: cut off, or two processes in one line
    system: Mapping[str, Any]  # what the submitter's script says of the machine


def read_mllog(path: Path) -> Mllog:
    """What the file holds. Launchers put the rank before the mark: ``0: :::MLLOG {…}``.

    Raises:
        FileError: it cannot be read.
    """
    events: list[MllogEvent] = []
    broken = 0
    system: dict[str, Any] = {}
    for line in lines_of(path):
        # A shell that echoes its commands shows the line that prints the mark, too.
        if MARK in line and not line.lstrip().startswith("+"):
            event = _event(line.rpartition(MARK)[2])
            broken += event is None
            events += [event] if event else []
        elif SYSTEM in line and not line.lstrip().startswith("+"):
            system = _json(line.rpartition(SYSTEM)[2]) or system
    return Mllog(tuple(events), broken, system)


def _event(text: str) -> MllogEvent | None:
    data = _json(text)
    time_ms = number(data.get("time_ms"))
    if time_ms is None or not 0 < time_ms < LATEST_MS or not isinstance(data.get("key"), str):
        return None
    metadata = data.get("metadata")
    return MllogEvent(
        time_ms / 1000, data["key"], data.get("value"), metadata if isinstance(metadata, dict) else {}
    )


def _json(text: str) -> dict[str, Any]:
    """The object that ``text`` begins with; empty if there is none."""
    try:
        data, _ = _DECODER.raw_decode(text.strip())
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
