"""A study's cells simulated, one after the other or each as a job; what is done is not done again."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from energyprof import files
from energyprof.errors import EnergyprofError, FileError, UsageError
from energyprof.simulate.document import parsed
from energyprof.study.folder import (
    Cell,
    Trained,
    cells,
    changed_input,
    opened,
    path_of,
    problem_path,
    simulated,
)
from energyprof.study.plan import Plan, settings
from energyprof.study.words import simulated_words

# Reads what a command's words name; what comes back computes the command's JSON.
Prepare = Callable[[Sequence[str]], Callable[[], str]]


def with_inputs(plan: Plan) -> Plan:
    """The plan with the digests of the files that its command and factors name, and those that these name.

    Raises:
        FileError: one is there but cannot be read.
    """
    found: dict[str, str] = {}
    for path in _named(plan):
        _digest(path, found)
    return dataclasses.replace(plan, inputs=found)


def _named(plan: Plan) -> list[Path]:
    words = [*plan.command[1:], *(str(v) for values in plan.factors.values() for v in values)]
    return [path for word in words if word.endswith(".toml") and (path := Path(word)).is_file()]


def _digest(path: Path, found: dict[str, str]) -> None:
    if str(path) in found:
        return
    text = files.read_text(path)
    found[str(path)] = hashlib.sha256(text.encode()).hexdigest()
    if path.suffix == ".toml":
        for word in _texts(parsed(text, str(path))):
            inner = path.parent / word
            if len(word) < 256 and "\0" not in word and inner.is_file():
                _digest(inner, found)


def _texts(data: Any) -> Iterator[str]:
    """Every text in a file that may be the name of another."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict | list):
        for value in data.values() if isinstance(data, dict) else data:
            yield from _texts(value)


def unchanged(folder: Path, plan: Plan, before: Mapping[str, str]) -> None:
    """Raises UsageError: a file is not what it was as the study began."""
    name = changed_input(before, with_inputs(plan).inputs)
    if name is not None:
        raise UsageError(f"{name}: has changed since {folder} began; name another folder with -o")


def all_prepared(plan: Plan, prepare: Prepare) -> None:
    """Read what every setting names, before the first is computed. Raises UsageError."""
    for setting in settings(plan):
        try:
            prepare(simulated_words(plan, setting, 0))
        except EnergyprofError as error:
            raise UsageError(f"{setting.label(settings(plan)[0])}: {error}") from None


def simulate_all(plan: Plan, folder: Path, prepare: Prepare, say: Callable[[str], None]) -> list[Trained]:
    """Compute what the folder does not hold yet, block by block. ``plan`` has its inputs.

    A simulation that cannot be computed is a result of its cell.

    Raises:
        UsageError: a cell's command is invalid, the folder is another plan's, or a file has changed.
        FileError: a result cannot be written or read.
    """
    all_prepared(plan, prepare)
    opened(folder, plan)
    order = cells(plan)
    done: list[Trained] = []
    for number, cell in enumerate(order):
        found = simulated(folder, cell)
        if found is None:
            say(
                f"{number + 1} of {len(order)}, block {cell.block + 1}: "
                f"{cell.setting.label(settings(plan)[0])}"
            )
            found = _computed(plan, folder, cell, prepare, say)
        done.append(found)
    return done


def simulate_cell(plan: Plan, folder: Path, cell: Cell, prepare: Prepare, say: Callable[[str], None]) -> None:
    """Compute one cell if it is not done. Raises UsageError: a file has changed; FileError."""
    if simulated(folder, cell) is not None:
        say(f"{cell.name}: is done already")
        return
    unchanged(folder, plan, plan.inputs)
    _computed(plan, folder, cell, prepare, say)


def _computed(plan: Plan, folder: Path, cell: Cell, prepare: Prepare, say: Callable[[str], None]) -> Trained:
    try:
        text = prepare(simulated_words(plan, cell.setting, cell.block))()
    except FileError:
        raise
    except EnergyprofError as error:
        files.write_text(problem_path(folder, cell), f"{error}\n")
        say(f"  {error}")
        return Trained(cell, None, str(error))
    files.write_text(path_of(folder, cell), text)
    return Trained(cell, None, result=json.loads(text))
