"""The programs on the page about the wire are compiled, and spoken with by a real `exec`."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import Command

from energyprof.storable.events import MAX_EVENT, PROGRAM, QUESTIONS

PAGE = (Path(__file__).parent.parent / "docs/wire.md").read_text()
COMPILERS = {"c": ["gcc", "-std=gnu99"], "cpp": ["g++", "-std=c++11"]}


def built(language: str, folder: Path) -> Path:
    """The page's program in ``language``."""
    compiler = COMPILERS[language]
    if shutil.which(compiler[0]) is None:
        pytest.skip(f"no {compiler[0]} here")
    (code,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    source, program = folder / f"client.{language}", folder / f"client-{language}"
    source.write_text(code)
    words = [
        *compiler,
        "-O2",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-Wno-stringop-truncation",
        "-o",
        program,
        source,
    ]
    subprocess.run(words, check=True)
    return program


@pytest.mark.slow
def test_the_c_program_has_phases_samples_and_a_score(command: Command) -> None:
    program = built("c", command.folder)
    done = command("exec", "--idle", "0", "-o", "r.json", "--", str(program))
    assert done.returncode == 0, done.stderr
    (run,) = command.report()["runs"]
    phases = {phase["name"]: phase for phase in run["phases"]}
    assert [name for name in phases if name != "idle"] == ["run", "train", "eval"]
    assert (run["samples"], run["score"]) == (4096, 0.97)
    assert phases["train"]["energy_j"] > 0


@pytest.mark.slow
def test_the_cpp_program_is_told_what_its_window_took(command: Command) -> None:
    program = built("cpp", command.folder)
    done = command("exec", "--idle", "0", "-o", "r.json", "--", str(program))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[0])
    assert told["energy_j"] / told["time_s"] == pytest.approx(
        50, rel=0.2
    )  # the machine's only meter shows 50 W
    (run,) = command.report()["runs"]
    assert [window["name"] for window in run["windows"]] == ["harmonic series"]


@pytest.mark.slow
@pytest.mark.parametrize("language", COMPILERS)
def test_without_a_profiler_they_do_the_same(language: str, tmp_path: Path) -> None:
    done = subprocess.run([built(language, tmp_path)], capture_output=True, text=True, check=True, env={})
    assert done.stdout == {"c": "", "cpp": "nobody measures\n"}[language]


def test_the_table_has_every_event_and_its_fields() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", PAGE, re.MULTILINE))
    assert set(rows) == set(PROGRAM)
    for event, fields in PROGRAM.items():
        for name in (
            set(fields)
            - ({"actor"} if event != "exchange" else set())
            - {"score" if event == "round" else ""}
        ):
            assert f"`{name}`" in rows[event], (event, name)
    for question, fields in QUESTIONS.items():
        assert all(f"`{name}`" in PAGE for name in (question, *fields))
    assert f"{MAX_EVENT:,} characters" in PAGE
