"""A study on the disk: its plan, and a report for each cell that was trained."""

from __future__ import annotations

import contextlib
import json
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from energyprof.errors import FileError, UsageError
from energyprof.files import STRICT, Schema, parse, read_text, write_new, write_text
from energyprof.report.file import from_data, text_of
from energyprof.report.file import parse as parse_report
from energyprof.report.record import Report
from energyprof.storable.frozen import dataclass
from energyprof.study.plan import Plan, Setting, plan_of, settings, shown

SCHEMA = Schema("energyprof.study", 1, "study")
PLAN = "study.json"
TRIED = "search.json"  # what a search has tried, in order
TRIED_SCHEMA = Schema("energyprof.search", 1, "search")
CELLS = "cells"
# What a cell of a study that trains nothing holds: a command's own JSON.
RESULTS = tuple(Schema(f"energyprof.{name}", 1, name) for name in ("simulation", "fleet", "placement"))


@dataclass(frozen=True)
class Cell:
    """One training: a setting in a block; the seed is the block's number, the same for all settings."""

    setting: Setting
    block: int
    name: str  # of its report, without ending

    @property
    def seed(self) -> int:
        """What it is trained from."""
        return self.block


@dataclass(frozen=True)
class Trained:
    """A cell that is done: its report, or what was simulated, or why there is neither."""

    cell: Cell
    report: Report | None
    problem: str = ""
    result: Mapping[str, Any] | None = None  # of one that was simulated


def cells(plan: Plan) -> list[Cell]:
    """All cells in the order in which they are trained: block by block, at random within each.

    The order depends on the plan alone, so that a study that was interrupted goes on as it was.
    """
    everything = settings(plan)
    base, found = everything[0], []
    for block in range(plan.repeats):
        order = [
            Cell(setting, block, f"b{block}-{number:03d}-{_plain(setting.label(base))}")
            for number, setting in enumerate(everything)
        ]
        # A search goes by what it has seen, and of a simulation nothing drifts.
        if plan.design != "search" and not plan.simulates:
            random.Random(f"{plan.name}/{block}").shuffle(order)
        found += order
    return found


def _plain(label: str) -> str:
    return re.sub(r"[^\w=.+-]+", "_", label)[:80]


def opened(folder: Path, plan: Plan) -> None:
    """Make the folder the plan's, or go on in it.

    Raises:
        FileError: it cannot be written.
        UsageError: it is another plan's.
    """
    if not is_of(folder, plan):
        write_new(folder / PLAN, json.dumps(_data(plan), indent=1, ensure_ascii=False) + "\n")


def is_of(folder: Path, plan: Plan) -> bool:
    """Whether the folder is the plan's, or else nobody's yet. Raises UsageError: it is another plan's."""
    if not (folder / PLAN).exists():
        return False
    if (other := read_study(folder)) != plan:
        what = next(n for n in asdict(plan) if n != "tried" and getattr(plan, n) != getattr(other, n))
        if what == "inputs":
            name = changed_input(plan.inputs, other.inputs)
            raise UsageError(f"{name}: has changed since {folder} began; name another folder with -o")
        raise UsageError(f"{folder}: is of a plan with another {what}; name another folder with -o")
    return True


def changed_input(one: Mapping[str, str], other: Mapping[str, str]) -> str | None:
    """A file whose digests differ, or that one alone has."""
    return next((name for name in (*one, *other) if one.get(name) != other.get(name)), None)


def _data(plan: Plan) -> dict[str, Any]:
    budget = plan.budget
    words = {"hours": f"{budget.hours!r} h", "joules": f"{budget.joules!r} J"}
    asked = [words[name] for name, value in asdict(budget).items() if value is not None]
    return {
        "schema": f"{SCHEMA.name}/{SCHEMA.version}",
        "name": plan.name,
        "command": list(plan.command),
        "design": plan.design,
        "repeats": plan.repeats,
        "factors": {name: list(values) for name, values in plan.factors.items()},
        **({"budget": asked[0]} if asked else {}),
        **({"scan": plan.scan} if plan.scan else {}),
        **({"trials": plan.trials, "objectives": list(plan.objectives)} if plan.trials else {}),
        **({"inputs": dict(plan.inputs)} if plan.simulates else {}),
    }


