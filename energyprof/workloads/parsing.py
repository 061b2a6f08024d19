"""From words or JSON to settings, by the table, and the rules that their values keep."""

import difflib
import math
import os
from typing import Any, Dict, List, Mapping, Type

from energyprof.settings import Range, Setting, Settings, rows
from energyprof.workload import WorkloadError
from energyprof.workloads import workload_module

WORDS: Dict[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a plain number",
    str: "a name",
}
YES_OR_NO = {"true": True, "false": False}


def settings_of(workload: str, values: Mapping[str, Any], kind: Type[Settings] = Settings) -> Settings:
    """The settings of ``workload`` that ``values`` give by their names; the others keep their defaults.

    A value is JSON's, or words that say the same. Paths come back from the root.

    Raises:
        WorkloadError: there is no such workload or setting, or a value cannot be what it should.
    """
    workload_module(workload)
    table = {row.name: row for row in rows(kind)}
    found = {}
    for name, value in values.items():
        if name not in table:
            raise WorkloadError(f"unknown setting {name!r}: {_instead(name, list(table))}")
        found[name] = _value(workload, table[name], value)
    settings = kind(**found)
    check(workload, settings)
    return settings


def check(workload: str, settings: Settings) -> None:
    """Do nothing if ``workload`` offers what ``settings`` ask for, and their values keep the table's rules.

    Raises:
        WorkloadError: they do not.
    """
    for row in rows(type(settings)):
        value = getattr(settings, row.name)
        if value != row.default and not row.offered_by(workload):
            others = " or ".join(row.workloads)
            raise WorkloadError(f"{workload} has no {row.option}: leave it out, or train {others}, which has")
        if value != row.default and row.paradigms and settings.paradigm not in row.paradigms:
            others = " or ".join(row.paradigms)
            raise WorkloadError(
                f"{settings.paradigm} training has no {row.option}: leave it out, or use --paradigm {others}"
            )
        if value is None or row.accepts is None:
            continue
        word = row.option.strip("-").replace("-", " ")
        if isinstance(row.accepts, Range):
            if not row.accepts.holds(value):
                raise WorkloadError(f"{word} {value}{row.accepts.words}")
        elif value not in row.accepts:
            raise WorkloadError(f"unknown {word} {value!r}: choose one of {', '.join(row.accepts)}")


def _value(workload: str, row: Setting, value: Any) -> Any:
    if value is None and row.default is None:
        return None
    found = _said(row.kind, value)
    if type(found) is not row.kind or (row.kind is float and not math.isfinite(found)):
        shown = value if str(value).isprintable() else repr(value)
        # Where a script's says more, people may have meant that.
        why = "; its metric is fixed" if row.scripts not in (None, row.kind) else ""
        raise WorkloadError(f"{row.option} {shown}: give {workload} {WORDS[row.kind]}{why}")
    if not row.path or found in getattr(workload_module(workload), "RECIPES", {}):  # a size is no path
        return found
    return os.path.abspath(found) if row.part == "how" else _from_root(found)


def _said(kind: Type[Any], value: Any) -> Any:
    """``value`` as one of that kind, if these words or this whole number say one; else as it is."""
    if kind is bool and isinstance(value, str):
        return YES_OR_NO.get(value.lower(), value)
    if isinstance(value, str) or (kind is float and type(value) is int):
        try:
            return kind(value)
        except (ValueError, OverflowError):
            return value
    return value


def _from_root(name: str) -> str:
    """A path that exists, from the root; a name on the hub as it is."""
    return os.path.abspath(name) if os.path.exists(name) else name


def _instead(name: str, known: List[str]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    return f"did you mean {close[0]!r}?" if close else f"choose one of {', '.join(known)}"
