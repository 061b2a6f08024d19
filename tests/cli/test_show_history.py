"""``energyprof show --history`` draws the reports of a folder, the levels they form and what was accepted."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from energyprof.cli.application import application
from energyprof.errors import EnergyprofError
from energyprof.report.file import write
from energyprof.report.record import CommitRecord
from reports import at

pytestmark = pytest.mark.slow

SHOW = ["show", "--history", "past"]


@pytest.fixture
def past(tmp_path, monkeypatch):
    """Thirty reports: at 1 J, from the twentieth on at 1.1 J; the last step, to 1.2 J, was accepted."""
    monkeypatch.chdir(tmp_path)
    rng = random.Random(1)
    for i in range(30):
        joules = (1.0 if i < 20 else 1.1 if i < 28 else 1.2) * rng.gauss(1, 0.005)
        made = replace(
            at(joules), created=f"2026-01-{i + 1:02}T00:00:00Z", commit=CommitRecord(f"{i:040x}", False)
        )
        write(made, tmp_path / "past" / f"r{i:02}.json")
    mark = {
        "schema": "energyprof.accepted/1",
        "created": "2026-01-29T00:00:00Z",
        "name": "unet",
        "why": "<b>more</b>",
    }
    (tmp_path / "past" / "r28.accepted.json").write_text(json.dumps(mark))
    return tmp_path


def run(*words):
    return CliRunner().invoke(application(), list(words), env={"COLUMNS": "120"})


def test_the_levels_stand_in_a_table_with_their_commits_and_reasons(past):
    done = run(*SHOW)
    assert done.exit_code == 0, done.output
    assert "energy per sample over 30 reports" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines() if re.match(r"r\d\d ", line)]
    assert [row[0] for row in rows] == ["r00", "r20", "r28"]
    assert [row[3] for row in rows] == ["20", "8", "2"]
    assert rows[1][2] == f"{20:040x}"[:12] and "as the reports show" in done.stdout
    assert "accepted: <b>more</b>" in done.stdout
    bars = done.stdout.splitlines()[1]
    assert len(bars.replace("│", "")) == 30 and bars.count("│") == 2


def test_a_report_in_the_middle_has_the_history_until_then(past):
    done = run("show", "past/r10.json", "--history", "past")
    assert "over 11 reports" in done.stdout and "19 left out, made later" in " ".join(done.stdout.split())


def test_the_page_is_one_file_with_every_report_and_runs_nothing_of_a_mark(past):
    done = run(*SHOW, "--html", "history.html")
    assert done.exit_code == 0, done.output
    page = (past / "history.html").read_text()
    assert page.count('class="dot"') == 30
    assert "accepted: &lt;b&gt;more&lt;/b&gt;" in page and "<b>more" not in page
    data = re.search(r'id="history">(.*?)</script>', page, re.DOTALL)
    assert data is not None
    assert [level["start"] for level in json.loads(data[1])["levels"]] == [0, 20, 28]
    assert not re.search(r'(src|href)="', page)


def test_json_has_the_same(past):
    data = json.loads(run(*SHOW, "--json").stdout)
    assert len(data["stations"]) == 30 and [level["end"] for level in data["levels"]] == [20, 28, 30]


def test_without_a_report_there_is_one_line(past):
    (past / "none").mkdir()
    for words in (["show"], ["show", "--history", "none"], ["show", "--history", "nowhere"]):
        done = run(*words)
        assert isinstance(done.exception, EnergyprofError) and done.exception.exit_code == 2
