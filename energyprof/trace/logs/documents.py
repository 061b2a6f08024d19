"""Logs in JSON: a document, an array of records, or a record a line; with times before them, if there are."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from energyprof.errors import MeterError
from energyprof.trace.logs.frames import frame
from energyprof.trace.logs.table import Row, Table
from energyprof.trace.logs.text import beginning, chunks
from energyprof.trace.stamps import is_time, time_in

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
# Where Home Assistant names the unit of a state.
_UNIT = "attributes.unit_of_measurement"
_BLANK, _VALUE = re.compile(r"[\s,]*"), re.compile(r"[\n{[]|$")
# What amd-smi --watch says first.
_WORDS = re.compile(r"'CTRL' \+ 'C' ")
# What parts a time from the record behind it.
_BETWEEN = " \t\r,;|"

# A record of gpustat or of amd-smi has its devices in a list, one of rocm-smi in a field each.
_LISTS = ("gpus", "gpu_data")
# Those of a relay's first generation stand beside its other fields, one a socket.
_NUMBERED = ("meters", "emeters")
_CARD = re.compile(r"card\d+")
# Its cards call the same by two names.
_PACKAGE = re.compile(r"(?:Average|Current Socket) (?=Graphics Package Power \(W\))")


def documents(path: Path, lines: Sequence[str], growing: bool) -> Table | None:
    """The records of a JSON file as rows; ``None``: it is none.

    Raises:
        MeterError: it is none that can be read, or too long to lie in memory.
    """
    first = next((line.lstrip() for line in lines if line.strip() and not _before_records(line)), "")
    if ":::" in first.partition("{")[0]:
        return None  # a logger's mark before each of its lines: MLPerf's
    several = sum(bool(line.strip()) for line in lines[:3]) > 1
    _, line = _stamped(first)
    if several and _LINE.match(line) and _object(line) is not None:
        return _of_records(path, lambda: _by_line(path, growing))
    if not (line.startswith(("{", "[")) or _TOPIC.match(line)):
        return None
    found = _records(_document(path, growing), path)
    return _of_records(path, lambda: enumerate(found, 1))


def _before_records(line: str) -> bool:
    """Whether it is a time that stands in a line of its own, or a word of the program."""
    return is_time(line.strip()) or _WORDS.match(line) is not None


def _stamped(line: str) -> tuple[str, str]:
    """The time before a line's record, "" if there is none, and the record."""
    before = line[: _VALUE.search(line).start()]  # type: ignore[union-attr]
    stamp = time_in(before, _BETWEEN)
    return (stamp, line[len(before) :]) if stamp else ("", line)


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
    stamp = ""
    for first, some in chunks(path, growing=growing):
        for at, line in enumerate(some, first):
            if not line.strip():
                continue
            if not line.startswith("{"):
                if is_time(line.strip()):
                    stamp = line.strip()
                    continue
                own, line = _stamped(line)
                stamp = own or stamp
            record = _object(line)
            # A line that is none still takes its place: it is a row without a time.
            for device in [{}] if record is None else _devices(record, stamp):
                yield at, device


def _object(line: str) -> dict[str, Any] | None:
    match = _LINE.match(line.replace("\0", ""))
    if match is None:
        return None
    try:
        data = json.loads(match[1])
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _document(path: Path, growing: bool) -> list[tuple[str, Any]]:
    """The file's values, of which some programs write one behind the other, and the time before each."""
    text = beginning(path, MAX_DOCUMENT_CHARS + 1, growing=growing)
    if len(text) > MAX_DOCUMENT_CHARS:
        raise MeterError(
            f"{path}: a JSON document of more than {MAX_DOCUMENT_CHARS >> 20} MB: write a record a line"
        )
    found: list[tuple[str, Any]] = []
    decoder, at, stamp = json.JSONDecoder(), 0, ""
    while (at := _BLANK.match(text, at).end()) < len(text):  # type: ignore[union-attr]
        if text[at] not in "{[":
            end = _VALUE.search(text, at).start()  # type: ignore[union-attr]
            stamp, at = time_in(text[at:end], _BETWEEN) or stamp, end
            continue
        try:
            data, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            found += [(stamp, record) for record in _cut_off(text, at)]
            if found:
                return found  # cut off: what came before it counts
            raise MeterError(f"{path}: not readable JSON: {' '.join(str(error).split())}") from None
        found.append((stamp, data))
        at = end
    return found


