"""Which form a log has: property lists, JSON, lines, blocks, or cells with marks between them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from energyprof.trace.logs.blocks import blocks
from energyprof.trace.logs.delimited import delimited
from energyprof.trace.logs.documents import documents
from energyprof.trace.logs.lines import LINES
from energyprof.trace.logs.plist import plists
from energyprof.trace.logs.sensors import sensors
from energyprof.trace.logs.table import Table
from energyprof.trace.logs.text import head, torn


def open_table(path: Path, *, growing: bool = False) -> Table:
    """The log at ``path`` as a table. Of one that is ``growing`` the last line may be half written.

    Raises:
        MeterError: it is no text, or no table.
        OSError: it cannot be read.
    """
    if growing or not torn(path):
        return _open(path, growing=growing)
    table = _open(path, growing=True)
    note = "it was packed and its end is missing: read as far as it goes"
    return replace(table, notes=(*table.notes, note), cut_off=True)


def _open(path: Path, *, growing: bool) -> Table:
    lines = head(path, growing=growing)
    for maker in (plists, documents, *LINES, sensors, blocks):
        if (table := maker(path, lines, growing)) is not None:
            return table
    return delimited(path, lines, growing=growing)
