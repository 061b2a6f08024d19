"""Files of ours: read as the JSON of a schema, written at once or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from energyprof.decode import short
from energyprof.errors import FileError
from energyprof.storable.values import MAX_FILE_BYTES, is_text


@dataclass(frozen=True)
class Schema:
    """What stands in a file's ``schema``: ``NAME/VERSION``; a reader takes every version up to its own."""

    name: str
    version: int
    what: str  # such a file is, in a word or two: "report"


def parse(text: str, where: str, schema: Schema, decoder: json.JSONDecoder | None = None) -> dict[str, Any]:
    """The JSON of a file of ``schema``; its fields are not looked at.

    ``decoder``: ``STRICT`` unless said otherwise.

    Raises:
        FileError: not JSON, another schema, or a newer version of it.
    """
    try:
        data = (decoder or STRICT).decode(text)
    except json.JSONDecodeError as error:
        raise FileError(f"{where}: not a readable {schema.what}: {error}; was it cut off?") from None
    except (ValueError, RecursionError) as error:
        raise FileError(f"{where}: not a readable {schema.what}: {_one_line(error)}") from None
    label: Any = data.get("schema") if isinstance(data, dict) else None
    ours = f"{schema.name}/{schema.version}"
    match = re.fullmatch(rf"{re.escape(schema.name)}/([1-9][0-9]{{0,8}})", label) if is_text(label) else None
    if match is None:
        raise FileError(
            f"{where}: not an energyprof {schema.what}: its schema is {short(label)}, not {ours!r}"
        )
    if int(match[1]) > schema.version:
        raise FileError(
            f"{where}: written by a newer energyprof ({label}; this one reads up to {ours}): "
            "pip install --upgrade energyprof"
        )
    return dict(data)


def read_text(path: Path) -> str:
    """What the file ``path`` says.

    Raises:
        FileError: it cannot be read, is not text, or has no end.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise FileError(f"{path}: longer than {MAX_FILE_BYTES >> 20} MB: not a file of energyprof")
        return content.decode()
    except UnicodeDecodeError:
        raise FileError(f"{path}: not a text file, so not one of energyprof") from None
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from None


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path``; a reader never sees half of it.

    Raises:
        FileError: the disk is full, or the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise FileError(f"{path}: cannot be written: {error.strerror}") from None


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object that says each thing once: of two values each reader would take another."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{short(next(name for name in names if names.count(name) > 1))} stands there twice")
    return found


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number")


STRICT = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_not_json)
# For thousands of files at once, in two thirds of the time: of two values under one name the later counts.
FAST = json.JSONDecoder(parse_constant=_not_json)
