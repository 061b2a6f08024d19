"""What a killed profiler leaves, and what this platform does not take: collected, said, or got round."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from energyprof.profile.room import collect, room

pytestmark = pytest.mark.slow  # programs that take their time in real seconds

EXEC = ("exec", "--idle", "0", "--meters", "none", "-o", "r.json")


def until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def start(command: Any, temporary: Path, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command.arguments(*words),
        cwd=command.folder,
        env=command.environment(TMPDIR=str(temporary)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


# Makes a room with something in it and is killed at the n-th removal as it leaves it.
KILLED_AT = """
import os, signal, sys
from energyprof.profile.room import room
left = int(sys.argv[1])
def hook(event, args):
    global left
    if event in ("os.remove", "os.rmdir"):
        left -= 1
        if left == 0: os.kill(os.getpid(), signal.SIGKILL)
with room() as folder:
    for name in ("wire", "path", "a", "z"):
        (folder / name).touch()
    (folder / "package").mkdir()
    (folder / "package/file").touch()
    sys.addaudithook(hook)
"""


@pytest.mark.parametrize("removals", range(1, 9))
def test_who_is_killed_as_it_removes_its_folder_leaves_one_that_is_collected(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, removals: int
) -> None:
    environment = {**os.environ, "TMPDIR": str(temporary)}
    words = [sys.executable, "-c", KILLED_AT, str(removals)]
    assert subprocess.run(words, env=environment, check=False).returncode == -signal.SIGKILL
    assert list(temporary.iterdir())
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    collect()
    assert not list(temporary.iterdir())


def test_nothing_is_tried_out_in_the_folder_for_temporary_files(temporary: Path) -> None:
    # tempfile.gettempdir() makes a file there, which stays if we are killed before it is removed.
    code = """
import os, sys
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event in ("open", "os.mkdir") else None)
from energyprof.profile.room import collect, room
collect()
with room():
    print("\\n".join(path for path in opened if path.startswith(os.environ["TMPDIR"])))
