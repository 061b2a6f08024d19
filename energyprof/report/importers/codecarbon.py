"""codecarbon's emissions.csv, versions 1 to 3: a row a run, or a row a task of one; totals only.

What it writes is the same whether a CPU was metered by RAPL or modelled from its load, and the memory's
energy is a model of its size nearly always. So a total of it is an estimate.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timezone
from pathlib import Path

from energyprof.errors import FileError, UsageError
from energyprof.meter import Part
from energyprof.report.importers.columns import Record, figure, mark_of, records
from energyprof.report.importers.imported import Imported, Request, first_line, header
from energyprof.report.importers.power_fit import listed
from energyprof.report.importers.totals import (
    COVERAGE,
    UNCERTAINTY,
    WindowTotals,
    beside,
    total_meter,
    total_run,
    within,
)
from energyprof.report.record import MeterRecord
from energyprof.trace.stamps import seconds
from energyprof.units import watts

J_PER_KWH = 3.6e6

# Column → what it is of. Version 1 has the whole alone.
PARTS: dict[str, Part] = {"cpu_energy": "cpu", "gpu_energy": "gpu", "ram_energy": "dram"}
WHOLE = "energy_consumed"
NEEDED = ("timestamp", "project_name", "duration", WHOLE)

# What a run is called by; version 1 has no more than the experiment, which several runs may share.
NAMES = ("project_name", "run_id", "experiment_id", "task_name")
# What tells machines apart.
MACHINE = ("cpu_model", "cpu_count", "gpu_model", "gpu_count")

# The parts times the data centre's overhead are the total: they differ by rounding, or by that factor.
SAME = 1e-6
# A processor's column of power is its last reading in versions 1 and 2: its mean may be some times that, but
# not as much and more than a desktop's processor draws.
MEAN_OVER_POWER = 3.0
FAR_OVER_POWER = 6.0
DESKTOP_W = 300.0
GPU_W = 2500.0
_DESKTOP = re.compile(r"Core\(TM\)|Ryzen \d|Ryzen AI|Apple M\d|Celeron|Pentium|Atom")

# No machine has more; a column out of its place may say so.
MOST_GPUS = 1024


def recognises(path: Path) -> bool:
    """Whether its columns are codecarbon's."""
    line = first_line(path)
    titles = {title.strip().strip('"') for title in line.split(mark_of(line))}
    return {"project_name", "emissions", "duration"} <= titles and bool(
        titles & {WHOLE, "emissions_rate", "experiment_id"}
    )


def read(request: Request) -> Imported:
    """A run for each ``run_id``, its tasks as phases. Raises as `Importer`."""
    if request.power:
        raise UsageError("codecarbon's file holds totals: no power log can be joined to it")
    found: list[Record] = []
    notes: list[str] = []
    for path in request.files:
        rows, remarks = records(path, mark_of(first_line(path)), NEEDED)
        found += [row for row in rows if _is_wanted(row, request.only)]
        notes += [f"{path.name}: {remark}" for remark in remarks]
    projects = dict.fromkeys(row["project_name"] for row in found)
    if len(projects) != 1:
        shown = ", ".join(projects) or "none"
        raise UsageError(f"a report is about one work: the projects are {shown}; --only NAME takes one")
    _one_machine(found)
    names = _counted(found)
    runs = [_windows(rows, names, notes) for rows in _by_run(found, notes)]
    _apart(runs)
    notes += _about(found, request.files[0])
    project = next(iter(projects))
    report = header(
        "codecarbon",
        project,
        {"project": project, "tracking_mode": found[0].get("tracking_mode", "")},
        machine=_machine(found[0]),
        boundary="component",
        meters=[_meter(name) for name in names],
        notes=notes,
        runs=[total_run(windows, [_named(name) for name in names], _facts(row)) for row, windows in runs],
    )
    return Imported(report)


def _is_wanted(row: Record, only: str) -> bool:
    return not only or only in (row.get(name) for name in NAMES)


def _one_machine(rows: Sequence[Record]) -> None:
    """Raises UsageError: the rows are of several machines."""
    machines: dict[tuple[str, ...], str] = {}
    for row in rows:
        memory = figure(row, "ram_total_size")
        facts = (*(row.get(name, "") for name in MACHINE), "" if memory is None else f"{memory:.0f}")
        machines.setdefault(facts, row.get("run_id", ""))
    if len(machines) > 1:
        shown = listed([" with ".join(filter(None, (facts[0], facts[2]))) for facts in machines])
        raise UsageError(
            f"neither one machine nor one work: the rows are of {len(machines)} machines ({shown}); "
            f"--only RUN_ID takes a run of one, such as --only {next(iter(machines.values()))}"
        )


def _counted(rows: Sequence[Record]) -> list[str]:
    """The columns that make up the energy."""
    if not set(PARTS) <= set(rows[0]):
        return [WHOLE]
    # A machine without a GPU has 0 in its column; a CPU that used nothing was not read.
    return [name for name in PARTS if name == "cpu_energy" or any(figure(row, name) for row in rows)]


def _by_run(rows: Sequence[Record], notes: list[str]) -> list[list[Record]]:
    """The rows of each run; of its totals before its end the last alone."""
    groups: dict[str, list[Record]] = {}
    for i, row in enumerate(rows):
        groups.setdefault(row.get("run_id") or f"row {i}", []).append(row)
    found, before = [], 0
    for group in groups.values():
        tasks = [row for row in group if row.get("task_name")]
        if tasks:
            # A row without a name is the whole that they are in.
            found.append(tasks)
            before += len(group) - len(tasks)
            continue
        ends = [(_time_s(row) - (figure(row, "duration") or 0.0), _time_s(row)) for row in group]
        outer = [row for i, row in enumerate(group) if not within(ends[i], ends[:i], ends[i + 1 :])]
        before += len(group) - len(outer)
        found.append(outer)
    if before:
        notes.append(f"{before} rows are totals of a run before its end: left out")
    return found


