"""What a format of others is given, and what it says it lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from energyprof.compare.emissions import Grid
from energyprof.report.record import Report


@dataclass(frozen=True)
class Source:
    """A report and where it lies."""

    report: Report
    path: Path  # its trace lies beside it, if it has one
    grid: Grid | None  # None: no grid was named, so nothing is said of emissions


class InFile(Protocol):
    """A module whose format is one file."""

    def content(self, source: Source) -> tuple[bytes, Sequence[str]]:
        """The whole file, and what the format asks for that the report does not know."""
        ...


class InFolder(Protocol):
    """A module whose format is a folder."""

    def save(self, source: Source, place: Path) -> Sequence[str]:
        """Write it there; what the format asks for that the report does not know.

        Raises:
            FileError: it cannot be written.
        """
        ...
