"""What earlier versions of the schema wrote, as today's: one function a change.

The functions take whatever JSON holds. What they cannot make sense of they leave as it is, so that ``decode``
says in one line what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from energyprof.report.record import SCHEMA

Step = Callable[[dict[str, Any]], dict[str, Any]]


def upgraded(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a report as today's schema has them; those of today's come back as they are."""
    found = dict(data)
    _, _, version = str(found.get("schema")).partition("/")
    for written_by, steps in STEPS.items():
        if version.isdigit() and int(version) <= written_by:
            for step in steps:
                found = step(found)
    return {**found, "schema": SCHEMA}


def of_each(data: dict[str, Any], key: str, change: Step) -> dict[str, Any]:
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


# Version -> what has changed since; in the order in which it did.
STEPS: dict[int, tuple[Step, ...]] = {
    1: (without_judgements,),
}