def read_study(folder: Path) -> Plan:
    """The plan of a study's folder.

    Raises:
        FileError: it is not a study's, or its plan cannot be read.
    """
    path = folder / PLAN
    if not path.is_file():
        raise FileError(f"{folder}: not a study: there is no {PLAN} in it")
    data = parse(read_text(path), str(path), SCHEMA, STRICT)
    try:
        own = {key: value for key, value in data.items() if key not in ("schema", "inputs")}
        plan = plan_of(own, str(path), "")
    except UsageError as error:
        raise FileError(str(error)) from None
    if plan.simulates:
        inputs = data.get("inputs")
        if not isinstance(inputs, dict) or not all(isinstance(digest, str) for digest in inputs.values()):
            raise FileError(f"{path}: inputs: not a list of digests")
        plan = replace(plan, inputs=inputs)
    return replace(plan, tried=_tried(folder, plan)) if plan.design == "search" else plan


def remember(folder: Path, plan: Plan) -> None:
    """Write down what a search has tried, before the last of it is trained. Raises FileError."""
    rows = [dict(setting.values) for setting in plan.tried]
    data = {"schema": f"{TRIED_SCHEMA.name}/{TRIED_SCHEMA.version}", "tried": rows}
    write_text(folder / TRIED, json.dumps(data, indent=1, ensure_ascii=False) + "\n")


def _tried(folder: Path, plan: Plan) -> tuple[Setting, ...]:
    """What the search in the folder has tried. Raises FileError: that is not of this plan."""
    path = folder / TRIED
    if not path.is_file():
        return ()
    rows = parse(read_text(path), str(path), TRIED_SCHEMA, STRICT).get("tried")
    fits = isinstance(rows, list) and all(
        isinstance(row, dict)
        and list(row) == list(plan.factors)
        and all(any(type(v) is type(of) and v == of for of in plan.factors[n]) for n, v in row.items())
        for row in rows
    )
    if not fits or rows is None:
        raise FileError(f"{path}: is not of this plan")
    return tuple(Setting(tuple(row.items())) for row in rows)


def path_of(folder: Path, cell: Cell) -> Path:
    """Where the cell's report lies."""
    return folder / CELLS / f"{cell.name}.json"


def problem_path(folder: Path, cell: Cell) -> Path:
    """Where it says why a cell could not be trained."""
    return folder / CELLS / f"{cell.name}.problem.txt"


def _left(folder: Path, cell: Cell) -> tuple[Path | None, Trained | None]:
    """The file of a cell's result, or else the cell as one with a problem, if that was written down."""
    if problem_path(folder, cell).is_file():
        return None, Trained(cell, None, read_text(problem_path(folder, cell)).strip())
    path = path_of(folder, cell)
    return (path if path.is_file() else None), None


def trained(folder: Path, cell: Cell) -> Trained | None:
    """The cell as far as it is done; ``None``: it is still to be trained.

    Raises:
        FileError: its report is there but cannot be read.
    """
    path, problem = _left(folder, cell)
    if path is None:
        return problem
    report = _read(path)
    done = [run for run in report.runs if run.status != "interrupted" and not _cut_off(run.flags)]
    return Trained(cell, report) if done else None


def simulated(folder: Path, cell: Cell) -> Trained | None:
    """The cell of a study whose command trains nothing; ``None``: it is still to be computed.

    Raises:
        FileError: its result is there but cannot be read.
    """
    path, problem = _left(folder, cell)
    if path is None:
        return problem
    text = read_text(path)
    found = next((data for schema in RESULTS if (data := _of(text, path, schema)) is not None), None)
    if found is None:
        raise FileError(f"{path}: not a simulation; was it cut off? delete it to compute it anew")
    return Trained(cell, None, result=found)


def _of(text: str, path: Path, schema: Schema) -> dict[str, Any] | None:
    with contextlib.suppress(FileError):
        return parse(text, str(path), schema, STRICT)
    return None


def _read(path: Path) -> Report:
    """The report without its evaluations on the way: of thousands they would be most of the work.

    Raises:
        FileError: it cannot be read, or is not a report.
    """
    data = parse_report(text_of(path), str(path))
    runs = data.get("runs")
    for run in runs if isinstance(runs, list) else ():
        if isinstance(run, dict):
            run["history"] = []
    return from_data(data, str(path))


def all_trained(folder: Path, plan: Plan) -> Iterator[Trained]:
    """Every cell that is done, in the order of the plan."""
    for cell in cells(plan):
        if (done := done_in(folder, plan, cell)) is not None:
            yield done


def done_in(folder: Path, plan: Plan, cell: Cell) -> Trained | None:
    """The cell as far as it is done; ``None``: it is still to be. Raises FileError."""
    return simulated(folder, cell) if plan.simulates else trained(folder, cell)


def _cut_off(flags: Any) -> bool:
    return any(flag.kind == "unfinished" for flag in flags)


def factor_words(plan: Plan) -> str:
    """The factors and how many values each has: "precision (2), batch-size (3)"."""
    return ", ".join(f"{name} ({', '.join(map(shown, values))})" for name, values in plan.factors.items())
