"""What earlier versions of the schema wrote, as today's: one function a change.

The functions take whatever JSON holds. What they cannot make sense of they leave as it is, so that ``decode``
says in one line what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from energyprof.report.flags import about_a_meter
from energyprof.report.record import SCHEMA

Change = Callable[[dict[str, Any]], dict[str, Any]]


def upgraded(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a report as today's schema has them; those of today's come back as they are."""
    found = dict(data)
    _, _, version = str(found.get("schema")).partition("/")
    for written_by, steps in CHANGES.items():
        if version.isdigit() and int(version) <= written_by:
            for step in steps:
                found = step(found)
    return {**found, "schema": SCHEMA}


def of_each(data: dict[str, Any], key: str, change: Change) -> dict[str, Any]:
    """``data`` with every object in the list under ``key`` changed."""
    items = data.get(key)
    if not isinstance(items, list):
        return data
    return {**data, key: [change(item) if isinstance(item, dict) else item for item in items]}


def without_judgements(data: dict[str, Any]) -> dict[str, Any]:
    """Flags that judge a run are made when a report is read: those of a bank of then are left out."""

    def change(run: dict[str, Any]) -> dict[str, Any]:
        flags = run.get("flags")
        if not isinstance(flags, list):
            return run
        return {**run, "flags": [flag for flag in flags if not str(flag).startswith("faster_than_bank")]}

    return of_each(data, "runs", change)


def flags_as_records(data: dict[str, Any]) -> dict[str, Any]:
    """Flags were strings such as ``throttled:nvml:0 (hw_thermal)``; a meter's own did not name it."""

    def of_run(run: dict[str, Any]) -> dict[str, Any]:
        return of_each(_with_records(run, ""), "phases", lambda phase: _with_records(phase, ""))

    found = of_each(data, "runs", of_run)
    return of_each(found, "meters", lambda meter: _with_records(meter, str(meter.get("name", ""))))


def _with_records(owner: dict[str, Any], meter: str) -> dict[str, Any]:
    flags = owner.get("flags")
    if not isinstance(flags, list):
        return owner
    return {**owner, "flags": [_record(flag, meter) if isinstance(flag, str) else flag for flag in flags]}


# What the totals of other tools were flagged with: words alone.
_TOTALS = {
    "negative_total": re.compile(r"(\S+) has (.*): its counter went round or was reset", re.DOTALL),
    "zero_total": re.compile(r"(\S+) has (.*): too short a stretch for it, or it was not read", re.DOTALL),
}
_OF_A_METER = re.compile(r"(.*?)(?: \((.*)\))?", re.DOTALL)
_DISAGREEING = re.compile(r"(.*?) (reads .*)", re.DOTALL)


def _record(text: str, meter: str) -> dict[str, str]:
    """The record of the flag ``text``, which is about ``meter`` unless it names one itself."""
    for kind, pattern in _TOTALS.items():
        if total := pattern.fullmatch(text):
            return {"kind": kind, "meter": total[1], "detail": total[2]}
    kind, _, rest = text.partition(":")
    pattern = _DISAGREEING if kind == "disagrees" else _OF_A_METER
    if about_a_meter(kind) and (named := pattern.fullmatch(rest)):
        return {"kind": kind, "meter": named[1] or meter, "detail": named[2] or ""}
    return {"kind": kind, "meter": "", "detail": rest}


def origin_for_estimated(data: dict[str, Any]) -> dict[str, Any]:
    """``estimated: bool`` of a report, its meters and what is known of them became ``origin``."""

    def change(item: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(item.get("estimated"), bool):
            return item
        rest = {key: value for key, value in item.items() if key != "estimated"}
        return {**rest, "origin": "modelled" if item["estimated"] else "measured"}

    def meter(item: dict[str, Any]) -> dict[str, Any]:
        info = item.get("info")
        return change({**item, "info": change(info)} if isinstance(info, dict) else item)

    return of_each(change(data), "meters", meter)


def external_for_recorded(data: dict[str, Any]) -> dict[str, Any]:
    """A log that something else keeps was called a recording."""

    def change(meter: dict[str, Any]) -> dict[str, Any]:
        info = meter.get("info")
        if not isinstance(info, dict) or "recorded" not in info:
            return meter
        rest = {key: value for key, value in info.items() if key != "recorded"}
        return {**meter, "info": {**rest, "external": info["recorded"]}}

    return of_each(data, "meters", change)


def nodes_for_machine(data: dict[str, Any]) -> dict[str, Any]:
    """A report was of one machine."""
    machine = data.get("machine")
    if not isinstance(machine, dict):
        return data
    rest = {key: value for key, value in data.items() if key != "machine"}
    return {**rest, "nodes": [{"name": str(machine.get("host") or ""), "machine": machine}]}


def ends_of_intervals(data: dict[str, Any]) -> dict[str, Any]:
    """Intervals lay evenly around the energy."""

    def change(item: dict[str, Any]) -> dict[str, Any]:
        energy_j, u_j = item.get("energy_j"), item.get("energy_u_j")
        if not isinstance(energy_j, (int, float)) or not isinstance(u_j, (int, float)):
            return item
        return {**item, "energy_low_j": energy_j - u_j, "energy_high_j": energy_j + u_j}

    return of_each(data, "runs", lambda run: change(of_each(run, "phases", change)))


def two_identities(data: dict[str, Any]) -> dict[str, Any]:
    """What was the ``id`` is that of the work; the task was not told apart from it, so it is not known."""
    workload = data.get("workload")
    if not isinstance(workload, dict) or "id" not in workload:
        return data
    rest = {key: value for key, value in workload.items() if key != "id"}
    return {**data, "workload": {"task": "", **rest, "work": workload["id"]}}


# Version -> what has changed since; in the order in which it did.
CHANGES: dict[int, tuple[Change, ...]] = {
    1: (
        without_judgements,
        flags_as_records,
        origin_for_estimated,
        external_for_recorded,
        nodes_for_machine,
        ends_of_intervals,
        two_identities,
    ),
}
