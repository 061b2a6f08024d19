"""A wall clock that is set, or a machine that sleeps, while a program is metered: by a counter, by a log."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Command

from energyprof.report.energy import MIN_COVERAGE
from fakes.compiled import compiled
from fakes.powercap import LAG_J

SOURCE = Path(__file__).parent.parent / "fakes" / "clocks.c"
WATTS = 120.0
pytestmark = pytest.mark.slow  # programs that take their time in real seconds

# A line each fifth of a second, until nobody wants them any more: a busy machine leaves out several at once.
LOGGER = f"""
import sys, time
with open("wall.csv", "w", buffering=1) as file:
    print("time,power_w", file=file)
    while True:
        print(f"{{time.time():.4f}},{WATTS}", file=file)
        time.sleep(0.2)
"""
# The program whose energy is measured sets the clock itself: no machine is too slow for that.
SETS = 'sleep 1; echo "{0}" > clocks; sleep 1'


@pytest.fixture
def clocks(command: Command) -> dict[str, str]:
    """What makes a process see the clocks of the file ``clocks``."""
    library = compiled("libclocks.so", [SOURCE], [])
    (command.folder / "clocks").write_text("0 0\n")
    return {"LD_PRELOAD": str(library), "FAKE_CLOCKS": str(command.folder / "clocks")}


@pytest.fixture
def logger(command: Command, clocks: dict[str, str]) -> Iterator[None]:
    """A logger on the same machine."""
    words = [sys.executable, "-c", LOGGER]
    with subprocess.Popen(words, cwd=command.folder, env={**os.environ, **clocks}) as process:
        log = command.folder / "wall.csv"
        while not (log.exists() and log.read_text().count("\n") > 4):
            time.sleep(0.05)
        yield
        process.kill()


def measured(command: Command, clocks: dict[str, str], set_to: str, meters: str) -> dict[str, Any]:
    words = [
        "exec",
        "--meters",
        meters,
        "--idle",
        "0.3",
        "-o",
        "r.json",
        "--",
        "sh",
        "-c",
        SETS.format(set_to),
    ]
    began_s = time.monotonic()
    done = command.anew(*words, environment=clocks)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began_s < 60  # whatever the wall clock shows
    run: dict[str, Any] = command.report()["runs"][0]
    return run


@pytest.mark.usefixtures("logger")
def test_a_log_is_joined_across_a_step_of_the_clock(command: Command, clocks: dict[str, str]) -> None:
    run = measured(command, clocks, "-3600 0", "csv=wall.csv?gain=0.1%")
    (flag,) = (f for f in run["flags"] if f["kind"] == "clock_step")
    assert flag["detail"].startswith("back by 1 h 00 min, ")
    # A logger that had no processor for some time leaves a gap, and says so.
    assert run["energy_j"] == pytest.approx(WATTS * run["time_s"], abs=run["energy_u_j"])
    assert run["coverage"] > 0.5
    assert command("recompute", "r.json").returncode == 0


@pytest.mark.usefixtures("logger")
def test_a_machine_that_slept_is_seen_in_no_log(command: Command, clocks: dict[str, str]) -> None:
    run = measured(command, clocks, "0 3600", "csv=wall.csv?gain=0.1%")
    kinds = {f["kind"]: f["detail"] for f in run["flags"]}
    assert kinds["suspended"].startswith("1 h 00 min") and "clock_step" not in kinds
    assert run["coverage"] < MIN_COVERAGE
    assert run["time_s"] < 60
    assert run["energy_j"] == pytest.approx(WATTS * run["time_s"], abs=run["energy_u_j"])


def test_a_counter_is_read_on_whatever_the_wall_clock_shows(command: Command, clocks: dict[str, str]) -> None:
    run = measured(command, clocks, "-3600 0", "rapl")
    assert [f["detail"][:4] for f in run["flags"] if f["kind"] == "clock_step"] == ["back"]
    assert run["energy_j"] == pytest.approx(50 * run["time_s"], abs=LAG_J)
    assert run["coverage"] == 1


def test_nobody_waits_for_the_wall_clock_where_the_interpreters_locks_do(
    command: Command, clocks: dict[str, str]
) -> None:
    """Set back by an hour, it would be an hour until the next reading."""
    words = ["exec", "--meters", "rapl", "--idle", "0.3", "-o", "r.json", "--"]
    program = [*words, "sh", "-c", SETS.format("-3600 0").replace("sleep 1", "sleep 2")]
    code = (
        "import sys\n"
        "from energyprof.cli import main\n"
        "from energyprof.profile import pacemaker\n"
        "pacemaker.locks_follow_the_wall_clock = lambda: True\n"
        f"sys.argv = ['energyprof', *{program!r}]\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=command.folder,
        env=command.environment(**clocks, FAKE_LOCKS="1"),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    run = command.report()["runs"][0]
    assert [f["detail"][:4] for f in run["flags"] if f["kind"] == "clock_step"] == ["back"]
    assert run["coverage"] > 0.6  # of 4 s it was not read for half a second