"""
    environment = {**os.environ, "TMPDIR": str(temporary)}
    made = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert made.stdout.split(), made.stderr
    assert all(
        Path(path).relative_to(temporary).parts[0].startswith("energyprof") for path in made.stdout.split()
    )


def test_a_training_ends_with_a_profiler_that_is_killed(command: Any, temporary: Path) -> None:
    (command.folder / "train.py").write_text(
        "import os, time\nopen('pid', 'w').write(str(os.getpid()) + '.')\ntime.sleep(600)\n"
    )
    process = start(command, temporary, "run", "./train.py", "--idle", "0", "--meters", "none")
    pid = command.folder / "pid"
    until(lambda: pid.exists() and pid.read_text().endswith("."))
    process.kill()
    process.wait()
    until(lambda: not _alive(pid.read_text()[:-1]))
    assert len(list(temporary.glob("energyprof-*"))) == 1
    environment = {"TMPDIR": str(temporary)}
    assert command.anew(*EXEC, "--", "true", environment=environment).returncode == 0
    assert list(temporary.iterdir()) == []


def test_killed_while_it_asks_an_interpreter_what_it_has(command: Any, temporary: Path) -> None:
    slow = command.folder / "slow-python"
    slow.write_text(f"#!/bin/sh\necho $$. > {command.folder}/pid\nexec sleep 600\n")
    slow.chmod(0o755)
    words = ("run", "unet", "--python", str(slow), "--idle", "0", "--meters", "none")
    process = start(command, temporary, *words)
    pid = command.folder / "pid"
    until(lambda: pid.exists() and pid.read_text().endswith(".\n"))
    process.kill()
    process.wait()
    os.kill(int(pid.read_text().strip(".\n")), signal.SIGKILL)
    assert list(temporary.glob("energyprof-*")) != []
    assert command.anew(*EXEC, "--", "true", environment={"TMPDIR": str(temporary)}).returncode == 0
    assert list(temporary.iterdir()) == []


def _alive(pid: str) -> bool:
    try:
        return " Z " not in Path("/proc", pid, "stat").read_text()
    except OSError:
        return False


def test_a_program_of_exec_goes_on_when_its_profiler_is_killed_and_the_next_one_says_so(
    command: Any, temporary: Path
) -> None:
    words = f"echo $$. > {command.folder}/pid; exec sleep 600"
    process = start(command, temporary, "exec", "--idle", "0", "--meters", "none", "--", "sh", "-c", words)
    pid = command.folder / "pid"
    until(lambda: pid.exists() and pid.read_text().endswith(".\n"))
    number = pid.read_text().strip(".\n")
    until(lambda: Path("/proc", number, "comm").read_text() == "sleep\n")
    try:
        process.kill()
        process.wait()
        done = command.anew(*EXEC, "--", "true", environment={"TMPDIR": str(temporary)})
        assert f"process {number} (sleep 600) goes on without a meter" in done.stderr
        assert len(list(temporary.iterdir())) == 1  # it may still import from there
    finally:
        os.kill(int(number), signal.SIGKILL)
    until(lambda: not _alive(number))
    command.anew(*EXEC, "--force", "--", "true", environment={"TMPDIR": str(temporary)})
    assert list(temporary.iterdir()) == []


def test_only_what_a_dead_profiler_made_is_collected(command: Any, temporary: Path) -> None:
    kept = [temporary / "energyprof-spare1", temporary / "energyprof-before-mine"]
    for folder in kept:
        folder.mkdir(mode=0o700)
        (folder / "r.json").write_text("precious")
    (temporary / "energyprof-link").symlink_to(command.folder)
    running = start(command, temporary, "exec", "--idle", "0", "--meters", "none", "--", "sleep", "600")
    until(lambda: len(list(temporary.iterdir())) == 4)
    try:
        assert command.anew(*EXEC, "--", "true", environment={"TMPDIR": str(temporary)}).returncode == 0
        assert len(list(temporary.iterdir())) == 4
        assert all((folder / "r.json").read_text() == "precious" for folder in kept)
    finally:
        running.terminate()
        running.wait()


def test_a_folder_whose_maker_died_while_it_made_it_is_collected(temporary: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    (temporary / "energyprof.new-aaaaaaaa").mkdir(mode=0o700)
    (temporary / "energyprof.new-bbbbbbbb").mkdir(mode=0o700)
    (temporary / "energyprof.new-bbbbbbbb" / "owner").touch()
    (temporary / "energyprof.new-precious").mkdir(mode=0o700)
    (temporary / "energyprof.new-precious" / "r.json").touch()
    with room() as ours:
        collect()
        assert {path.name for path in temporary.iterdir()} == {ours.name, "energyprof.new-precious"}
    assert [path.name for path in temporary.iterdir()] == ["energyprof.new-precious"]


def test_a_worktree_of_a_killed_ab_is_taken_out_of_its_repository_and_no_other(
    command: Any, temporary: Path
) -> None:
    def git(*words: str) -> str:
        author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        done = subprocess.run(
            ["git", *author, *words], cwd=command.folder, capture_output=True, text=True, check=True
        )
        return done.stdout

    git("init", "-q")
    (command.folder / "train.py").write_text("import time; time.sleep(600)\n")
    git("add", ".")
    git("commit", "-qm", "one")
    elsewhere = command.folder.parent / "unmounted"
    git("worktree", "add", "-q", "--detach", str(elsewhere))
    elsewhere.rename(command.folder.parent / "away")
    words = ("ab", "--before", "HEAD", "--idle", "0", "--meters", "none", "-o", "x", "run ./train.py")
    process = start(command, temporary, *words)
    until(lambda: git("worktree", "list").count("\n") == 3 and (command.folder / "x-A.json").exists())
    process.kill()
    process.wait()
    command.anew(*EXEC, "--", "true", environment={"TMPDIR": str(temporary)})
    assert str(elsewhere) in git("worktree", "list")
    assert git("worktree", "list").count("\n") == 2


def test_a_long_folder_for_temporary_files_is_got_round(command: Any, tmp_path: Path) -> None:
    long = tmp_path / ("x" * 111)
    long.mkdir()
    speaks = "import energyprof; energyprof.mark('train')"
    done = command.anew(*EXEC, "--", sys.executable, "-c", speaks, environment={"TMPDIR": str(long)})
    assert done.returncode == 0, done.stderr
    assert [phase["name"] for phase in command.report()["runs"][0]["phases"]][-1] == "train"


def test_arguments_that_are_not_utf_8_are_run_as_they_are_and_stored_readable(command: Any) -> None:
    words = [os.fsencode(word) for word in command.arguments(*EXEC, "--", "printf", "%s")]
    done = subprocess.run(
        [*words, b"caf\xe9"], cwd=command.folder, env=command.environment(), capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, b"caf\xe9"), done.stderr
    assert command.report()["workload"]["config"]["command"] == ["printf", "%s", "caf\\xe9"]


@pytest.mark.parametrize(("code", "full"), [(0, "stdout"), (7, "stdout"), (7, "stderr")])
def test_a_full_device_is_one_line_and_the_programs_own_exit_code(command: Any, code: int, full: str) -> None:
    with open("/dev/full", "wb", buffering=0) as device:
        streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, full: device}
        done = subprocess.run(
            command.arguments(*EXEC, "--json", "--quiet", "--", "sh", "-c", f"exit {code}"),
            cwd=command.folder,
            env=command.environment(),
            text=True,
            check=False,
            **streams,
        )
    assert done.returncode == code
    if full == "stdout":
        assert done.stderr.startswith("error: stdout cannot be written: No space left on device\n")
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_stays_closed_for_the_program_and_is_no_file_of_ours(
    command: Any, closed: str
) -> None:
    words = ["sh", "-c", f'exec "$@" {closed}', "sh"]
    words += command.arguments(*EXEC, "--", "sh", "-c", "echo x >&2 || exit 5; exit 6")
    done = subprocess.run(words, cwd=command.folder, env=command.environment(), check=False)
    assert done.returncode == 5
    assert command("recompute", "r.json").returncode == 0


@pytest.mark.parametrize(
    "words",
    [
        ("exec", "--meters", "none", "-o", "{}", "--", "true"),
        ("show", "{}"),
        ("import", "{}"),
        ("check", "{}", "--baseline", "{}"),
        ("compare", "{}", "{}"),
    ],
)
def test_a_name_that_no_file_can_have_is_one_line(
    command: Any, one_error_line: Any, words: tuple[str, ...]
) -> None:
    done = command(*(word.format("x" * 300) for word in words))
    assert "File name too long" in one_error_line(done)
