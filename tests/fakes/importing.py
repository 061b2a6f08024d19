"""Power logs imported as a user imports them, and what is looked at in their reports."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from energyprof.errors import EnergyprofError
from energyprof.report import importers
from energyprof.report.importers.imported import ANY, Request
from energyprof.report.importers.save import save
from energyprof.report.record import Report


def imported(path: Path, **said: object) -> Report:
    power, only = said.pop("power", ()), said.pop("only", "")
    wanted = dataclasses.replace(ANY, **said)  # type: ignore[arg-type]
    request = Request((path,), power=power, only=only, wanted=wanted)  # type: ignore[arg-type]
    return save(importers.read(request), path.with_suffix(".json"), "replaced")


def written(folder: Path, text: str, name: str = "power.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def watts(report: Report) -> float:
    (run,) = report.runs
    assert run.energy_j is not None and run.time_s and run.coverage == pytest.approx(1)
    return run.energy_j / run.time_s


def refused(path: Path, **said: object) -> str:
    with pytest.raises(EnergyprofError) as raised:
        imported(path, **said)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def noted(report: Report, words: str) -> bool:
    return any(words in note for note in report.notes)
