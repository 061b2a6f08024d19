"""Grids' intensities over time, as their publishers write them: one file a format."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from energyprof import files
from energyprof.errors import FileError
from energyprof.simulate.traces import (
    carbon_aware_sdk,
    electricity_maps,
    entsoe,
    uk_intensity,
    vessim,
    watttime,
)
from energyprof.simulate.traces.trace import IntensityTrace


class Format(Protocol):
    """One file of this folder."""

    FORMAT: str

    def recognises(self, text: str) -> bool:
        """Whether ``text`` is of this format."""

    def read(self, text: str, column: str | None, where: str) -> IntensityTrace:
        """The intensities in ``text``."""


FORMATS: tuple[Format, ...] = (electricity_maps, entsoe, watttime, uk_intensity, carbon_aware_sdk, vessim)


def read_trace(path: Path, column: str | None = None) -> IntensityTrace:
    """The intensities in the file ``path``; ``column`` is the column or the place in it.

    Raises:
        FileError: it cannot be read, is of no known format, or its numbers cannot be; see `trace.trace`.
    """
    text = files.read_text(path)
    if not text.strip():
        raise FileError(f"{path}: is empty")
    for reader in FORMATS:
        if reader.recognises(text):
            return reader.read(text, column, str(path))
    names = "; ".join(reader.FORMAT for reader in FORMATS)
    raise FileError(f"{path}: not a trace of intensities: known are {names}")
