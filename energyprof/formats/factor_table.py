"""The table of factors for people at 80 columns, and as JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from energyprof.simulate.factors import Factor, version

HINT = "replace one in a scenario: [factors] network.mobile = { value = 0.2, low = 0.1, high = 0.4 }"


def factor_tables(found: Mapping[str, Factor]) -> RenderableType:
    """A row for each factor, its source below it."""
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for name in ("factor", "value", "low", "high", "unit", "year"):
        right = name in ("value", "low", "high")
        table.add_column(name, header_style="dim", justify="right" if right else "left", overflow="fold")
    for factor in found.values():
        numbers = [f"{x:.6g}" for x in (factor.value, factor.low, factor.high)]
        table.add_row(factor.name, *numbers, "" if factor.unit == "1" else factor.unit, str(factor.year))
    sources = [
        Text(f"{f.name}: {f.source}; {f.licence}" + (f"; {f.note}" if f.note else ""), style="dim")
        for f in found.values()
    ]
    head = Text(f"factors, version {version()}", style="bold")
    return Group(head, table, Text(), *sources, Text(), Text(HINT, style="dim"))


def factors_json(found: Mapping[str, Factor]) -> str:
    """One JSON object with a newline at its end."""
    rows = [dataclasses.asdict(factor) for factor in found.values()]
    data = {"schema": "energyprof.factors/1", "version": version(), "factors": rows}
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
