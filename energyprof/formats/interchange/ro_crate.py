"""A research object: an RO-Crate of the report, its trace, and what they say (researchobject.org/ro-crate).

Each number is a PropertyValue of schema.org, with its ends as minValue and maxValue and UN/CEFACT's codes.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rocrate.model.contextentity import ContextEntity
from rocrate.rocrate import ROCrate

from energyprof.compare.figures import run_name
from energyprof.errors import FileError
from energyprof.formats.interchange.contract import Source
from energyprof.formats.interchange.numbers import Number, began_s, numbers
from energyprof.report.file import trace_path
from energyprof.report.record import Report

# UN/CEFACT Recommendation 20.
_CODES = {"_j": "JOU", "_w": "WTT", "_s": "SEC", "_g": "GRM"}
_ASKED = ("license", "author")


def save(source: Source, place: Path) -> list[str]:
    """Write the folder; whose it is and under which licence nobody knows but its author."""
    report = source.report
    crate = ROCrate()
    crate.name = f"Energy of {report.workload.name}"
    crate.description = _description(report)
    crate.datePublished = report.created
    crate.root_dataset["measurementTechnique"] = _technique(report)
    files = [_file(crate, source.path, "the report", "application/json")]
    trace = trace_path(source.path)
    if trace.exists():
        files.append(_file(crate, trace, "every sample and event", "application/gzip"))
    tool = crate.add(
        ContextEntity(
            crate,
            "#energyprof",
            {"@type": "SoftwareApplication", "name": "energyprof", "softwareVersion": report.energyprof},
        )
    )
    for index, run in enumerate(report.runs):
        known = numbers(run, source.grid).values()
        values = [_value(crate, report, index, number) for number in known]
        action = {
            "@type": "CreateAction",
            "name": run_name(report, index),
            **({"startTime": run.clock.utc} if began_s(run) is not None else {}),
            "actionStatus": _status(run.status),
        }
        made = crate.add(ContextEntity(crate, f"#run-{index + 1}", action))
        made["instrument"] = tool
        made["result"] = [*files, *values]
        crate.root_dataset.append_to("mentions", made)
    try:
        crate.write(place)
    except OSError as error:
        raise FileError(f"{place}: cannot be written: {error.strerror or error}") from None
    return list(_ASKED)


def _file(crate: Any, path: Path, what: str, kind: str) -> Any:
    return crate.add_file(str(path), properties={"name": what, "encodingFormat": kind})


def _value(crate: Any, report: Report, index: int, number: Number) -> Any:
    ends = {"minValue": number.low, "maxValue": number.high}
    code = next((code for end, code in _CODES.items() if number.name.endswith(end)), None)
    known = {
        "@type": "PropertyValue",
        "name": number.name,
        "value": number.value,
        **{name: end for name, end in ends.items() if end is not None},
        **({"unitCode": code} if code else {}),
        **({"measurementTechnique": _technique(report)} if number.low is not None else {}),
    }
    return crate.add(ContextEntity(crate, f"#run-{index + 1}-{number.name}", known))


def _technique(report: Report) -> str:
    meters = ", ".join(meter.name for meter in report.meters if meter.counted) or "no meter"
    return f"{report.origin}, boundary {report.boundary or 'none'}, by {meters}; intervals of 95 %"


def _description(report: Report) -> str:
    work, count = report.workload, len(report.runs)
    aim = f" to {work.target.metric} {work.target.value:g}" if work.target else ""
    return (
        f"{count} training{'s'[: count != 1]} of {work.name} {work.size or ''}".strip()
        + f"{aim} by energyprof"
    )


def _status(status: str) -> str:
    good: Iterable[str] = ("reached", "done", "missed")
    return f"http://schema.org/{'CompletedActionStatus' if status in good else 'FailedActionStatus'}"
