"""``energyprof aa --sessions``: measured, interrupted, gone on with hours later by a clock that is set."""

from __future__ import annotations

import dataclasses
import json
import math
import signal
import subprocess
from pathlib import Path

import pytest
from conftest import Command

from energyprof.report.file import read, write
from energyprof.report.record import Clock
from energyprof.units import utc
from fakes.compiled import compiled
from reports import at

SOURCE = Path(__file__).parent.parent / "fakes" / "clocks.c"
SESSIONS = ("aa", "--sessions", "3", "--every", "2", "--pairs", "2", "--idle", "0", "--cooldown", "0")
WORDS = (*SESSIONS, "--interval", "0.05", "-o", "base.json", "exec", "--", "sleep", "0.4")


@pytest.fixture
def clocks(command: Command) -> dict[str, str]:
    """What makes a process see the clocks of the file ``clocks``."""
    library = compiled("libclocks.so", [SOURCE], [])
    (command.folder / "clocks").write_text("0 0\n")
    return {"LD_PRELOAD": str(library), "FAKE_CLOCKS": str(command.folder / "clocks")}


def until_it_waits(command: Command, clocks: dict[str, str], runs: int) -> str:
    """Go on until it waits, and interrupt it; what it said. The noise is then known from so many runs."""
    child = subprocess.Popen(
        command.arguments(*WORDS),
        cwd=command.folder,
        env=command.environment(**clocks),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert child.stderr is not None
    said = ""
    while "begins at" not in said:
        line = child.stderr.readline()
        assert line, said
        said += line
    child.send_signal(signal.SIGINT)
    said += child.communicate(timeout=60)[1]
    assert child.returncode == -signal.SIGINT, said
    noise = json.loads((command.folder / "base.noise.json").read_text())
    assert noise["figures"]["energy"]["n"] == runs
    return said


@pytest.mark.slow
def test_sessions_are_gone_on_with_until_all_are_there(command: Command, clocks: dict[str, str]) -> None:
    said = until_it_waits(command, clocks, 4)
    assert "session 2 of 3 begins at" in said and "the same command goes on" in said
    # An hour and a half later it is too early: nothing is trained.
    (command.folder / "clocks").write_text("5400 0\n")
    until_it_waits(command, clocks, 4)
    assert len(read(command.folder / "base.json").runs) == 2
    (command.folder / "clocks").write_text("7300 0\n")
    until_it_waits(command, clocks, 8)
    (command.folder / "clocks").write_text("14600 0\n")
    done = command.anew(*WORDS, environment=clocks)
    assert done.returncode == 0, done.stderr
    assert "sessions by" in done.stdout
    base, again = read(command.folder / "base.json"), read(command.folder / "base-again.json")
    assert (len(base.runs), len(again.runs)) == (6, 6)
    assert base.series is not None and base.series.positions == (0, 3, 4, 7, 8, 11)
    assert base.series.looks == (6,) and base.resumed == ()
    noise = json.loads((command.folder / "base.noise.json").read_text())["figures"]["energy"]
    assert (noise["n"], noise["sessions"]) == (12, 3) and noise["session_sd"] >= 0
    # What is whole is told again, and nothing is trained.
    assert command.anew(*WORDS, environment=clocks).returncode == 0
    assert len(read(command.folder / "base.json").runs) == 6
    other = command.anew(*WORDS[:2], "4", *WORDS[3:], environment=clocks)
    assert other.returncode == 2 and "planned for 6 pairs in all, not 4 × 2" in other.stderr


def test_sessions_closer_than_an_hour_are_refused(command: Command, one_error_line) -> None:
    refusal = one_error_line(command("aa", "--sessions", "3", "--every", "1", "exec", "--", "true"))
    assert refusal == "error: --every 1: sessions less than an hour apart are one; such as --every 6"


@pytest.mark.slow
def test_a_history_beside_a_baseline_says_how_much_sessions_differ(command: Command) -> None:
    levels = (1.0, 1.004, 0.996, 1.002, 0.998, 1.0)
    for day, level in enumerate(levels):
        made = at(*(x * level for x in (0.99, 1.0, 1.01)))
        runs = (
            dataclasses.replace(run, clock=Clock(0.0, utc(86_400.0 * day + 30 * i)))
            for i, run in enumerate(made.runs)
        )
        report = dataclasses.replace(made, created=utc(86_400.0 * day), runs=tuple(runs))
        write(report, command.folder / "past" / f"{day}.json")
    write(report, command.folder / "new.json")
    words = ("check", "new.json", "--baseline", "past/0.json")
    alone, beside = command(*words), command(*words, "--history", "past")
    assert "is assumed" in " ".join(alone.stdout.split())
    assert "INCONCLUSIVE  energy per sample" in alone.stdout
    assert "PASS  energy per sample" in beside.stdout, beside.stdout
    assert "known from 5 of them (the history)" in " ".join(beside.stdout.split())
    known = json.loads(command(*words, "--history", "past", "--json").stdout)["verdicts"][0]
    # Student's t for the sessions' five, and what the runs add.
    sd = math.sqrt(sum(math.log(x / 1.0) ** 2 for x in levels[:5]) / 4)
    assert math.log1p(known["high"]) > 2.0 * sd * math.sqrt(2)
