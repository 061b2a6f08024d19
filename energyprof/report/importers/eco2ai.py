"""eco2AI's emission.csv: a row a tracker, or a row an epoch of one; totals only.

A CPU's energy is its TDP times its load, a GPU's is read from NVML, the memory's is a model of its size.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from datetime import timezone
from pathlib import Path

from energyprof.errors import FileError, UsageError
from energyprof.meter import Part
from energyprof.report.importers.columns import Record, figure, records
from energyprof.report.importers.imported import Imported, Request, first_line, header
from energyprof.report.importers.power_fit import listed
from energyprof.report.importers.totals import (
    COVERAGE,
    UNCERTAINTY,
    WindowTotals,
    beside,
    total_meter,
    total_run,
)
from energyprof.trace.stamps import seconds
from energyprof.units import watts

J_PER_KWH = 3.6e6
# Old versions misspelt the unit; the newest have the parts, too.
WHOLE = ("power_consumption(kWh)", "power_consumption(kWTh)")
PARTS: dict[str, Part] = {
    "cpu_power_consumption(kWh)": "cpu",
    "gpu_power_consumption(kWh)": "gpu",
    "ram_power_consumption(kWh)": "dram",
}
NEEDED = ("project_name", "start_time", "duration(s)")
MACHINE = ("CPU_name", "GPU_name")

# A processor may draw more than its TDP for a while, on the mean of a run not so many times as much.
MOST_OVER_TDP = 3.0
_TDP = re.compile(r"(\d+) device\(s\), TDP:(\d+(?:\.\d+)?)")


def recognises(path: Path) -> bool:
    """Whether its columns are eco2AI's."""
    line = first_line(path)
    return "CO2_emissions(kg)" in line and any(title in line for title in WHOLE)


def read(request: Request) -> Imported:
    """A run for each tracker, its epochs as phases. Raises as `Importer`."""
    if request.power:
        raise UsageError("eco2AI's file holds totals: no power log can be joined to it")
    found: list[Record] = []
    notes: list[str] = []
    for path in request.files:
        rows, remarks = records(path, ",", NEEDED)
        if not any(title in rows[0] for title in WHOLE):
            raise FileError(f"{path}: it has no column {WHOLE[0]!r}")
        found += [row for row in rows if request.only in ("", row["project_name"], row.get("id"))]
        notes += [f"{path.name}: {remark}" for remark in remarks]
    projects = dict.fromkeys(row["project_name"] for row in found)
    if len(projects) != 1:
        shown = ", ".join(projects) or "none"
        raise UsageError(f"a report is about one work: the projects are {shown}; --only NAME takes one")
    machines = dict.fromkeys(tuple(row.get(name, "") for name in MACHINE) for row in found)
    if len(machines) > 1:
        shown = listed([", ".join(filter(None, names)) for names in machines])
        raise UsageError(
            f"the rows are of {len(machines)} machines ({shown}); --only ID takes a tracker of one"
        )
    notes += [
        "eco2AI models the CPU from its TDP and load, and the memory from its size: an estimate",
        "its times have no zone and are taken as UTC",
        COVERAGE,
        UNCERTAINTY,
    ]
    columns = [name for name in PARTS if any(figure(row, name) for row in found)]
    columns = columns or [next(title for title in WHOLE if title in found[0])]
    groups: dict[str, list[Record]] = {}
    for i, row in enumerate(found):
        groups.setdefault(row.get("id") or f"row {i + 1}", []).append(row)
    runs = {name: _windows(rows, columns, notes) for name, rows in groups.items()}
    several = beside([(windows[0].start_s, windows[-1].end_s) for windows in runs.values()])
    if several:
        names = [[*runs][i] for i in several]
        raise UsageError(
            f"{len(several)} trackers ran at one time on one machine ({listed(names)}): each may hold "
            f"the others' "
            "joules; --only ID takes one"
        )
    project = next(iter(projects))
    report = header(
        "eco2ai",
        project,
        {"project": project},
        machine={"cpu": found[0].get("CPU_name") or "", "system": found[0].get("OS") or ""},
        boundary="component",
        meters=[
            total_meter(
                _named(name),
                "eco2ai",
                PARTS.get(name, "machine"),
                f"column {name}",
                origin="modelled",
                counted=True,
            )
            for name in columns
        ],
        notes=notes,
        runs=[
            total_run(windows, [_named(name) for name in columns], {"id": name})
            for name, windows in runs.items()
        ],
    )
    return Imported(report)


def _windows(rows: Sequence[Record], columns: Sequence[str], notes: list[str]) -> list[WindowTotals]:
    """A tracker's epochs in order of time; rows that start together are its totals until then."""
    windows = [_window(row, columns) for row in rows]
    windows.sort(key=lambda window: (window.start_s, window.span_s))
    last = [
        window
        for window, after in itertools.zip_longest(windows, windows[1:])
        if after is None or after.start_s > window.start_s
    ]
    if len(last) < len(windows):
        notes.append(f"{len(windows) - len(last)} rows are totals of a tracker before its end: left out")
    return last


def _window(row: Record, columns: Sequence[str]) -> WindowTotals:
    try:
        start_s = seconds(row["start_time"], timezone.utc)
    except ValueError as error:
        raise FileError(f"eco2AI: {error}") from None
    span_s = max(0.0, figure(row, "duration(s)") or 0.0)
    joules = {
        _named(name): None if (kwh := figure(row, name)) is None else kwh * J_PER_KWH for name in columns
    }
    epoch = row.get("epoch", "")
    name = epoch.partition(",")[0].replace(":", "") if epoch.startswith("epoch") else "run"
    strange = {}
    tdp = _TDP.search(row.get("CPU_name", ""))
    cpu_j = joules.get(_named("cpu_power_consumption(kWh)"))
    if tdp and cpu_j is not None and span_s > 0:
        most_w = max(1, int(tdp[1][:6])) * float(tdp[2])
        if cpu_j / span_s > MOST_OVER_TDP * most_w > 0:
            strange["eco2ai:cpu"] = f"a mean of {watts(cpu_j / span_s)}, where its TDP is {watts(most_w)}"
    return WindowTotals(" ".join(name.split()) or "run", start_s, span_s, joules, strange)


def _named(column: str) -> str:
    return f"eco2ai:{column.partition('_')[0]}" if column in PARTS else "eco2ai:total"
