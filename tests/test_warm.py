"""A program that is forked from a Python that has loaded us ends as one that starts from nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import warm
from energyprof.profile.control import IDLE_S
from fakes.constants.sitecustomize import variables


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


@pytest.mark.slow
def test_an_end_that_comes_at_once_is_not_waited_for() -> None:
    for _ in range(20):
        assert warm.run(["-c", "import os; os._exit(5)"], dict(os.environ), timeout_s=60).returncode == 5


@pytest.mark.slow
@pytest.mark.parametrize("forked", [True, False])
def test_constants_are_others_in_a_program_and_in_what_it_starts(tmp_path: Path, forked: bool) -> None:
    field = "energyprof.measure.meters.network.kwollect:PATIENCE.settle_s"
    named = {"energyprof.profile.control:IDLE_S": 0.5, field: 1.5}
    shows = "from energyprof.profile.control import IDLE_S; print(IDLE_S, flush=True)"
    program = f"import subprocess, sys; {shows}; subprocess.run([sys.executable, '-c', {shows!r}])"
    for constants, wanted_s in ((named, 0.5), ({}, IDLE_S)):
        environment = {**os.environ, **variables(constants)}
        if forked:
            said = warm.run(["-c", program], environment, tmp_path).stdout
        else:
            words = [sys.executable, "-c", program]
            said = subprocess.check_output(words, env=environment, cwd=tmp_path, text=True)
        assert said.split() == [str(wanted_s)] * 2


@pytest.mark.slow
def test_a_training_that_is_forked_does_what_one_does_that_starts_anew(tmp_path: Path) -> None:
    job = '{"name": "unet", "settings": {"size": "huge"}, "seed": 0}'
    program = f"""
import os, signal, subprocess, sys
signal.signal(signal.SIGTERM, lambda *_: None)
pipes = {{"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}}
words = [sys.executable, "-m", "energyprof.workloads", {job!r}]
done = subprocess.run(words, **pipes, env={{**os.environ, "PYTHONPATH": {str(tmp_path)!r}}}, cwd="/")
print(done.returncode, done.stdout)
"""
    shows = "import os, signal, sys\nprint(os.getcwd(), sys.argv[1:], signal.getsignal(signal.SIGTERM))\n"
    (tmp_path / "sitecustomize.py").write_text(shows)
    words = [sys.executable, "-c", program]
    anew = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    forked = warm.run(["-c", program], dict(os.environ), tmp_path, loaded=["energyprof.workloads"])
    assert "no size 'huge'" in anew.stdout
    assert (forked.returncode, forked.stdout, forked.stderr) == (0, anew.stdout, anew.stderr)
