"""Reports that are made at once or where something lies already: none is lost, nothing is written over."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

import warm

EXEC = ("exec", "--idle", "0", "--meters", "none", "--quiet")
# As many programs as are asked for, which begin at the same moment; it prints how each ended.
AT_ONCE = """
import os, runpy, sys
sys.argv = ["energyprof", *sys.argv[2:]]
wait, begin = os.pipe()
children = []
for _ in range({number}):
    children.append(os.fork())
    if not children[-1]:
        os.close(begin)
        os.read(wait, 1)
        runpy.run_module("energyprof", run_name="__main__", alter_sys=True)
        os._exit(0)
os.close(begin)
print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
"""


def at_once(command: Any, number: int, *words: str) -> tuple[list[int], list[str]]:
    """Exit codes, and lines of errors, of that many that start at once."""
    code = AT_ONCE.format(number=number)
    done = warm.run(["-c", code, "energyprof", *words], command.environment(), command.folder)
    assert done.returncode == 0, done.stderr
    codes: list[int] = json.loads(done.stdout)
    return codes, done.stderr.splitlines()


@pytest.mark.slow
def test_of_twenty_runs_that_start_at_once_in_one_folder_each_has_its_report(command: Any) -> None:
    assert at_once(command, 20, *EXEC, "--", "true") == ([0] * 20, [])
    reports = sorted((command.folder / "energyprof-reports").glob("*.json"))
    assert len(reports) == 20
    assert all(json.loads(path.read_text())["runs"][0]["status"] == "done" for path in reports)
    again = command("recompute", str(reports[0]))
    assert "digit for digit" in again.stdout


@pytest.mark.slow
def test_of_several_that_want_one_name_one_gets_it_and_the_others_say_so(command: Any) -> None:
    codes, said = at_once(command, 4, *EXEC, "-o", "r.json", "--", "true")
    assert sorted(codes) == [0, 2, 2, 2]
    # Between a file's making and its locking another may come first: that, too, is said.
    taken = ("already exists", "another energyprof is writing it")
    assert len(said) == 3 and all(any(words in line for words in taken) for line in said)
    assert command.report()["runs"][0]["status"] == "done"
    assert sorted(path.name for path in command.folder.iterdir()) == ["r.json", "r.trace.csv.gz"]


@pytest.mark.parametrize("name", ["r.json", "r.trace.csv.gz"])
@pytest.mark.parametrize("forced", [(), ("--force",)])
def test_what_a_link_leads_to_is_never_written(command: Any, name: str, forced: tuple[str, ...]) -> None:
    precious = command.folder.parent / "precious"
    precious.write_text("precious")
    (command.folder / name).symlink_to(precious)
    done = command(*EXEC, "-o", "r.json", *forced, "--", "true")
    assert done.returncode == (0 if forced else 2), done.stderr
    assert precious.read_text() == "precious"
    if forced:
        assert command.report()["runs"][0]["status"] == "done"


def test_a_link_that_leads_nowhere_makes_no_file_there(command: Any, one_error_line: Any) -> None:
    (command.folder / "r.json").symlink_to(command.folder.parent / "nowhere")
    assert "r.json: already exists" in one_error_line(command(*EXEC, "-o", "r.json", "--", "true"))
    assert not (command.folder.parent / "nowhere").exists()


@pytest.mark.slow
def test_a_trace_beside_a_free_name_is_not_written_over(command: Any, one_error_line: Any) -> None:
    (command.folder / "r.trace.csv.gz").write_text("precious")
    said = one_error_line(command(*EXEC, "-o", "r.json", "--", "true"))
    assert "r.trace.csv.gz: already exists" in said
    assert (command.folder / "r.trace.csv.gz").read_text() == "precious"
    assert command(*EXEC, "--force", "-o", "r.json", "--", "true").returncode == 0
    assert command("recompute", "r.json").returncode == 0


@pytest.mark.slow
def test_an_empty_trace_of_one_that_was_killed_is_in_nobodys_way(command: Any) -> None:
    (command.folder / "r.trace.csv.gz").touch()
    assert command(*EXEC, "-o", "r.json", "--", "true").returncode == 0
    assert command("recompute", "r.json").returncode == 0


def test_what_was_in_the_making_when_its_maker_died_is_swept_away(command: Any, tmp_path: Path) -> None:
    (command.folder / ".energyprof-0123456789abcdef.tmp").write_text('{"schema": "ener')
    (command.folder / ".energyprof-0123456789abcdee.tmp").symlink_to(tmp_path / "elsewhere")
    assert command(*EXEC, "-o", "r.json", "--", "true").returncode == 0
    left = sorted(path.name for path in command.folder.iterdir())
    assert left == [".energyprof-0123456789abcdee.tmp", "r.json", "r.trace.csv.gz"]


def kept(path: Path) -> tuple[int, int]:
    """Which file it is, and when it was last written."""
    found = path.lstat()
    return found.st_ino, found.st_mtime_ns


@pytest.mark.slow
@pytest.mark.parametrize("forced", [(), ("--force",)])
def test_a_pipe_and_what_stands_for_an_open_file_keep_their_place(
    command: Any, one_error_line: Any, forced: tuple[str, ...]
) -> None:
    os.mkfifo(command.folder / "pipe")
    (command.folder / "stdout").symlink_to("/proc/self/fd/1")
    before = {path: kept(path) for path in command.folder.iterdir()}
    for name in ("pipe", "stdout", "/dev/null"):
        said = one_error_line(command(*EXEC, "-o", name, *forced, "--", "touch", "ran"))
        assert f"{name}: is not a file" in said
    assert {path: kept(path) for path in command.folder.iterdir()} == before
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
