"""BoAmps: Boavizta's data model for sharing AI power measures (github.com/Boavizta/BoAmps, model/*.json).

A measure a run. The model has no place for an interval, an origin or a boundary: they stand in ``energyprof``
of the measure. Fields that take one of some words are left out where the report does not know which.
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from energyprof.compare.emissions import J_PER_KWH
from energyprof.formats.interchange.contract import Source
from energyprof.formats.interchange.numbers import Number, began_s, energy
from energyprof.formats.json import write_object
from energyprof.report.file import to_json
from energyprof.report.record import Report, Run

SPECIFICATION = "https://github.com/Boavizta/BoAmps/tree/main/model"
# Its words for the quality of a report: how far the energy may be off.
QUALITY = ((0.10, "high"), (0.25, "medium"), (0.50, "low"))
# What the model requires and no report knows.
_ASKED = (
    "task.taskFamily",
    "task.dataset[0].dataType",
    "infrastructure.infraType",
)


def content(source: Source) -> tuple[bytes, list[str]]:
    """The JSON, a draft until somebody fills in what it lacks."""
    report = source.report
    lacking = list(_ASKED)
    stage = _stage(report)
    components = list(_components(report))
    measures = [found for run in report.runs if (found := _measure(report, run)) is not None]
    lacking += [] if stage else ["task.taskStage"]
    lacking += [] if components else ["infrastructure.components"]
    lacking += [] if measures else ["measures: no run has an energy"]
    data: dict[str, Any] = {
        "header": {
            "formatVersionSpecificationUri": SPECIFICATION,
            "reportId": str(uuid.uuid5(uuid.NAMESPACE_URL, to_json(report))),
            "reportDatetime": _moment(report.created),
            "reportStatus": "draft",
        },
        "task": {
            **({"taskStage": stage} if stage else {}),
            "algorithms": [_algorithm(report)],
            "dataset": [_dataset(report)],
            **_accuracy(report),
            "taskDescription": _description(report),
        },
        **({"measures": measures} if measures else {}),
        **_system(report),
        **_software(report),
        "infrastructure": {"components": components} if components else {},
        **_environment(source),
        **_quality(report),
    }
    out = io.StringIO()
    write_object({name: part for name, part in data.items() if part or name == "infrastructure"}, out)
    return out.getvalue().encode(), lacking


def _stage(report: Report) -> str:
    """What was done; a program that marks no training may have done anything."""
    trained = any(phase.name == "train" and phase.samples for run in report.runs for phase in run.phases)
    return "training" if trained or report.workload.target else ""


def _algorithm(report: Report) -> dict[str, Any]:
    facts, config = _facts(report), report.workload.config
    known = {
        "algorithmName": config.get("model"),
        "parametersNumber": _billions(facts.get("parameters")),
        "framework": "torch" if "torch" in facts else None,
        "frameworkVersion": facts.get("torch"),
        "optimizer": config.get("optimiser"),
        "quantization": config.get("precision"),
    }
    return {name: value for name, value in known.items() if isinstance(value, (str, float))}


def _dataset(report: Report) -> dict[str, Any]:
    items = _facts(report).get("training_items")
    return {"dataUsage": "input", **({"dataQuantity": items} if isinstance(items, int) else {})}


def _accuracy(report: Report) -> dict[str, float]:
    target = report.workload.target
    scores = [run.score for run in report.runs if run.score is not None]
    if target is None or target.metric != "accuracy" or not scores:
        return {}
    mean = sum(scores) / len(scores)
    return {"measuredAccuracy": mean} if 0 <= mean <= 1 else {}


def _description(report: Report) -> str:
    work, target = report.workload, report.workload.target
    aim = "" if target is None else f" to {target.metric} {target.value:g}"
    return f"{work.name} {work.size or ''}".strip() + f"{aim}, {work.work}"


def _measure(report: Report, run: Run) -> dict[str, Any] | None:
    joules = energy(run)
    if joules is None:
        return None
    counted = [meter for meter in report.meters if meter.counted]
    modes = {
        "cpuTrackingMode": ", ".join(m.method for m in counted if m.part == "cpu"),
        "gpuTrackingMode": ", ".join(m.method for m in counted if m.part == "gpu"),
    }
    return {
        "measurementMethod": "energyprof",
        "version": report.energyprof,
        **{name: mode for name, mode in modes.items() if mode},
        "powerConsumption": joules.value / J_PER_KWH,
        **({"measurementDuration": run.time_s} if run.time_s is not None else {}),
        **({"measurementDateTime": _moment(run.clock.utc)} if began_s(run) is not None else {}),
        "energyprof": {
            "powerConsumptionLow": _kwh(joules.low),
            "powerConsumptionHigh": _kwh(joules.high),
            "origin": report.origin,
            "boundary": report.boundary,
            "meters": [meter.name for meter in counted],
        },
    }


def _components(report: Report) -> Iterable[dict[str, Any]]:
    for node in report.nodes:
        machine = node.machine
        if (cpu := machine.get("cpu")) and (sockets := machine.get("sockets")):
            yield {"componentName": str(cpu), "componentType": "cpu", "nbComponent": int(sockets)}
        counts: dict[str, int] = {}
        for gpu in machine.get("gpus") or ():
            name = str(gpu.get("name", "")) if isinstance(gpu, Mapping) else ""
            counts[name] = counts.get(name, 0) + 1
        for name, count in counts.items():
            yield {"componentName": name, "componentType": "gpu", "nbComponent": count}


def _system(report: Report) -> dict[str, Any]:
    system = report.nodes[0].machine.get("system") if report.nodes else None
    return {"system": {"os": str(system)}} if system else {}


def _software(report: Report) -> dict[str, Any]:
    version = _facts(report).get("python")
    return {"software": {"language": "python", "version": version}} if isinstance(version, str) else {}


def _environment(source: Source) -> dict[str, Any]:
    grid = source.grid
    if grid is None or grid.place is None:
        return {}
    return {"environment": {"country": grid.place, "powerSourceCarbonIntensity": grid.g_per_kwh}}


def _quality(report: Report) -> dict[str, str]:
    """By the run that is known least well; worse than the model has a word for: none."""
    known = [joules for run in report.runs if (joules := energy(run)) is not None]
    if not known or any(number.u is None or number.value <= 0 for number in known):
        return {}
    worst = max(_relative(number) for number in known)
    return next(({"quality": word} for most, word in QUALITY if worst <= most), {})


def _relative(number: Number) -> float:
    return (number.u or 0.0) / number.value


def _facts(report: Report) -> Mapping[str, Any]:
    return report.runs[-1].facts if report.runs else {}


def _billions(count: object) -> float | None:
    return count / 1e9 if isinstance(count, int) and not isinstance(count, bool) else None


def _kwh(joules: float | None) -> float | None:
    return None if joules is None else joules / J_PER_KWH


def _moment(utc: str) -> str:
    """As the model has times: YYYY-MM-DD HH:MM:SS."""
    return utc[:19].replace("T", " ")