def _windows(
    rows: Sequence[Record], names: Sequence[str], notes: list[str]
) -> tuple[Record, list[WindowTotals]]:
    """A run's stretches in order of time, its first row for its facts."""
    windows: list[WindowTotals] = []
    for row in rows:
        span_s = figure(row, "duration")
        joules = {_named(name): _joules(row, name) for name in names}
        start_s = _time_s(row) - (span_s or 0.0)
        name = row.get("task_name") or ("run" if len(rows) == 1 else f"part {len(windows) + 1}")
        windows.append(WindowTotals(name, start_s, span_s or 0.0, joules, _not_believed(row, names)))
    if rows[0].get("task_name"):
        # Its times are whole seconds: tasks of one run follow each other, whatever they say.
        for i, (before, after) in enumerate(itertools.pairwise(windows), 1):
            windows[i] = replace(after, start_s=max(after.start_s, windows[i - 1].end_s)) if before else after
    return rows[-1], windows


def _apart(runs: Sequence[tuple[Record, Sequence[WindowTotals]]]) -> None:
    """Raises UsageError: runs overlap on the one machine, so that each may hold the others' joules."""
    spans = [(windows[0].start_s, windows[-1].end_s) for _, windows in runs]
    several = beside(spans)
    if several:
        ids = [runs[i][0].get("run_id") or f"row {i + 1}" for i in several]
        raise UsageError(
            f"{len(several)} rows are of one machine and one time ({listed(ids)}): ranks of one run, of "
            f"which each "
            "may hold the others' joules; --only RUN_ID takes one"
        )


def _joules(row: Record, name: str) -> float | None:
    kwh = figure(row, name)
    return None if kwh is None else kwh * J_PER_KWH


def _not_believed(row: Record, names: Sequence[str]) -> dict[str, str]:
    """The meters whose mean power is more than such a part draws, beside the power in their own column."""
    found = {}
    span_s = figure(row, "duration") or 0.0
    for name in names:
        joules, own_w = _joules(row, name), figure(row, name.replace("_energy", "_power"))
        if joules is None or span_s <= 0:
            continue
        mean_w = joules / span_s
        if name == "cpu_energy":
            desktop = _DESKTOP.search(row.get("cpu_model", "")) is not None and mean_w > DESKTOP_W
            over = mean_w / own_w if own_w else 0.0
            strange = over > FAR_OVER_POWER or (over > MEAN_OVER_POWER and desktop)
        else:
            strange = name == "gpu_energy" and mean_w > GPU_W * max(1.0, figure(row, "gpu_count") or 1.0)
        if strange:
            said = f", where its own column says {watts(own_w)}" if own_w else ""
            found[_named(name)] = f"a mean of {watts(mean_w)}{said}"
    return found


def _named(column: str) -> str:
    return f"codecarbon:{'total' if column == WHOLE else column.partition('_')[0]}"


def _meter(column: str) -> MeterRecord:
    return total_meter(
        _named(column),
        "codecarbon",
        PARTS.get(column, "machine"),
        f"column {column} in kWh",
        origin="modelled",
        counted=True,
    )


def _facts(row: Record) -> dict[str, object]:
    names = ("run_id", "experiment_id", "codecarbon_version", "python_version", "tracking_mode", "pue")
    return {name: row[name] for name in names if row.get(name)}


def _time_s(row: Record) -> float:
    """When the row was written: a local time, taken as UTC; only the run's clock shows it."""
    try:
        return seconds(row["timestamp"], timezone.utc)
    except ValueError as error:
        raise FileError(f"codecarbon: {error}") from None


def _about(rows: Sequence[Record], path: Path) -> list[str]:
    notes = [
        "codecarbon does not tell a metered CPU from a modelled one, and models the memory: an estimate",
        "its times have no zone and are taken as UTC",
        COVERAGE,
        UNCERTAINTY,
    ]
    if any(row.get("tracking_mode") == "process" for row in rows):
        notes.append("tracking_mode process: CPU and memory are the share that codecarbon gives the process")
    for i, row in enumerate(rows):
        whole = figure(row, WHOLE) or 0.0
        if not set(PARTS) <= set(row):
            continue
        parts = sum(figure(row, name) or 0.0 for name in PARTS)
        if whole > 0 and abs(parts - whole) > SAME * whole:
            notes.append(
                f"row {i + 1}: its parts make {parts / whole:.4g} of its energy_consumed"
                f" (pue {row.get('pue') or 'not given'}); the parts are what counts"
            )
    idle = all(figure(row, "gpu_energy") in (None, 0.0) for row in rows)
    if idle and any(row.get("gpu_model") for row in rows):
        notes.append(f"{path.name}: a GPU is named, but has no energy: it is not in the total")
    return notes


def _machine(row: Record) -> dict[str, object]:
    facts: dict[str, object] = {"cpu": row.get("cpu_model") or None, "system": row.get("os") or None}
    count, model = figure(row, "gpu_count"), row.get("gpu_model") or ""
    if model and count and 0 < count <= 1024:
        # Such as "2 x NVIDIA A100".
        name = model.partition(" x ")[2] or model
        facts["gpus"] = [{"name": name} for _ in range(int(min(count, MOST_GPUS)))]
    return {name: fact for name, fact in facts.items() if fact is not None}
