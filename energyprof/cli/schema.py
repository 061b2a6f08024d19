"""``energyprof schema``: what a report may hold, as JSON Schema."""

from __future__ import annotations

import sys


def schema() -> None:
    """Print the JSON Schema (draft 2020-12) of reports."""
    from energyprof.report.schema import schema_text

    sys.stdout.write(schema_text())
