"""``energyprof compare`` as it is typed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from energyprof.cli.compare import labels
from energyprof.report.file import write
from reports import at, report, run

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path):
    write(at(1.0, 1.01, 0.99), tmp_path / "base.json")
    write(at(2.0, 2.02, 1.98), tmp_path / "double.json")
    write(at(1.0, 1.1, config={"batch_size": 8}), tmp_path / "other.json")
    return tmp_path


def energyprof(folder, *words, **environment):
    inherited = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "FORCE_COLOR")}
    return subprocess.run(
        [sys.executable, "-m", "energyprof", *words],
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )


@pytest.mark.slow
def test_two_reports_of_the_same_work_are_shown_with_intervals(folder):
    done = energyprof(folder, "compare", "base.json", "double.json")
    assert (done.returncode, done.stderr) == (0, "")
    # ln 0.99 … 1.01: sd 1 %, t(0.975, 4) · 1 % · √(2/3) = 2.27 % of 2.00.
    assert "2.00 ± 0.05 × more  higher" in done.stdout
    assert "base, double, each: unet tiny, 3 runs, all reached the target; measured" in done.stdout
    assert "\x1b" not in done.stdout
    # Into a pipe a row says which figure it is of, and no line is broken or filled up.
    (row,) = re.findall(r"^energy per sample +double +3 +2\.00 J .*$", done.stdout, re.MULTILINE)
    assert row.endswith("higher") and not re.search(r" $", done.stdout, re.MULTILINE)
    narrow = energyprof(folder, "compare", "base.json", "double.json", COLUMNS="80").stdout.splitlines()
    assert max(map(len, narrow)) <= 80
    assert re.match("  double  3 +2.00 J ", narrow[narrow.index("energy per sample") + 2])


@pytest.mark.slow
def test_other_work_of_the_same_task_is_compared(folder):
    done = energyprof(folder, "compare", "base.json", "other.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert "the work differs: config.batch_size is 4 in base, 8 in other" in done.stdout


@pytest.mark.slow
def test_another_task_is_refused_with_3_in_one_line_and_may_be_allowed(folder):
    names = [f"task{i}.json" for i in range(40)]
    for i, name in enumerate(names):
        write(at(1.0, name=f"task {i}"), folder / name)
    done = energyprof(folder, "compare", "base.json", *names)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert "name is unet in base, task 0 in task0, task 1 in task1, and 38 other values" in done.stderr
    allowed = energyprof(folder, "compare", "base.json", names[0], "--allow", "task")
    assert allowed.returncode == 0
    assert "allowed to differ, task: name is unet in base, task 0 in task0" in allowed.stdout


@pytest.mark.slow
def test_a_report_that_missed_says_how_many_reached(folder):
    write(report([run(), run(status="missed"), run()]), folder / "missed.json")
    done = energyprof(folder, "compare", "missed.json")
    assert "2 of 3 reached the target" in done.stdout


@pytest.mark.slow
def test_json_is_all_there_is_on_stdout(folder):
    done = energyprof(folder, "compare", "base.json", "double.json", "--json")
    data = json.loads(done.stdout)
    assert data["schema"] == "energyprof.comparison/1"
    change = data["entries"][1]["estimates"][0]["change"]
    assert change["ratio"] == pytest.approx(2.0) and change["verdict"] == "higher"
    by_format = energyprof(folder, "compare", "base.json", "double.json", "--format", "json")
    assert by_format.stdout == done.stdout


@pytest.mark.slow
def test_the_best_of_three_is_marked_and_in_the_json(folder):
    write(at(0.5, 0.505, 0.495), folder / "half.json")
    words = ("compare", "base.json", "double.json", "half.json")
    lines = energyprof(folder, *words).stdout.splitlines()
    marked = next(line for line in lines if line.startswith("energy per sample") and "  half  " in line)
    assert marked.endswith("2.00 ± 0.05 × less  lower, best")
    assert json.loads(energyprof(folder, *words, "--json").stdout)["best"]["energy_per_sample"] == "half"


@pytest.mark.slow
def test_an_estimate_is_marked_beside_its_number(folder):
    write(at(1.0, 1.02, origin="modelled"), folder / "guess.json")
    done = energyprof(folder, "compare", "base.json", "guess.json", "--allow", "origin")
    assert "≈ 1.01 J" in done.stdout and "≈: an estimate, not a measurement." in done.stdout
    assert "≈ 1,000" not in done.stdout  # samples are counted


@pytest.mark.slow
def test_twenty_reports_fit_80_columns(folder):
    names = []
    for i in range(20):
        spread = 0.3 if i % 2 else 0.01
        write(at(1 + i - spread, 1 + i, 1 + i + spread, origin="modelled"), folder / f"setting-{i}.json")
        names.append(f"setting-{i}.json")
    done = energyprof(folder, "compare", *names, COLUMNS="80")
    assert done.returncode == 0
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert sum(line.startswith("  setting-7 ") for line in done.stdout.splitlines()) >= 7


@pytest.mark.slow
def test_columns_too_wide_for_the_screen_put_the_change_below_the_row(folder):
    # Two runs that differ by half: 12.7 standard errors either way.
    write(at(1000.0, 1600.0), folder / "wild.json")
    done = energyprof(folder, "compare", "base.json", "wild.json", COLUMNS="80")
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("      ") and "× more (" in line for line in lines)


@pytest.mark.slow
def test_csv_has_a_row_for_each_figure_of_each_report(folder):
    done = energyprof(folder, "compare", "base.json", "double.json", "--format", "csv")
    head, *rows = done.stdout.splitlines()
    assert head.startswith("report,workload,machine,boundary,origin,figure,unit,n,mean,low,high")
    (row,) = [row for row in rows if row.startswith("double,") and ",energy_per_sample," in row]
    assert row.endswith(",higher,false,,0")


@pytest.mark.slow
def test_a_page_is_written_beside_what_is_printed(folder):
    plain = energyprof(folder, "compare", "base.json", "double.json")
    done = energyprof(folder, "compare", "base.json", "double.json", "--html", "new/page.html")
    assert (done.returncode, done.stdout, done.stderr) == (0, plain.stdout, "")
    page = (folder / "new" / "page.html").read_text(encoding="utf-8")
    assert "2.00 ± 0.05 × more" in page and "higher" in page
    alone = energyprof(folder, "show", "base.json", "--html", "alone.html")
    assert alone.returncode == 0, alone.stderr
    assert "unet tiny: energy to train" in (folder / "alone.html").read_text(encoding="utf-8")


def kept(path: Path) -> tuple[int, int]:
    """Which file it is, and when it was last written."""
    found = path.lstat()
    return found.st_ino, found.st_mtime_ns


@pytest.mark.slow
def test_a_page_takes_the_place_of_a_page_and_of_nothing_else(folder):
    (folder / "notes.txt").write_text("of a year")
    os.mkfifo(folder / "pipe")
    (folder / "stdout").symlink_to("/proc/self/fd/1")
    before = {path: kept(path) for path in folder.iterdir()}
    wrong = {"base.json": "not a page", "notes.txt": "not a page", ".": "is a folder"}
    for target, complaint in {**wrong, "pipe": "not a page", "stdout": "not a page"}.items():
        done = energyprof(folder, "compare", "base.json", "double.json", "--html", target)
        assert done.returncode == 2 and done.stderr.count("\n") == 1
        assert complaint in done.stderr and done.stdout == ""
    assert {path: kept(path) for path in folder.iterdir()} == before


@pytest.mark.slow
def test_an_empty_file_and_an_old_page_give_way_to_a_page(folder):
    (folder / "empty.html").touch()
    for _ in range(2):
        done = energyprof(folder, "show", "base.json", "--html", "empty.html")
        assert (done.returncode, done.stderr) == (0, "")
        assert (folder / "empty.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.slow
def test_markdown_is_a_table_for_a_pull_request(folder):
    done = energyprof(folder, "compare", "base.json", "double.json", "--format", "markdown")
    assert done.stdout.count("| figure | report | n | mean | ± | with meters | to the first |  |") == 1
    assert "| energy per sample | double | 3 | 2.00 J | " in done.stdout
    assert "| 2.00 ± 0.05 × more | higher |" in done.stdout


@pytest.mark.slow
def test_names_cannot_break_the_table_or_write_to_the_terminal(folder):
    write(at(1.0, name="a|b\x1b[31m*c*"), folder / "odd.json")
    for name in ("text", "markdown", "json", "csv"):
        assert "\x1b" not in energyprof(folder, "compare", "odd.json", "--format", name).stdout
    done = energyprof(folder, "compare", "odd.json", "--format", "markdown")
    assert r"a\|b?\[31m\*c\*" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["nope.json"], "nope.json: cannot be read"),
        (["base.json", "--format", "xml"], "no format 'xml'; choose from text, markdown, "),
        (["base.json", "--allow", "work"], "--allow work: choose from task"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_2(folder, words, complaint):
    done = energyprof(folder, "compare", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert complaint in done.stderr


@pytest.mark.slow
def test_the_locale_changes_no_digit(folder):
    words = ("compare", "base.json", "double.json")
    plain = energyprof(folder, *words, LC_ALL="C")
    german = energyprof(folder, *words, LC_ALL="de_DE.UTF-8", LANG="de_DE.UTF-8")
    assert plain.returncode == 0
    assert plain.stdout == german.stdout


@pytest.mark.slow
def test_a_name_too_long_for_the_table_stands_above_its_row(folder):
    name = "a-rather-long-name-of-a-report-of-which-no-letter-is-lost"
    write(at(1.0, 1.02), folder / f"{name}.json")
    lines = energyprof(folder, "compare", "base.json", f"{name}.json", COLUMNS="80").stdout.splitlines()
    row = lines.index(f"  {name}")
    assert lines[row + 1].split()[:3] == ["2", "1.01", "J"]
    assert max(map(len, lines)) <= 80


def test_labels_are_stems_where_they_differ_and_paths_where_they_do_not(tmp_path):
    a, b = tmp_path / "x" / "r.json", tmp_path / "y" / "r.json"
    assert labels([a, tmp_path / "s.json"]) == ["r", "s"]
    assert labels([a, b]) == [str(a), str(b)]
    assert labels([a, a]) == [str(a), f"{a} (2)"]
