"""Eco CI's ``lap-data.json`` (github.com/green-coding-solutions/eco-ci-energy-estimation, scripts/json.sh).

A step a run, numbers as strings, as Eco CI writes them. What it has no place for stands beside: the ends of
the 95 % interval, origin and boundary; its readers take the names that they know.
"""

from __future__ import annotations

import io
from typing import Any

from energyprof.compare.figures import run_name
from energyprof.formats.interchange.contract import Source
from energyprof.formats.interchange.numbers import Number, numbers
from energyprof.formats.json import write_object
from energyprof.report.record import Report, Run

# Whose these are a report does not know: they are names of the forge and of its pipeline.
_OF_THE_FORGE = ("repository", "branch", "run_id")


def content(source: Source) -> tuple[bytes, list[str]]:
    """The JSON; the forge's names and the processor's mean load are not in a report."""
    report = source.report
    head = {"repository": "", "branch": "", "workflow": report.workload.name, "run_id": ""}
    steps = [_step(report, index, run) for index, run in enumerate(report.runs)]
    out = io.StringIO()
    write_object({**head, "steps": steps}, out)
    lacking = [*_OF_THE_FORGE, "steps[].cpu_avg_percent"]
    if any(not step["energy_joules"] for step in steps):
        lacking.append("steps[].energy_joules of a run that was not measured")
    return out.getvalue().encode(), lacking


def _step(report: Report, index: int, run: Run) -> dict[str, Any]:
    known = numbers(run, None)
    energy, power, time = (known.get(name) for name in ("energy_j", "mean_power_w", "time_s"))
    step: dict[str, Any] = {
        "label": run_name(report, index),
        "cpu_avg_percent": "",
        "energy_joules": _digits(energy),
        "power_avg_watts": _digits(power),
        "time": _digits(time),
    }
    if energy is not None:
        step |= {"energy_joules_low": _end(energy.low), "energy_joules_high": _end(energy.high)}
    return {**step, "origin": report.origin, "boundary": report.boundary or ""}


def _digits(number: Number | None) -> str:
    return "" if number is None else repr(number.value)


def _end(value: float | None) -> str:
    return "" if value is None else repr(value)
