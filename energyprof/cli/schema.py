"""``energyprof schema``: what a report may hold, as JSON Schema."""

from __future__ import annotations

from energyprof.cli import streams


def schema() -> None:
    """Print the JSON Schema (draft 2020-12) of reports."""
    from energyprof.report.schema import schema_text

    streams.write_json(schema_text())
