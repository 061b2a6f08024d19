"""Parquet: the rows of the CSV, typed, with units; the whole report lies in the file's metadata.

pyarrow or pandas reads it; ``schema.metadata[b"energyprof.report"]`` is the report's JSON.
"""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq

from energyprof.formats.interchange.columns import columns, rows
from energyprof.formats.interchange.contract import Source
from energyprof.report.file import to_json

_TYPES = {"text": pa.string(), "integer": pa.int64(), "real": pa.float64()}
_UNITS = {"_j": "J", "_w": "W", "_s": "s", "_g": "g CO2e"}


def content(source: Source) -> tuple[bytes, list[str]]:
    """The file; nothing is asked for that may be missing."""
    fields = [pa.field(column.name, _TYPES[column.kind], metadata=_unit(column.name)) for column in columns()]
    schema = pa.schema(fields, metadata={"energyprof.report": to_json(source.report)})
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows(source), schema=schema), out)
    return out.getvalue(), []


def _unit(name: str) -> dict[str, str] | None:
    bare = name.removesuffix("_low").removesuffix("_high")
    return next(({"unit": unit} for end, unit in _UNITS.items() if bare.endswith(end)), None)
