"""``energyprof show FOLDER``: every report of a folder, how works went over time, and a page of both."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import Command

from energyprof.report.file import trace_path, write
from energyprof.report.record import CommitRecord
from energyprof.trace.writer import new_trace
from reports import at, report, unmetered_run

WIDE = {"COLUMNS": "120"}


@pytest.fixture
def folder(command: Command) -> Path:
    """Eight reports of one work, 10 % dearer from the fifth on, and one that measured nothing."""
    for i in range(8):
        joules = 1.0 if i < 4 else 1.1
        made = replace(
            at(joules, joules * 1.001),
            created=f"2026-01-{i + 1:02}T00:00:00Z",
            commit=CommitRecord(f"{i:x}" * 40, False),
        )
        write(made, command.folder / "results" / "main" / f"r{i}.json")
    empty = report([unmetered_run()], boundary=None, meters=())
    write(replace(empty, created="2026-02-01T00:00:00Z"), command.folder / "results" / "<i>odd.json")
    return command.folder


@pytest.mark.slow
def test_all_reports_stand_in_one_table_the_newest_first(folder: Path, command: Command) -> None:
    done = command("show", "results", environment=WIDE)
    assert (done.returncode, done.stderr) == (0, "")
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["report", "made", "work", "energy", "±", "time", "to", "target", "reached"]
    assert [row.split()[0] for row in rows[:9]] == ["<i>odd", *(f"main/r{i}" for i in range(7, -1, -1))]
    assert "not measured" in rows[0] and rows[1].endswith("2 of 2 runs")
    # Two levels of four, a tenth apart.
    assert "energy per sample of unet tiny over 8 reports, the last level +10.0 %" in done.stdout
    assert done.stdout.splitlines()[-1] == "▁▁▁▁│████"


@pytest.mark.slow
def test_at_80_columns_nothing_is_cut(folder: Path, command: Command) -> None:
    lines = command("show", "results", environment={"COLUMNS": "80"}).stdout.splitlines()
    assert max(map(len, lines)) <= 80 and "…" not in "".join(lines)


@pytest.mark.slow
@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_name_too_long_for_its_column_stands_whole_on_a_line_of_its_own(
    folder: Path, command: Command, columns: int
) -> None:
    name = "a-study-of-many-settings/cells/b2-003-data-fraction=0.5"
    write(at(1.0), folder / "results" / f"{name}.json")
    lines = command("show", "results", environment={"COLUMNS": str(columns)}).stdout.splitlines()
    assert lines[0].startswith("report ")
    assert lines[lines.index(name) + 1].startswith(" " * len("main/r0  "))
    assert any(line.startswith("main/r0  ") and line.endswith("2 of 2 runs") for line in lines)


@pytest.mark.slow
def test_the_page_has_every_report_and_runs_its_own_script_alone(folder: Path, command: Command) -> None:
    done = command("show", "results", "--html", "page.html")
    assert (done.returncode, done.stderr) == (0, "")
    page = (folder / "page.html").read_text(encoding="utf-8")
    assert [f"main/r{i}" in page for i in range(8)] == [True] * 8
    assert "&lt;i&gt;odd" in page and "<i>odd" not in page
    assert page.count("<figure>") == 1
    # The browser runs what has this digest: the script as it stands in the page.
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = map(html.unescape, re.findall(r'Content-Security-Policy" content="([^"]*)"', page))
    assert policy.endswith(f"; script-src 'sha256-{digest}'") and policy.startswith("default-src 'none'")
    assert "table.sortable" in script and 'class="sortable"' in page
    # What a column is sorted by is the number, not its words.
    assert re.search(r'data-v="1\.0\d*">1\.0\d J', page) or re.search(
        r'data-v="1\d\d\d[^"]*">1\.\d+ kJ', page
    )


@pytest.mark.slow
def test_json_has_what_the_table_and_the_drawing_are_of(folder: Path, command: Command) -> None:
    data = json.loads(command("show", "results", "--json").stdout)
    assert data["schema"] == "energyprof.overview/1"
    assert [one["name"] for one in data["reports"]][:2] == ["<i>odd", "main/r7"]
    (trend,) = data["trends"]
    assert [level["start"] for level in trend["course"]["levels"]] == [0, 4]


@pytest.mark.slow
def test_a_broken_report_is_named_and_the_others_shown(folder: Path, command: Command) -> None:
    (folder / "results" / "cut.json").write_text('{"schema": "energyprof.report/2", "crea')
    done = command("show", "results", environment=WIDE)
    assert done.returncode == 0
    assert "! results/cut.json: " in done.stdout and "main/r7" in done.stdout


@pytest.mark.slow
def test_a_run_that_still_goes_is_called_so(folder: Path, command: Command) -> None:
    path = folder / "results" / "main" / "r7.json"
    trace = new_trace(trace_path(path))
    try:
        while_it_runs = command("show", "results", environment=WIDE)
        alone = command("show", "results/main/r7.json")
    finally:
        trace.close()
    after = command("show", "results", environment=WIDE)
    assert [line for line in while_it_runs.stdout.splitlines() if line.endswith("still runs")] == [
        line for line in while_it_runs.stdout.splitlines() if line.startswith("main/r7 ")
    ]
    assert "its profiler is still at work" in alone.stdout
    assert "still runs" not in after.stdout


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("empty",), "empty: no report in this folder"),
        (("results", "--budget"), "results: is a folder; it takes --json and --html alone"),
        ((), "give a report or a folder to show, or --history FOLDER"),
    ],
)
def test_what_cannot_be_shown_is_one_line(
    folder: Path, command: Command, words: tuple[str, ...], complaint: str
) -> None:
    (folder / "empty").mkdir()
    done = command("show", *words)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"error: {complaint}\n")


@pytest.mark.slow
def test_works_of_one_name_are_told_apart_and_what_missed_its_target_is_named(command: Command) -> None:
    cells = Path(__file__).parent.parent.parent / "results" / "vm-xeon-2" / "study-unet-tiny" / "cells"
    done = command("show", str(cells), "--html", "page.html", environment=WIDE)
    assert (done.returncode, done.stderr) == (0, "")
    for which in ("batch_size 32", "precision bf16", "prune 0.33", "data_fraction 0.5"):
        assert done.stdout.count(f"of unet tiny ({which}) over 3 reports") == 1
    # Beside each report stands what it does otherwise than most, and nothing beside the base's.
    under = [line for line in done.stdout.splitlines() if line.startswith("  ")]
    assert sorted(under) == sorted(
        f"  {which}" for which in ("batch_size 32", "data_fraction 0.5", "precision bf16", "prune 0.33") * 3
    )
    (missed,) = [line for line in done.stdout.splitlines() if "0 of 1 run" in line]
    assert "27.7 mJ a sample" in missed
    page = (command.folder / "page.html").read_text(encoding="utf-8")
    assert page.count("<td>unet tiny: precision bf16</td>") == 3 and page.count("<td>unet tiny</td>") == 3
    heads = re.findall(r'<th scope="col">([^<]*)</th>', page)
    assert heads[0] == "report" and "commit" not in heads  # none of them has one
