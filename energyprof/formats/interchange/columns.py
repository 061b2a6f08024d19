"""A report as a table: a row a run, the same columns whatever is known."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from energyprof.compare.emissions import Grid, described
from energyprof.formats.interchange.contract import Source
from energyprof.formats.interchange.numbers import NAMES, numbers
from energyprof.report.record import Report, Run

Kind = Literal["text", "integer", "real"]
Cell = str | int | float | None


class Column(NamedTuple):
    """A column's name and the type of what is in it."""

    name: str
    kind: Kind


class _Of(NamedTuple):
    kind: Kind
    value: Callable[[Report, Run, Grid | None], Cell]


_FACTS: Mapping[str, _Of] = {
    "created": _Of("text", lambda report, run, grid: report.created),
    "started": _Of("text", lambda report, run, grid: run.clock.utc),
    "energyprof": _Of("text", lambda report, run, grid: report.energyprof),
    "workload": _Of("text", lambda report, run, grid: report.workload.name),
    "size": _Of("text", lambda report, run, grid: report.workload.size),
    "task": _Of("text", lambda report, run, grid: report.workload.task or None),
    "work": _Of("text", lambda report, run, grid: report.workload.work),
    "config": _Of("text", lambda report, run, grid: json.dumps(dict(report.workload.config), sort_keys=True)),
    "metric": _Of("text", lambda report, run, grid: getattr(report.workload.target, "metric", None)),
    "target": _Of("real", lambda report, run, grid: getattr(report.workload.target, "value", None)),
    "nodes": _Of("text", lambda report, run, grid: " ".join(node.name for node in report.nodes)),
    "commit": _Of("text", lambda report, run, grid: getattr(report.commit, "revision", None)),
    "job": _Of("text", lambda report, run, grid: _job(report)),
    "boundary": _Of("text", lambda report, run, grid: report.boundary),
    "origin": _Of("text", lambda report, run, grid: report.origin),
    "node_boundary": _Of("text", lambda report, run, grid: getattr(run.node, "boundary", None)),
    "meters": _Of("text", lambda report, run, grid: " ".join(m.name for m in report.meters if m.counted)),
    "grid": _Of("text", lambda report, run, grid: None if grid is None else described(grid)),
    "seed": _Of("integer", lambda report, run, grid: run.seed),
    "status": _Of("text", lambda report, run, grid: run.status),
    "coverage": _Of("real", lambda report, run, grid: run.coverage),
    "flags": _Of("text", lambda report, run, grid: " ".join(dict.fromkeys(flag.kind for flag in run.flags))),
}


def _job(report: Report) -> str | None:
    return None if report.job is None else f"{report.job.manager} {report.job.id}"


def columns() -> list[Column]:
    """All columns; the ends of an interval stand beside their value."""
    found = [Column(name, of.kind) for name, of in _FACTS.items()]
    for name, doubted in NAMES.items():
        found.append(Column(name, "integer" if name == "samples" else "real"))
        found += [Column(f"{name}_low", "real"), Column(f"{name}_high", "real")] if doubted else []
    return found


def rows(source: Source) -> list[dict[str, Cell]]:
    """The runs, in their order; ``None``: not known."""
    return [_row(source.report, run, source.grid) for run in source.report.runs]


def _row(report: Report, run: Run, grid: Grid | None) -> dict[str, Cell]:
    row: dict[str, Cell] = {name: of.value(report, run, grid) for name, of in _FACTS.items()}
    known = numbers(run, grid)
    for name, doubted in NAMES.items():
        number = known.get(name)
        row[name] = number and number.value
        if doubted:
            row[f"{name}_low"], row[f"{name}_high"] = (number.low, number.high) if number else (None, None)
    return row
