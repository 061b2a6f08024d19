"""Levers turned for a training and put back: by `run`, `exec` and `ab`, whatever ends them."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Command, one_error_line

from fakes import levers as fakes
from fakes import nvml

MAX = f"{fakes.CPU}/cpufreq/policy0/scaling_max_freq"
SHOW = f"cat $ENERGYPROF_SYSFS_ROOT/{MAX}"


@pytest.fixture
def turning(command: Command, tmp_path: Path) -> Command:
    """The command on a machine with a frequency, a package's limit and a Jetson's modes to turn."""
    fakes.cpufreq(command.root, policies=(0,))
    return command


def state(tmp_path: Path) -> dict[str, str]:
    return {"ENERGYPROF_STATE": str(tmp_path / "state")}


def journals(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "state/levers").glob("*"))


def test_a_program_runs_with_the_lever_turned_and_it_is_put_back(turning: Command, tmp_path: Path) -> None:
    words = ("exec", "--idle", "0", "-o", "r.json", "--lever", "cpu.max_freq=2GHz")
    done = turning("exec", *words[1:], "--", "sh", "-c", SHOW, environment=state(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "2000000"
    assert (turning.root / MAX).read_text() == "3600000"
    assert turning.report()["runs"][0]["levers"] == [
        {
            "name": "cpu.max_freq",
            "device": "policy0",
            "before": "3.60 GHz",
            "asked": "2.00 GHz",
            "got": "2.00 GHz",
            "limit_w": None,
            "meter": "",
        }
    ]
    assert "cpu.max_freq:policy0 = 2.00 GHz (was 3.60 GHz)" in done.stderr
    assert journals(tmp_path) == []


@pytest.mark.slow
def test_a_report_with_levers_is_given_back_by_its_trace(turning: Command, tmp_path: Path) -> None:
    words = ("--idle", "0", "-o", "r.json", "--lever", "cpu.max_freq=2GHz")
    turning("exec", *words, "--", "true", environment=state(tmp_path))
    assert turning("recompute", "r.json", "-o", "again.json").returncode == 0
    assert turning.report("again.json")["runs"] == turning.report()["runs"]


@pytest.mark.slow
def test_a_value_that_it_has_already_is_not_written(turning: Command, tmp_path: Path) -> None:
    before = os.stat(turning.root / MAX).st_mtime_ns
    words = ("--idle", "0", "-o", "r.json", "--lever", "cpu.max_freq=3.6GHz")
    assert turning("exec", *words, "--", "true", environment=state(tmp_path)).returncode == 0
    assert os.stat(turning.root / MAX).st_mtime_ns == before


def test_a_lever_that_does_not_take_its_value_ends_it_before_the_program(
    turning: Command, tmp_path: Path
) -> None:
    path = turning.root / f"{fakes.CPU}/cpufreq/policy0/scaling_governor"
    path.unlink()
    path.symlink_to("/dev/null")  # takes every write, and keeps none
    words = ("--idle", "0", "--lever", "cpu.max_freq=2GHz", "--lever", "cpu.governor=performance")
    done = turning("exec", *words, "--", "touch", "ran", environment=state(tmp_path))
    assert "something else holds it" in one_error_line(done)
    assert not (turning.folder / "ran").exists()
    assert (turning.root / MAX).read_text().strip() == "3600000"
    assert journals(tmp_path) == []


@pytest.mark.slow
def test_what_may_not_be_turned_leaves_no_report(turning: Command, tmp_path: Path) -> None:
    for lever, words in (
        ("cpu.max_freq=9GHz", "use 800 MHz … 3.60 GHz"),
        ("cpu.power_limit=60W", "no package with a power limit"),
        ("gpu.power_limit=250W", "no NVIDIA driver; no AMD GPU"),
    ):
        done = turning("exec", "--idle", "0", "--lever", lever, "--", "true", environment=state(tmp_path))
        assert words in one_error_line(done)
    assert not (turning.folder / "energyprof-reports").exists()


def test_without_a_place_for_the_journal_nothing_is_turned(turning: Command, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    words = ("--idle", "0", "--lever", "cpu.max_freq=2GHz")
    done = turning("exec", *words, "--", "touch", "ran", environment=state(tmp_path))
    assert "no journal of levers can be written" in one_error_line(done)
    assert not (turning.folder / "ran").exists()
    assert (turning.root / MAX).read_text() == "3600000\n"


def until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def started(command: Command, environment: dict[str, str], *words: str) -> subprocess.Popen[bytes]:
    """A training that goes on for a minute, and ends with its profiler."""
    (command.folder / "train.py").write_text("import time\ntime.sleep(60)\n")
    return subprocess.Popen(
        command.arguments("run", "./train.py", "--idle", "0", *words),
        cwd=command.folder,
        env=command.environment(**environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_is_put_back_after_a_signal(turning: Command, tmp_path: Path, number: signal.Signals) -> None:
    process = started(turning, state(tmp_path), "--lever", "cpu.max_freq=2GHz")
    until(lambda: (turning.root / MAX).read_text() == "2000000")
    process.send_signal(number)
    process.wait(timeout=60)
    assert (turning.root / MAX).read_text() == "3600000"
    assert journals(tmp_path) == []


@pytest.mark.slow
def test_a_second_run_may_not_turn_the_same_lever(turning: Command, tmp_path: Path) -> None:
    process = started(turning, state(tmp_path), "--lever", "cpu.max_freq=2GHz")
    until(lambda: (turning.root / MAX).read_text() == "2000000")
    words = ("--idle", "0", "--lever", "cpu.max_freq=1GHz", "--", "true")
    done = turning("exec", *words, environment={"ENERGYPROF_STATE": str(tmp_path / "other")})
    assert "another energyprof has turned it" in one_error_line(done)
    assert turning("levers", "restore", environment=state(tmp_path)).stdout == "nothing was left turned\n"
    assert (turning.root / MAX).read_text() == "2000000"
    process.send_signal(signal.SIGINT)
    process.wait(timeout=60)


def everything(command: Command, tmp_path: Path) -> tuple[dict[str, str], Callable[[], tuple[str, ...]]]:
    """A machine with a lever of each sort, and how they all stand."""
    (tmp_path / "gpu").mkdir()
    library = nvml.environment(nvml.build(), state=tmp_path / "gpu")
    environment = {
        **state(tmp_path),
        **{name: value for name, value in library.items() if name.startswith(("FAKE_NVML", "LD_LIB"))},
        "PATH": fakes.on_path(fakes.jetson(command.root)),
    }

    def stand() -> tuple[str, ...]:
        limit = tmp_path / "gpu/limit_mw-0"
        return (
            (command.root / MAX).read_text().strip(),
            limit.read_text() if limit.exists() else "400000",
            (command.root / "var/lib/nvpmodel/status").read_text().split()[0],
            (command.root / "clocks").read_text().strip(),
        )

    return environment, stand


THREE = ("--lever", "gpu.power_limit=250W", "--lever", "cpu.max_freq=2GHz", "--lever", "jetson.mode=MAXN")


@pytest.mark.slow
def test_a_mode_and_the_clocks_that_it_sets_are_turned_together(turning: Command, tmp_path: Path) -> None:
    environment = {**state(tmp_path), "PATH": fakes.on_path(fakes.jetson(turning.root))}
    clocks = turning.root / "clocks"
    before = clocks.read_text()
    words = ("--idle", "0", "-o", "r.json", "--lever", "jetson.mode=MAXN", "--lever", "jetson.clocks=on")
    done = turning("exec", *words, "--", "sh", "-c", f"cat {clocks}; nvpmodel -q", environment=environment)
    assert done.returncode == 0, done.stderr
    assert "min_freq:2265600" in done.stdout
    assert "MAXN" in done.stdout
    assert clocks.read_text().strip() == before.strip()
    assert "pmode:0002" in (turning.root / "var/lib/nvpmodel/status").read_text()


@pytest.mark.slow  # programs that are killed after a while in real time
def test_what_a_killed_run_left_turned_the_next_start_puts_back(turning: Command, tmp_path: Path) -> None:
    environment, stand = everything(turning, tmp_path)
    before = stand()
    for wait_s in (None, 0.0, 0.02, 0.05, 0.1, 0.2):
        process = started(turning, environment, *THREE)
        if wait_s is None:
            until(lambda: stand()[:3] == ("2000000", "250000", "pmode:0000"))
        else:
            until(lambda: bool(journals(tmp_path)))
            time.sleep(wait_s)
        process.kill()
        process.wait()
        done = turning("exec", "--idle", "0", "--quiet", "--", "true", environment=environment)
        assert done.returncode == 0, done.stderr
        assert stand() == before, done.stderr
        assert journals(tmp_path) == []


@pytest.mark.slow
def test_the_restoring_says_what_it_put_back_and_what_it_could_not(turning: Command, tmp_path: Path) -> None:
    process = started(turning, state(tmp_path), "--lever", "cpu.max_freq=2GHz")
    until(lambda: (turning.root / MAX).read_text() == "2000000")
    process.kill()
    process.wait()
    path = turning.root / MAX
    hidden = path.rename(path.with_name("hidden"))
    done = turning("levers", "restore", environment=state(tmp_path))
    assert done.returncode == 2
    assert done.stdout.startswith("not put back: cpu.max_freq:policy0: ")
    assert len(journals(tmp_path)) == 1
    hidden.rename(path)
    done = turning("levers", "restore", environment=state(tmp_path))
    assert (done.returncode, done.stdout) == (
        0,
        "cpu.max_freq:policy0 is put back to 3600000: a run that turned it was killed\n",
    )
    assert path.read_text() == "3600000"


def left(command: Command, tmp_path: Path, text: str) -> Path:
    """A journal that nobody holds."""
    path = tmp_path / "state/levers/x.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def entry(address: str, before: str, lasts: str = "boot") -> dict[str, str]:
    return {"name": "it", "address": address, "lasts": lasts, "before": before}


def test_what_a_reboot_put_back_is_not_written(turning: Command, tmp_path: Path) -> None:
    (turning.root / "proc/sys/kernel/random").mkdir(parents=True)
    (turning.root / "proc/sys/kernel/random/boot_id").write_text("second\n")
    (turning.root / "var/lib/nvpmodel").mkdir(parents=True)
    environment = {**state(tmp_path), "PATH": fakes.on_path(fakes.jetson(turning.root, mode=0))}
    entries = [entry(f"sysfs:{MAX}", "1000000"), entry("jetson:mode", "2", "always")]
    content = {"schema": "energyprof.levers/1", "boot": "first", "entries": entries}
    path = left(turning, tmp_path, json.dumps(content))
    assert turning("levers", "restore", environment=environment).returncode == 0
    assert (turning.root / MAX).read_text() == "3600000\n"
    assert "pmode:0002" in (turning.root / "var/lib/nvpmodel/status").read_text()
    assert not path.exists()


SCHEMA_ALONE = '{"schema": "energyprof.levers/1"}'


@pytest.mark.parametrize("text", ["", "{}", "[]", SCHEMA_ALONE, "\x00\xff", "{" * 5000])
def test_a_journal_that_is_none_is_said_and_left_alone(turning: Command, tmp_path: Path, text: str) -> None:
    path = left(turning, tmp_path, text)
    done = turning("exec", "--idle", "0", "--quiet", "--", "true", environment=state(tmp_path))
    assert done.returncode == 0
    assert len([line for line in done.stderr.splitlines() if str(path) in line]) == 1
    assert "Traceback" not in done.stderr
    assert path.exists()


@pytest.mark.slow
def test_a_limit_that_the_power_never_came_near_is_said(turning: Command, tmp_path: Path) -> None:
    zone = turning.root / "sys/class/powercap/intel-rapl:0"
    for name, text in (("name", "long_term"), ("power_limit_uw", "125000000"), ("max_power_uw", "125000000")):
        (zone / f"constraint_0_{name}").write_text(f"{text}\n")
    for limit, said in (("100W", True), ("52W", False)):
        words = ("--idle", "0", "-o", f"{limit}.json", "--lever", f"cpu.power_limit={limit}")
        done = turning("exec", *words, "--", "sleep", "1", environment=state(tmp_path))
        assert ("did not bind: rapl:package-0 drew at most" in " ".join(done.stderr.split())) == said


@pytest.mark.slow
def test_comparing_names_the_levers_of_each_report(turning: Command, tmp_path: Path) -> None:
    for name, words in (("a", ()), ("b", ("--lever", "cpu.max_freq=2GHz"))):
        done = turning(
            "exec", "--idle", "0", "-o", f"{name}.json", *words, "--", "true", environment=state(tmp_path)
        )
        assert done.returncode == 0
    out = turning("compare", "a.json", "b.json").stdout
    assert "levers: a: no lever turned" in out
    assert "levers: b: cpu.max_freq:policy0 = 2.00 GHz" in out


def test_the_list_says_what_there_is_and_why_not_the_rest(turning: Command) -> None:
    out = turning("levers", environment={"COLUMNS": "80"}).stdout
    assert re.search(r"cpu\.max_freq:policy0 +3\.60 GHz +800 MHz … 3\.60 GHz +yes", out)
    assert "no NVIDIA driver" in out
    assert all(len(line) <= 80 for line in out.splitlines())
    data = json.loads(turning("levers", "--json").stdout)
    assert {lever["name"] for lever in data["levers"]} == {
        "cpu.governor",
        "cpu.max_freq",
        "cpu.threads",
        "cpu.cores",
    }


@pytest.mark.slow
def test_names_of_levers_stay_whole_on_a_narrow_screen_and_remarks_stand_below(
    turning: Command, tmp_path: Path
) -> None:
    environment, _ = everything(turning, tmp_path)
    lines = turning("levers", environment={**environment, "COLUMNS": "80"}).stdout.splitlines()
    for label in ("cpu.max_freq:policy0", "gpu.power_limit:nvml:0", "gpu.clocks:nvml:0"):
        assert any(line.startswith(f"{label} ") for line in lines)
    remarks = " ".join(lines)
    assert "jetson.mode: MODE_10W only by a reboot" in remarks
    assert "if not, add it: 1200MHz,was=unlocked" in remarks
    assert all(len(line) <= 80 for line in lines)


@pytest.mark.slow
def test_a_program_inherits_threads_and_cores(turning: Command, tmp_path: Path) -> None:
    core = min(os.sched_getaffinity(0))
    words = ("--idle", "0", "--lever", "cpu.threads=1", "--lever", f"cpu.cores={core}")
    code = "import os; print(os.environ['OMP_NUM_THREADS'], os.sched_getaffinity(0))"
    done = turning("exec", *words, "--", "python3", "-c", code, environment=state(tmp_path))
    assert done.stdout == f"1 {{{core}}}\n"
    assert not (tmp_path / "state").exists()  # they end with their process


def test_the_name_that_keeps_others_away_is_let_go() -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("\0energyprof-lever-test")
    with socket.socket(socket.AF_UNIX) as other:
        other.bind("\0energyprof-lever-test")
