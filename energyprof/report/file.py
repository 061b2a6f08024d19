"""A report as a file: one JSON object, written atomically, and readable whichever version wrote it."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from energyprof import files
from energyprof.decode import Misfit, decode
from energyprof.errors import FileError
from energyprof.report.record import SCHEMA, SCHEMA_NAME, SCHEMA_VERSION, Report
from energyprof.report.upgrade import upgraded
from energyprof.storable.values import MAX_NAME, fitted, fitted_text
from energyprof.trace.writer import TraceWriter, new_trace, replaced_trace

# What becomes of a file that lies where one is to be written.
Taken = Literal["refused", "replaced"]

_SCHEMA = files.Schema(SCHEMA_NAME, SCHEMA_VERSION, "report")


def to_json(report: Report) -> str:
    """The report as indented JSON with a newline at its end; what may not be stored is cut, or ``null``."""
    return _indented(_plain(report), "\n") + "\n"


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind is float and math.isfinite(value):
        return value
    if dataclasses.is_dataclass(kind):
        return {name: _plain(getattr(value, name)) for name in _names(kind)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping) and any(map(dataclasses.is_dataclass, value.values())):
        return {fitted_text(name, MAX_NAME): _plain(item) for name, item in value.items()}
    return fitted(value)


@functools.cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


def _indented(value: Any, margin: str) -> str:
    """Plain JSON, one blank a level, as json.dumps writes it; that takes several times as long."""
    inner = margin + " "
    if isinstance(value, dict) and value:
        parts = [f"{_QUOTED(name)}: {_indented(item, inner)}" for name, item in value.items()]
        return "{" + inner + ("," + inner).join(parts) + margin + "}"
    if isinstance(value, list) and value:
        return "[" + inner + ("," + inner).join([_indented(item, inner) for item in value]) + margin + "]"
    return repr(value) if type(value) is float else _QUOTED(value)


_QUOTED = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def from_json(text: str, where: str) -> Report:
    """The report in ``text``; ``where`` names its source in errors.

    Raises:
        FileError: not JSON, not a report, of a newer schema, or broken in some field.
    """
    return from_data(parse(text, where), where)


def from_data(data: Mapping[str, Any], where: str) -> Report:
    """The report in JSON that was parsed.

    Raises:
        FileError: it is broken in some field.
    """
    try:
        return decode(Report, upgraded(data))
    except Misfit as error:
        raise FileError(f"{where}: not a valid report: {error}") from None


def parse(text: str, where: str, decoder: json.JSONDecoder | None = None) -> dict[str, Any]:
    """The JSON of a report of a schema that this version reads; its fields are not looked at.

    Raises:
        FileError: not JSON, not a report, or of a newer schema.
    """
    return files.parse(text, where, _SCHEMA, decoder)


def read(path: Path) -> Report:
    """The report in the file ``path``.

    Raises:
        FileError: it cannot be read or is not a report.
    """
    return from_json(text_of(path), str(path))


def read_all(paths: Sequence[Path]) -> list[Report]:
    """The reports in several files.

    Raises:
        FileError: one of them cannot be read or is not a report; of several such the first.
    """
    found: list[Report] = []
    for start in range(0, len(paths), _TOGETHER):
        some = paths[start : start + _TOGETHER]
        found += _together(some) or map(read, some)
    return found


# Files that are read at once; of more the columns are not looked at quicker.
_TOGETHER = 50


def _together(paths: Sequence[Path]) -> list[Report] | None:
    """``None``: to be read one by one, which says what is wrong with which."""
    from energyprof.decode.together import decode_together

    try:
        found = decode_together(Report, [text_of(path) for path in paths])
    except FileError:
        return None
    # Those of an older schema are brought up to today's.
    return found if found and all(report.schema == SCHEMA for report in found) else None


def text_of(path: Path) -> str:
    """What the file ``path`` says.

    Raises:
        FileError: it cannot be read or is not text.
    """
    return files.read_text(path)


def write(report: Report, path: Path) -> None:
    """Write ``report`` to ``path`` atomically; a reader never sees half of it.

    Raises:
        FileError: the disk is full, or the folder cannot be written.
    """
    files.write_text(path, to_json(report))


def claimed(report: Report, path: Path, taken: Taken) -> TraceWriter:
    """``report`` lies at ``path`` and beside it an empty trace, both ours alone; else neither.

    Raises:
        FileError: one of them is taken, cannot be written, or another energyprof is writing it.
    """
    files.make_folder(path)
    trace = (new_trace if taken == "refused" else replaced_trace)(trace_path(path))
    try:
        (files.write_new if taken == "refused" else files.write_text)(path, to_json(report))
    except FileError:
        trace.withdraw()
        raise
    return trace


def trace_path(path: Path) -> Path:
    """Where the samples of the report at ``path`` lie: ``NAME.json`` → ``NAME.trace.csv.gz``."""
    return path.with_name(path.name.removesuffix(".json") + ".trace.csv.gz")
