"""codecarbon's emissions.csv: a row a run, totals only.

What it writes is the same whether a CPU was metered by RAPL or modelled from its load, and the memory's
energy is a model of its size nearly always. So a total of it is an estimate.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timezone
from pathlib import Path

from energyprof.errors import FileError, UsageError
from energyprof.meter import Part
from energyprof.report.importers.columns import Record, figure, records
from energyprof.report.importers.imported import Imported, Request, first_line, header
from energyprof.report.importers.totals import COVERAGE, UNCERTAINTY, WindowTotals, total_meter, total_run
from energyprof.report.record import Run
from energyprof.trace.stamps import seconds

J_PER_KWH = 3.6e6

# Column → what it is of.
PARTS: dict[str, Part] = {"cpu_energy": "cpu", "gpu_energy": "gpu", "ram_energy": "dram"}
NEEDED = ("timestamp", "project_name", "duration", "energy_consumed", *PARTS)

# The parts times the data centre's overhead are the total: they differ by rounding, or by that factor.
SAME = 1e-6


def recognises(path: Path) -> bool:
    """Whether its columns are codecarbon's."""
    titles = first_line(path).split(",")
    return {"project_name", "energy_consumed", "emissions"} <= set(titles)


def read(request: Request) -> Imported:
    """A run for each row; of several rows of one run, which are its totals until then, the last."""
    if request.power:
        raise UsageError("codecarbon's file holds totals: no power log can be joined to it")
    found: list[Record] = []
    notes: list[str] = []
    for path in request.files:
        rows, remarks = records(path, ",", NEEDED)
        found += [row for row in rows if request.only in ("", row["project_name"])]
        notes += [f"{path.name}: {remark}" for remark in remarks]
    projects = dict.fromkeys(row["project_name"] for row in found)
    if len(projects) != 1:
        shown = ", ".join(projects) or "none"
        raise UsageError(f"a report is about one work: the projects are {shown}; --only NAME takes one")
    last = {row.get("run_id") or str(i): row for i, row in enumerate(found)}
    if len(last) < len(found):
        notes.append(f"{len(found) - len(last)} rows are totals of a run before its end: left out")
    rows = list(last.values())
    # A machine without a GPU has 0 in its column; a CPU that used nothing was not read.
    names = [name for name in PARTS if name == "cpu_energy" or any(figure(row, name) for row in rows)]
    meters = [
        total_meter(
            f"codecarbon:{name.partition('_')[0]}",
            "codecarbon",
            PARTS[name],
            f"column {name} in kWh",
            origin="modelled",
            counted=True,
        )
        for name in names
    ]
    notes += _about(rows, request.files[0])
    project = next(iter(projects))
    report = header(
        "codecarbon",
        project,
        {"project": project, "tracking_mode": rows[0].get("tracking_mode", "")},
        machine=_machine(rows[0]),
        boundary="component",
        meters=meters,
        notes=notes,
        runs=[_run(row, names) for row in rows],
    )
    return Imported(report)


def _run(row: Record, names: Sequence[str]) -> Run:
    joules = {name: figure(row, name) for name in names}
    by_meter_j = {
        f"codecarbon:{name.partition('_')[0]}": None if kwh is None else kwh * J_PER_KWH
        for name, kwh in joules.items()
    }
    span_s = figure(row, "duration")
    end_s = _time_s(row)
    facts = {
        name: row[name]
        for name in ("run_id", "codecarbon_version", "python_version", "tracking_mode", "pue")
        if row.get(name)
    }
    window = WindowTotals("run", end_s - (span_s or 0.0), span_s or 0.0, by_meter_j)
    return total_run([window], list(by_meter_j), facts)


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
        parts = sum(figure(row, name) or 0.0 for name in PARTS)
        whole = figure(row, "energy_consumed") or 0.0
        if whole > 0 and abs(parts - whole) > SAME * whole:
            notes.append(
                f"run {i + 1}: its parts make {parts / whole:.4g} of its energy_consumed"
                f" (pue {row.get('pue') or 'not given'}); the parts are what counts"
            )
    idle = all(figure(row, "gpu_energy") in (None, 0.0) for row in rows)
    if idle and any(row.get("gpu_model") for row in rows):
        notes.append(f"{path.name}: a GPU is named, but has no energy: it is not in the total")
    return notes


def _machine(row: Record) -> dict[str, object]:
    facts: dict[str, object] = {"cpu": row.get("cpu_model") or None, "system": row.get("os") or None}
    count, model = figure(row, "gpu_count"), row.get("gpu_model") or ""
    if model and count:
        # Such as "2 x NVIDIA A100".
        name = model.partition(" x ")[2] or model
        facts["gpus"] = [{"name": name} for _ in range(int(count))]
    return {name: fact for name, fact in facts.items() if fact is not None}
