from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest

from energyprof.errors import FileError
from energyprof.report.file import from_json, read, to_json, trace_path, write
from reports import at


def changed(*path: Any, to: Any) -> str:
    """A good report's JSON with one value changed; ``...`` removes it."""
    data = json.loads(to_json(at(1.0, 1.1)))
    place = data
    for key in path[:-1]:
        place = place[key]
    if to is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return json.dumps(data)


def test_a_report_comes_back_as_it_was_written(tmp_path: Path) -> None:
    report = at(1.0, 1.1)
    write(report, tmp_path / "r.json")
    assert read(tmp_path / "r.json") == report


def test_unknown_keys_are_no_obstacle() -> None:
    data = {**json.loads(to_json(at(1.0))), "later": {"x": 1}}
    assert from_json(json.dumps(data), "r.json") == at(1.0)


def test_a_number_that_is_none_becomes_null() -> None:
    text = changed("machine", to={"nan": 1})
    report = from_json(text, "r.json")
    assert "null" in to_json(report) and "NaN" not in to_json(report)


BROKEN = {
    "": "not a readable report",
    "{": "not a readable report",
    to_json(at(1.0))[:500]: "was it cut off?",
    "[]": "not an energyprof report",
    '{"schema": "somebody.else/3"}': "its schema is 'somebody.else/3'",
    '{"schema": "energyprof.report/x"}': "not an energyprof report",
    changed("schema", to="energyprof.report/3"): "written by a newer energyprof (energyprof.report/3",
    '{"schema": "energyprof.report/²"}': "not an energyprof report",
    '{"schema": "energyprof.report/2", "schema": "energyprof.report/2"}': "'schema' stands there twice",
    changed("runs", 0, "energy_j", to=math.nan): "NaN is not a number",
    changed("runs", 0, "energy_j", to=1.5).replace("1.5", "1e999", 1): "energy_j: expected float, got inf",
    changed("runs", 0, "samples", to=2**63): "report.runs[0].samples: expected int, got 9223372036854775808",
    changed("runs", 0, "samples", to=-1): "report.runs[0].samples: expected 0 or more, got -1",
    changed("runs", 0, "coverage", to=1.5): "report.runs[0].coverage: expected at most 1, got 1.5",
    changed("workload", "name", to="a\0"): "report.workload.name: expected at most 10000 characters",
    changed("runs", to=...): "report.runs is missing",
    changed("runs", to={}): "report.runs: expected a list, got {}",
    changed("runs", 1, "energy_j", to="much"): "report.runs[1].energy_j: expected float, got 'much'",
    changed("runs", 0, "energy_j", to=True): "report.runs[0].energy_j: expected float, got True",
    changed("runs", 0, "status", to="great"): "report.runs[0].status: expected one of reached, missed",
    changed("runs", 0, "phases", 0, "start_s", to=...): "report.runs[0].phases[0].start_s is missing",
    changed("workload", to=None): "report.workload: expected an object, got None",
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_report_is_one_line_that_names_the_place(text: str) -> None:
    with pytest.raises(FileError) as error:
        from_json(text, "bad.json")
    assert BROKEN[text] in str(error.value)
    assert str(error.value).startswith("bad.json: ")
    assert "\n" not in str(error.value)


def test_a_file_that_is_no_text_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(FileError, match="not a text file"):
        read(tmp_path / "r.json")


def test_a_folder_is_no_report(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="Is a directory"):
        read(tmp_path)


def test_writing_leaves_no_other_file_and_replaces_at_once(tmp_path: Path) -> None:
    write(at(1.0), tmp_path / "r.json")
    inode = os.stat(tmp_path / "r.json").st_ino
    write(at(2.0), tmp_path / "r.json")
    assert os.stat(tmp_path / "r.json").st_ino != inode  # a reader of the old one keeps all of it
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]


def test_a_report_is_as_readable_as_any_other_file(tmp_path: Path) -> None:
    write(at(1.0), tmp_path / "r.json")
    (tmp_path / "other").write_text("")
    assert (tmp_path / "r.json").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_the_trace_lies_beside_the_report() -> None:
    assert trace_path(Path("a/b.json")) == Path("a/b.trace.csv.gz")
    assert trace_path(Path("a/b")) == Path("a/b.trace.csv.gz")
