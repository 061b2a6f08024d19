"""Folders of one plan laid together."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from energyprof.compare.machines import alike, machine_name
from energyprof.errors import FileError, NotComparable, UsageError
from energyprof.report.file import trace_path
from energyprof.study.folder import Trained, all_trained, opened, path_of, problem_path, read_study


def join(folders: Sequence[Path], output: Path) -> list[str]:
    """Copy every cell that is done into a new folder; a line on what each held.

    Raises:
        FileError: one of them is not a study, or the new one cannot be written.
        NotComparable: they are of different plans, or of different machines.
        UsageError: two hold the same cell, or the new folder holds something already.
    """
    if len(folders) < 2:
        raise UsageError("name at least two studies to join")
    if output.exists() and any(output.iterdir()):
        raise UsageError(f"{output}: is not empty; name a new folder with -o")
    plans = [read_study(folder) for folder in folders]
    for folder, plan in zip(folders[1:], plans[1:], strict=True):
        if plan != plans[0]:
            raise NotComparable(f"{folder} is of another plan than {folders[0]}")
    held: dict[str, tuple[Path, Trained]] = {}
    lines = []
    for folder, plan in zip(folders, plans, strict=True):
        found = list(all_trained(folder, plan))
        for cell in found:
            if (other := held.get(cell.cell.name)) is not None:
                raise UsageError(f"{other[0]} and {folder} both hold {cell.cell.name}")
            held[cell.cell.name] = folder, cell
        lines.append(f"{folder}: {len(found)} {plan.things}")
    _refuse_machines([(folder, cell) for folder, cell in held.values() if cell.report is not None])
    opened(output, plans[0])
    for folder, cell in held.values():
        for of in (path_of, problem_path):
            source, place = of(folder, cell.cell), of(output, cell.cell)
            for file, copy in ((source, place), (trace_path(source), trace_path(place))):
                if file.is_file():
                    _copy(file, copy)
    return lines


def _copy(file: Path, copy: Path) -> None:
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    except OSError as error:
        raise FileError(f"{copy}: cannot be written: {error.strerror}") from None


def _refuse_machines(cells: Sequence[tuple[Path, Trained]]) -> None:
    """Blocks cancel what drifts on one machine, not what differs between two."""
    for folder, cell in cells[1:]:
        (first, base), report = cells[0], cell.report
        assert report is not None and base.report is not None
        if alike(base.report, report).standing == "other":
            raise NotComparable(
                f"{first} is of {machine_name(base.report)}, {folder} of {machine_name(report)}: "
                "show each machine's study, and compare their reports"
            )
