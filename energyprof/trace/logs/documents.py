"""Logs in JSON: a document, an array of records, or a record a line."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from energyprof.errors import MeterError
from energyprof.trace.logs.table import Row, Table
from energyprof.trace.logs.text import beginning, chunks

# A document lies in memory as a whole, at some ten times its size; lines do not.
MAX_DOCUMENT_CHARS = 16 << 20
# So many records show which fields there are.
LOOKED_AT = 100
MAX_FIELDS = 1000
MAX_DEPTH = 8

# As mosquitto_sub -v writes them: the topic, then the message; or Tasmota's console, after the time of day.
_BEFORE = r"^(?:\d\d:\d\d:\d\d(?:\.\d+)? (?:[A-Z]{3}: )?)?(?:\S+ (?:= )?)?"
_LINE = re.compile(rf"{_BEFORE}(\{{.*\}})\s*$")
_TOPIC = re.compile(rf'{_BEFORE}\{{"')


def documents(path: Path, lines: Sequence[str], growing: bool) -> Table | None:
    """The records of a JSON file as rows; ``None``: it is none.

    Raises:
        MeterError: it is none that can be read, or too long to lie in memory.
    """
    first = next((line.lstrip() for line in lines if line.strip()), "")
    if ":::" in first.partition("{")[0]:
        return None  # a logger's mark before each of its lines: MLPerf's
    several = sum(bool(line.strip()) for line in lines[:3]) > 1
    if several and _LINE.match(first) and _object(first) is not None:
        return _of_records(path, lambda: _by_line(path, growing))
    if not (first.startswith(("{", "[")) or _TOPIC.match(first)):
        return None
    found = _records(_document(path, growing), path)
    return _of_records(path, lambda: enumerate(found, 1))


def _of_records(path: Path, records: Any) -> Table:
    titles: dict[str, None] = {}
    for _, record in itertools.islice(records(), LOOKED_AT):
        titles.update(dict.fromkeys(record))
    if not titles:
        raise MeterError(f"{path}: no record in it has a field")
    if len(titles) > MAX_FIELDS:
        raise MeterError(f"{path}: its records have more than {MAX_FIELDS} fields")

    def rows() -> Iterator[Row]:
        for at, record in records():
            yield Row(at, [record.get(title, "") for title in titles])

    return Table(path, tuple(titles), 0, "", rows)


def _by_line(path: Path, growing: bool) -> Iterator[tuple[int, Mapping[str, str]]]:
    for first, some in chunks(path, growing=growing):
        for at, line in enumerate(some, first):
            if line.strip():
                record = _object(line)
                # A line that is none still takes its place: it is a row without a time.
                yield at, {} if record is None else _flat(record)


def _object(line: str) -> dict[str, Any] | None:
    match = _LINE.match(line.replace("\0", ""))
    if match is None:
        return None
    try:
        data = json.loads(match[1])
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _document(path: Path, growing: bool) -> list[Any]:
    """Every value in the file: some programs write one behind the other."""
    text = beginning(path, MAX_DOCUMENT_CHARS + 1, growing=growing)
    if len(text) > MAX_DOCUMENT_CHARS:
        raise MeterError(
            f"{path}: a JSON document of more than {MAX_DOCUMENT_CHARS >> 20} MB: write a record a line"
        )
    found: list[Any] = []
    decoder, at = json.JSONDecoder(), 0
    blank = re.compile(r"[\s,]*")
    while (at := blank.match(text, at).end()) < len(text):  # type: ignore[union-attr]
        try:
            data, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            if found:
                return found  # cut off: what came before it counts
            if repaired := _cut_off(text):
                return repaired
            raise MeterError(f"{path}: not readable JSON: {' '.join(str(error).split())}") from None
        found.append(data)
    return found


def _cut_off(text: str) -> list[Any]:
    """The whole records of an array that a kill cut off."""
    if not text.lstrip().startswith("["):
        return []
    found: list[Any] = []
    decoder, at = json.JSONDecoder(), text.index("[") + 1
    blank = re.compile(r"[\s,]*")
    while True:
        at = blank.match(text, at).end()  # type: ignore[union-attr]
        try:
            data, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return found
        found.append(data)


def _records(data: Sequence[Any], path: Path) -> list[Mapping[str, str]]:
    if len(data) == 1 and isinstance(data[0], dict) and "data" in data[0] and "status" in data[0]:
        return _prometheus(data[0], path)
    found: list[Mapping[str, str]] = []
    entity = ""
    waiting = list(reversed(data))
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += reversed(value)
        elif isinstance(value, dict):
            record = _flat(value)
            # Home Assistant's short form names the entity in the first record alone.
            entity = record.get("entity_id", entity)
            found.append({"entity_id": entity, **record} if entity else record)
    return found


def _flat(record: Mapping[str, Any], prefix: str = "", depth: int = MAX_DEPTH) -> dict[str, str]:
    """Its fields by dotted names, as text; what is null or nested in a list is left out."""
    found: dict[str, str] = {}
    for key, value in itertools.islice(record.items(), MAX_FIELDS):
        name = f"{prefix}{key}"
        if isinstance(value, dict) and depth:
            found |= _flat(value, f"{name}.", depth - 1)
        elif isinstance(value, (str, int, float)) and not isinstance(value, bool):
            found[name] = _text(value)
    return found


def _text(value: str | int | float) -> str:
    try:
        return str(value)
    except ValueError:  # more digits than Python writes
        return ""


def _prometheus(data: Mapping[str, Any], path: Path) -> list[Mapping[str, str]]:
    """The series of a range query as rows, with the labels in which they differ."""
    body = data.get("data")
    result = body.get("result") if isinstance(body, dict) else None
    if not isinstance(result, list) or not all(isinstance(one, dict) for one in result):
        raise MeterError(
            f"{path}: a response of Prometheus without a result: {data.get('error', 'no error')}"
        )
    labels = [one.get("metric") if isinstance(one.get("metric"), dict) else {} for one in result]
    names = sorted({str(name) for own in labels for name in own} - {"__name__"})
    telling = [name for name in names if len({str(own.get(name)) for own in labels}) > 1]
    found: list[Mapping[str, str]] = []
    for own, one in zip(labels, result, strict=True):
        shown = ",".join(f"{name}={own[name]}" for name in telling if name in own)
        values = one.get("values", [one.get("value")])
        for point in values if isinstance(values, list) else ():
            if isinstance(point, list) and len(point) == 2:
                found.append(
                    {
                        "prometheus time": _text(point[0]) if isinstance(point[0], (int, float, str)) else "",
                        "prometheus value": _text(point[1])
                        if isinstance(point[1], (int, float, str))
                        else "",
                        "prometheus name": str(own.get("__name__", "")),
                        "prometheus labels": shown,
                    }
                )
    if not found:
        raise MeterError(f"{path}: a response of Prometheus without any values: ask query_range")
    found.sort(key=lambda record: record["prometheus time"])
    return found
