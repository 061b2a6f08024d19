"""Tables as pandas' ``DataFrame.to_json`` writes them, in each of its orients that names its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from energyprof.trace.stamps import is_time

# What an index that holds times is called: pandas does not write its name.
TIME = "time"


def frame(value: object) -> list[Mapping[str, Any]] | None:
    """The rows of such a table; ``None``: it is none. Times in its index become a column."""
    if not isinstance(value, dict):
        return None
    columns, index, data = value.get("columns"), value.get("index"), value.get("data")
    if isinstance(data, list) and value.keys() == {"schema", "data"}:  # table
        return [row for row in data if isinstance(row, dict)]
    if isinstance(data, list) and isinstance(columns, list) and value.keys() <= {"columns", "index", "data"}:
        labels = index if isinstance(index, list) else []  # split
        titles = [str(title) for title in columns]
        rows = [dict(zip(titles, row, strict=False)) for row in data if isinstance(row, list)]
        return _timed(list(map(str, labels)), rows)
    if not value or not all(isinstance(own, dict) and own for own in value.values()):
        return None
    first, *others = value.values()
    if any(own.keys() != first.keys() for own in others):
        return None
    if _are_labels(list(first)):  # columns
        return _timed(list(first), [{title: value[title][label] for title in value} for label in first])
    if _are_labels(list(value)):  # index
        return _timed(list(value), list(value.values()))
    return None


def _are_labels(names: Sequence[str]) -> bool:
    """Whether an index may have them: numbers or times, which are no titles."""
    return all(name.lstrip("-").isdecimal() for name in names) or all(map(is_time, names))


def _timed(labels: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    if len(labels) != len(rows) or not all(map(is_time, labels)):
        return list(rows)
    return [{TIME: label, **row} for label, row in zip(labels, rows, strict=True)]
