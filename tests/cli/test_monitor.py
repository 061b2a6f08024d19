"""``energyprof monitor`` beside meters that show known powers."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Command

from energyprof.cli.checked import checked_duration
from energyprof.errors import UsageError
from fakes.powercap import LivePowercap
from fakes.waveform import constant


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Command]:
    """A machine with two packages, of 50 W each."""
    powercap = LivePowercap(tmp_path / "machine", constant(50), packages=2)
    (tmp_path / "work").mkdir()
    yield Command(tmp_path / "work", tmp_path / "machine")
    powercap.close()


@pytest.mark.slow
def test_the_total_is_of_all_that_count(two: Command) -> None:
    looks = [json.loads(line) for line in two("monitor", "--for", "3s", "--json").stdout.splitlines()]
    known = [look for look in looks if look["power_w"] is not None]
    assert known
    for look in known:
        assert look["low_w"] <= 100 <= look["high_w"]
    assert "total" in two("monitor", "--for", "2s").stdout


@pytest.mark.slow
def test_each_line_holds_the_power_of_a_second_within_its_ends(command: Command) -> None:
    done = command("monitor", "--for", "3s", "--json")
    assert done.returncode == 0, done.stderr
    looks = [json.loads(line) for line in done.stdout.splitlines()]
    known = [look for look in looks if look["power_w"] is not None]
    assert known
    for look in known:
        assert look["low_w"] <= 50 <= look["high_w"]
        assert look["meters"]["rapl:package-0"]["power_w"] == look["power_w"]
    assert list(command.folder.iterdir()) == []  # nothing is stored


@pytest.mark.slow
def test_in_a_pipe_a_line_a_second(command: Command) -> None:
    lines = command("monitor", "--for", "3").stdout.splitlines()
    assert lines
    assert all("rapl:package-0" in line for line in lines)
    assert any(line.endswith(" W") or " ± " in line for line in lines)


@pytest.mark.slow
def test_ctrl_c_ends_it_well(command: Command) -> None:
    with subprocess.Popen(
        command.arguments("monitor", "--json"),
        cwd=command.folder,
        env=command.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as monitor:
        assert monitor.stdout is not None
        monitor.stdout.readline()
        monitor.send_signal(signal.SIGINT)
        _, said = monitor.communicate(timeout=60)
    assert (monitor.returncode, said) == (0, "")


def test_without_a_meter_it_is_one_line(command: Command, one_error_line: Any) -> None:
    assert "no meter can be read here" in one_error_line(command("monitor", "--meters", "none"))


def test_a_log_is_not_left_out_of_the_total_without_a_word(command: Command, one_error_line: Any) -> None:
    rows = "".join(f"{1_700_000_000 + second},70\n" for second in range(5))
    (command.folder / "gpu.csv").write_text("time,power_w\n" + rows)
    done = command("monitor", "--meters", "csv=gpu.csv?boundary=component&part=gpu,rapl", "--for", "1")
    assert "csv:gpu.csv: a log, which tells nothing of now" in one_error_line(done)


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("10s", 10), ("1.5m", 90), ("2 h", 7200)])
def test_a_time_is_said_in_seconds_minutes_or_hours(text: str, seconds: float) -> None:
    assert checked_duration("--for", text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-1", "10d", "1e3", "nan", "s", "1:30"])
def test_what_is_no_time_is_one_line(text: str) -> None:
    with pytest.raises(UsageError, match="give a time such as"):
        checked_duration("--for", text)
