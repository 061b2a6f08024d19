"""What a report may hold, as JSON Schema (draft 2020-12), from the same types that its reader checks."""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
import sys
import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from energyprof.decode import Range, Text, hints_of, required_of
from energyprof.report.record import SCHEMA, Report
from energyprof.storable.values import MAX_INT, MAX_ITEMS, MAX_NAME, MAX_NAMES, MAX_TEXT

# Neither NUL nor half of a surrogate pair.
_CHARACTERS = r"^[^\u0000\ud800-\udfff]*$"

# What is said once and used everywhere. How deep JSON is nested, and how long a
# whole number among any numbers is, a schema cannot say.
_COMMON: dict[str, Any] = {
    "text": {"type": "string", "maxLength": MAX_TEXT, "pattern": _CHARACTERS},
    "key": {"type": "string", "maxLength": MAX_NAME, "pattern": _CHARACTERS},
    "number": {"type": "number", "minimum": -sys.float_info.max, "maximum": sys.float_info.max},
    "integer": {"type": "integer", "minimum": -MAX_INT, "maximum": MAX_INT},
    "json": {
        "anyOf": [
            {"type": ["null", "boolean"]},
            {"$ref": "#/$defs/number"},
            {"$ref": "#/$defs/text"},
            {"type": "array", "items": {"$ref": "#/$defs/json"}, "maxItems": MAX_ITEMS},
            {
                "type": "object",
                "propertyNames": {"$ref": "#/$defs/key"},
                "additionalProperties": {"$ref": "#/$defs/json"},
                "maxProperties": MAX_NAMES,
            },
        ]
    },
}
_SCALARS: dict[Any, dict[str, Any]] = {
    Any: {"$ref": "#/$defs/json"},
    str: {"$ref": "#/$defs/text"},
    int: {"$ref": "#/$defs/integer"},
    float: {"$ref": "#/$defs/number"},
    bool: {"type": "boolean"},
}


def schema_text() -> str:
    """The schema as indented JSON with a newline at its end."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def schema() -> dict[str, Any]:
    """The schema of a report as this version writes it; keys that it does not name are allowed."""
    definitions = dict(_COMMON)
    _add(Report, definitions)
    definitions["Report"]["properties"]["schema"] = {"const": SCHEMA}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{SCHEMA.replace('/', ':').replace('.', ':')}",
        "title": SCHEMA,
        "$ref": "#/$defs/Report",
        "$defs": dict(sorted(definitions.items())),
    }


def _add(kind: Any, definitions: dict[str, Any]) -> None:
    """Define the dataclass ``kind``, and what it holds."""
    if kind.__name__ in definitions:
        return
    found: dict[str, Any] = {
        "description": (inspect.getdoc(kind) or "").partition("\n")[0],
        "type": "object",
        "properties": {},
        "required": [field.name for field in dataclasses.fields(kind) if field.name in required_of(kind)],
    }
    definitions[kind.__name__] = found
    hints = hints_of(kind)
    for field in dataclasses.fields(kind):
        found["properties"][field.name] = _of(hints[field.name], definitions)


def _of(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    origin, arguments = get_origin(hint), get_args(hint)
    if dataclasses.is_dataclass(hint):
        _add(hint, definitions)
        return {"$ref": f"#/$defs/{hint.__name__}"}  # type: ignore[union-attr]  # it is a class
    if origin is Annotated:
        return _limited(arguments[0], arguments[1:])
    if origin in (Union, types.UnionType):
        return {"anyOf": [_of(argument, definitions) for argument in arguments]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is tuple:
        if arguments[-1] is ...:
            return {"type": "array", "items": _of(arguments[0], definitions), "maxItems": MAX_ITEMS}
        cells = [_of(argument, definitions) for argument in arguments]
        return {"type": "array", "prefixItems": cells, "items": False, "minItems": len(cells)}
    if origin in (dict, Mapping) or hint in (dict, Mapping):
        return {
            "type": "object",
            "propertyNames": {"$ref": "#/$defs/key"},
            "additionalProperties": _of(arguments[1], definitions),
            "maxProperties": MAX_NAMES,
        }
    return {"type": "null"} if hint is type(None) else _SCALARS[hint]


def _limited(scalar: Any, limits: tuple[Range | Text, ...]) -> dict[str, Any]:
    found = dict(_SCALARS[scalar])
    for limit in limits:
        if isinstance(limit, Text):
            found |= {"minLength": limit.shortest} if limit.shortest else {}
            found |= {"maxLength": limit.longest} if limit.longest < MAX_TEXT else {}
            found |= {"pattern": limit.pattern} if limit.pattern else {}
        else:
            bounds = {"minimum": limit.least, "maximum": limit.most}
            found |= {name: bound for name, bound in bounds.items() if math.isfinite(bound)}
    return found
