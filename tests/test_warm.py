"""A program that is forked from a Python that has loaded us ends as one that starts from nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import warm
from energyprof.profile.control import IDLE_S


@pytest.mark.parametrize(
    "script",
    [
        "print('out'); import sys; print('err', file=sys.stderr)",
        "import sys; sys.exit(3)",
        "import sys; sys.exit(-1)",
        "import sys; sys.exit('words')",
        "import sys; sys.exit()",
        "raise KeyboardInterrupt",
        "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
        "import atexit; atexit.register(print, 'first'); atexit.register(print, 'second')",
        "import threading, time; threading.Thread(target=lambda: (time.sleep(0.1), print('late'))).start()",
        "import sys; sys.stdout = open('/dev/full', 'w'); print('nowhere')",
        "file = open('file', 'w'); file.write('x')",
        "import sys; sys.stdout.close()",
        "import os; os.write(1, b'raw'); os._exit(5)",
    ],
)
def test_its_exit_code_and_its_words_are_those_of_one_that_starts_anew(script: str, tmp_path: Path) -> None:
    anew, forked = tmp_path / "anew", tmp_path / "forked"
    for folder in (anew, forked):
        folder.mkdir()
    environment = dict(os.environ)
    expected = subprocess.run(
        [sys.executable, "-c", script],
        cwd=anew,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    done = warm.run(["-c", script], environment, forked)
    assert (done.returncode, done.stdout) == (expected.returncode, expected.stdout)
    # Of an exception the last line: above it the other has lines of ours.
    assert done.stderr.splitlines()[-1:] == expected.stderr.splitlines()[-1:]
    assert [path.read_text() for path in forked.iterdir()] == [path.read_text() for path in anew.iterdir()]


def test_an_end_that_comes_at_once_is_not_waited_for() -> None:
    for _ in range(20):
        assert warm.run(["-c", "import os; os._exit(5)"], dict(os.environ), timeout_s=60).returncode == 5


def test_a_constant_is_another_in_the_program_that_asks_for_it_and_in_no_other(tmp_path: Path) -> None:
    words = ["-c", "from energyprof.profile import control; print(control.IDLE_S)"]
    changed = warm.run(
        words, dict(os.environ), tmp_path, constants={"energyprof.profile.control.IDLE_S": 0.5}
    )
    plain = warm.run(words, dict(os.environ), tmp_path)
    assert (changed.stdout, plain.stdout) == ("0.5\n", f"{IDLE_S}\n")