def _cut_off(text: str, at: int) -> list[Any]:
    """The whole records of an array that a kill cut off."""
    found: list[Any] = []
    if text[at] != "[":
        return found
    decoder, at = json.JSONDecoder(), at + 1
    while True:
        at = _BLANK.match(text, at).end()  # type: ignore[union-attr]
        try:
            data, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return found
        found.append(data)


def _records(values: Sequence[tuple[str, Any]], path: Path) -> list[Mapping[str, str]]:
    data = values[0][1] if len(values) == 1 else None
    if isinstance(data, dict) and "status" in data and ("data" in data or "errorType" in data):
        return _prometheus(data, path)
    found: list[Mapping[str, str]] = []
    entity = unit = ""
    waiting = list(reversed(values))
    while waiting:
        stamp, value = waiting.pop()
        rows = frame(value)
        if isinstance(value, list) or rows is not None:
            waiting += [(stamp, one) for one in reversed(value if rows is None else rows)]
        elif isinstance(value, dict):
            for record in _devices(value, stamp):
                # Home Assistant's short form names the entity and its unit in the first record alone.
                if "entity_id" in record:
                    entity, unit = record["entity_id"], record.get(_UNIT, "")
                found.append({"entity_id": entity, _UNIT: unit, **record} if entity else record)
    return found


def _devices(record: Mapping[str, Any], stamp: str) -> list[dict[str, str]]:
    """A record as one of each of its devices, with what it says of all and the time before it."""
    of_all: dict[str, Any] = {"timestamp": stamp} if stamp else {}
    devices: list[Mapping[str, Any]] = [{}]
    for key, value in record.items():
        if key in _LISTS and isinstance(value, list) and value and all(isinstance(v, dict) for v in value):
            devices = value
        elif _CARD.fullmatch(key) and isinstance(value, dict):
            own = {_PACKAGE.sub("", name): each for name, each in value.items()}
            devices = [*filter(None, devices), {"card": key, **own}]
        elif key in _NUMBERED and isinstance(value, list) and all(map(_powered, value)):
            of_all |= {f"{key}:{i}": each for i, each in enumerate(value)}
        else:
            of_all[key] = value
    return [_flat({**of_all, **own}) for own in devices]


def _powered(value: object) -> bool:
    return isinstance(value, dict) and "power" in value


def _flat(record: Mapping[str, Any], prefix: str = "", depth: int = MAX_DEPTH) -> dict[str, str]:
    """Its fields by dotted names, as text; what is null or nested in a list is left out."""
    found: dict[str, str] = {}
    for key, value in itertools.islice(record.items(), MAX_FIELDS):
        name = f"{prefix}{key.strip()}"
        if isinstance(value, dict) and value.keys() == {"value", "unit"}:
            found[name] = f"{_scalar(value['value'])} {_scalar(value['unit'])}".strip()
        elif isinstance(value, dict) and depth:
            found |= _flat(value, f"{name}.", depth - 1)
        elif isinstance(value, (str, int, float)) and not isinstance(value, bool):
            found[name] = _text(value)
    return found


def _scalar(value: object) -> str:
    return _text(value) if isinstance(value, (str, int, float)) else ""


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
                        "prometheus time": _scalar(point[0]),
                        "prometheus value": _scalar(point[1]),
                        "prometheus name": str(own.get("__name__", "")),
                        "prometheus labels": shown,
                    }
                )
    if not found:
        raise MeterError(f"{path}: a response of Prometheus without any values: ask query_range")
    found.sort(key=lambda record: record["prometheus time"])
    return found
