"""The machine's levers for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from energyprof.measure.lever import Lever, LeverError, LeverFinding

HINT = "turn one for a training: energyprof run unet --lever NAME=VALUE"


def lever_table(findings: Sequence[LeverFinding]) -> RenderableType:
    """A line for each lever, alike devices on one; then what is not here."""
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for name in ("lever", "now", "values", "writable"):
        # A name is copied into a command: it stays whole.
        table.add_column(name, header_style="dim", overflow="fold", no_wrap=name == "lever")
    remarks: list[Text] = []
    for name, now, values, remedy, notes in _rows(findings):
        written = Text(f"needs {remedy}", style="yellow") if remedy else Text("yes", style="green")
        table.add_row(name, now, values, written)
        remarks += [Text(f"{name}: {note}", style="dim") for note in notes]
    remarks += [Text(f"{f.kind}: {f.reason}", style="dim") for f in findings if not f.levers]
    parts: list[RenderableType] = [table, Text(), *remarks] if remarks else [table]
    return Group(*parts, Text(), Text(HINT, style="dim"))


def lever_data(findings: Sequence[LeverFinding]) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "levers": [
            {
                "name": lever.name,
                "device": lever.device,
                "now": _now(lever),
                "values": lever.values.range,
                "writable": not lever.remedy,
                "remedy": lever.remedy,
                "notes": list(lever.notes),
            }
            for finding in findings
            for lever in finding.levers
        ],
        "absent": {finding.kind: finding.reason for finding in findings if not finding.levers},
    }


def _rows(findings: Sequence[LeverFinding]) -> Iterator[tuple[str, str, str, str, tuple[str, ...]]]:
    """Name, value, range, remedy and notes; devices that agree in all of these share a row."""
    alike: dict[tuple[str, str, str, str, tuple[str, ...]], list[str]] = {}
    for finding in findings:
        for lever in finding.levers:
            row = (lever.name, _now(lever), lever.values.range, lever.remedy, lever.notes)
            alike.setdefault(row, []).append(lever.device)
    for (name, now, values, remedy, notes), devices in alike.items():
        label = name if devices == [""] else f"{name}:{devices[0]}"
        if len(devices) > 1:
            label = f"{name} ({devices[0]} … {devices[-1]})"
        yield label, now, values, remedy, notes


def _now(lever: Lever) -> str:
    try:
        return lever.values.shown(lever.control.read())
    except LeverError:
        return "cannot be read"
