"""``energyprof exec`` as its users meet it: real processes, real signals, one fake meter."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fakes.powercap import LAG_J

EXEC = ("exec", "--idle", "0", "--output", "r.json")


@pytest.mark.slow
@pytest.mark.parametrize("code", [0, 7, 255])
def test_the_programs_exit_code_is_passed_on(command: Any, code: int) -> None:
    done = command(*EXEC, "--", "sh", "-c", f"exit {code}")
    assert done.returncode == code
    run = command.report()["runs"][0]
    assert run["exit_code"] == code
    assert run["status"] == ("done" if code == 0 else "failed")


def test_a_program_that_a_signal_kills_gives_128_plus_its_number(command: Any) -> None:
    done = command(*EXEC, "--", "sh", "-c", "kill -SEGV $$")
    assert done.returncode == 128 + signal.SIGSEGV
    assert command.report()["runs"][0]["exit_code"] == -signal.SIGSEGV


def test_input_and_output_stay_the_programs_own(command: Any) -> None:
    done = command(*EXEC, "--", "sh", "-c", "cat; echo words >&2", input="what I typed\n")
    assert done.stdout == "what I typed\n"
    assert "words\n" in done.stderr


@pytest.mark.slow
def test_json_comes_after_the_programs_own_output_and_nothing_else(command: Any) -> None:
    done = command("exec", "--idle", "0", "--json", "--", "true")
    assert json.loads(done.stdout)["schema"] == "energyprof.report/2"


@pytest.mark.slow
def test_the_energy_is_power_times_time(command: Any) -> None:
    command(*EXEC, "--", "sleep", "1")
    run = command.report()["runs"][0]
    assert run["energy_j"] == pytest.approx(50 * run["time_s"], abs=LAG_J)
    assert run["energy_j"] >= 25
    assert run["coverage"] > 0.99
    assert [phase["name"] for phase in run["phases"]] == ["idle", "run"]


MARKS = """
import time, energyprof
energyprof.mark("loading")
time.sleep(0.4)
energyprof.mark("epoch 1")
for step in range(4):
    time.sleep(0.1)
    energyprof.progress(samples=8 * (step + 1))
energyprof.progress(samples=32, score=0.5)
energyprof.mark("epoch 2")
time.sleep(0.4)
energyprof.progress(samples=64, score=0.75)
"""


@pytest.mark.slow
def test_a_program_that_speaks_the_wire_has_its_own_phases_and_scores(command: Any) -> None:
    done = command(*EXEC, "--", sys.executable, "-c", MARKS)
    assert done.returncode == 0, done.stderr
    run = command.report()["runs"][0]
    assert [phase["name"] for phase in run["phases"]] == ["idle", "run", "loading", "epoch 1", "epoch 2"]
    assert [phase["samples"] for phase in run["phases"]][3:] == [32, 32]
    assert [(point["samples"], point["score"]) for point in run["history"]] == [(32, 0.5), (64, 0.75)]
    assert run["samples"] == 64
    assert run["score"] == 0.75
    parts = sum(phase["energy_j"] for phase in run["phases"] if phase["name"] != "idle")
    assert parts == pytest.approx(run["energy_j"])
    assert 0 < run["history"][0]["energy_j"] < run["history"][1]["energy_j"]


@pytest.mark.slow
def test_any_interpreter_can_import_energyprof_within_a_profile(command: Any, tmp_path: Path) -> None:
    # -S and an empty folder: nothing of our own environment is on the path.
    code = "import energyprof; energyprof.mark('found')"
    done = command(*EXEC, "--", sys.executable, "-S", "-c", code, environment={"PYTHONPATH": ""})
    assert done.returncode == 0, done.stderr
    assert command.report()["runs"][0]["phases"][-1]["name"] == "found"


@contextmanager
def waiting(command: Any, *words: str) -> Iterator[subprocess.Popen[str]]:
    """The command, in a session of its own, once its program has said ``ready``; then nothing is left."""
    with subprocess.Popen(
        command.arguments(*words),
        cwd=command.folder,
        env=command.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            subprocess.run(["pkill", "-KILL", "-s", str(process.pid)], check=False)


def until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_passed_on_and_the_report_says_interrupted(command: Any, number: signal.Signals) -> None:
    script = f"trap 'echo cleaned up; exit 9' {number.name[3:]}; echo ready; while :; do sleep 0.05; done"
    with waiting(command, *EXEC, "--", "bash", "-c", script) as process:
        process.send_signal(number)
        output, _ = process.communicate(timeout=60)
    assert "cleaned up" in output
    assert process.returncode == 9
    run = command.report()["runs"][0]
    assert run["status"] == "interrupted"
    assert {"kind": "interrupted", "meter": "", "detail": number.name} in run["flags"]
    assert run["energy_j"] > 0


@pytest.mark.slow
def test_a_second_ctrl_c_ends_a_program_that_ignores_the_first(command: Any) -> None:
    ignoring = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN)"
    code = f"{ignoring}; print('ready', flush=True); time.sleep(600)"
    with waiting(command, *EXEC, "--", sys.executable, "-c", code) as process:
        process.send_signal(signal.SIGINT)
        trace = command.folder / "r.trace.csv.gz"
        until(lambda: "interrupt" in subprocess.run(["zcat", trace], capture_output=True, text=True).stdout)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGKILL
    assert command.report()["runs"][0]["status"] == "interrupted"


@pytest.mark.slow
def test_kill_9_of_the_profiler_leaves_a_report_and_a_trace_that_read(command: Any) -> None:
    trace = command.folder / "r.trace.csv.gz"

    def lines() -> int:
        return subprocess.run(["zcat", trace], capture_output=True, text=True).stdout.count("rapl")

    with waiting(command, *EXEC, "--", "sh", "-c", "echo ready; exec sleep 600") as process:
        until(lambda: lines() > 20)
        process.kill()
    shown = command("show", "r.json")
    assert shown.returncode == 0
    assert "energyprof recompute r.json" in shown.stdout
    again = command("recompute", "r.json", "--output", "again.json")
    assert again.returncode == 0, again.stderr
    run = command.report("again.json")["runs"][0]
    assert run["status"] == "interrupted"
    assert run["energy_j"] == pytest.approx(50 * run["time_s"], abs=LAG_J)
    assert run["energy_j"] > 50


@pytest.mark.slow
def test_recompute_gives_the_same_report_digit_for_digit(command: Any) -> None:
    command(*EXEC, "--", sys.executable, "-c", MARKS.replace("0.4", "0.1"))
    done = command("recompute", "r.json", "--json")
    assert done.stdout == (command.folder / "r.json").read_text()
    assert "digit for digit" in done.stderr


@pytest.mark.slow
def test_a_meter_that_breaks_in_mid_run_neither_stops_the_program_nor_passes_for_quiet(command: Any) -> None:
    done = command(*EXEC, "--", "sh", "-c", f"sleep 1; touch {command.root}/break; sleep 1; exit 3")
    assert done.returncode == 3
    report = command.report()
    run = report["runs"][0]
    # What nobody saw is taken to have gone on, and may have been none or twice that.
    assert abs(run["energy_j"] - 50 * run["time_s"]) < LAG_J
    assert run["energy_u_j"] >= 50 * (run["time_s"] * (1 - run["coverage"]) - 0.1)
    assert run["coverage"] < 0.8
    assert {"kind": "lost", "meter": "rapl:package-0", "detail": ""} in run["flags"]
    assert report["meters"][0]["coverage"] < 0.8
    assert "cover only" in done.stderr


@pytest.mark.slow
def test_fifty_thousand_lines_on_stderr_are_the_programs_own(command: Any) -> None:
    done = command(*EXEC, "--", "sh", "-c", "yes complaint | head -50000 >&2")
    assert done.returncode == 0
    assert done.stderr.count("complaint\n") == 50000


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("exec", "--", "no-such-program"), "no-such-program: there is no such program"),
        (
            ("exec", "--", "/etc/passwd"),
            "/etc/passwd: is not executable; name what runs it: sh /etc/passwd, or",
        ),
        (("exec", "--", "/etc"), "/etc: is a folder; check the name"),
        (("exec", "--interval", "-1", "--", "true"), "--interval -1: give seconds between 0.001 and 3600"),
        (("exec", "--interval", "0", "--", "true"), "--interval 0: give seconds"),
        (("exec", "--interval", "nan", "--", "true"), "--interval nan: give seconds"),
        (("exec", "--idle", "-1", "--", "true"), "--idle -1: give seconds"),
        (
            ("exec", "--meters", "plutonium", "--", "true"),
            "no meter 'plutonium': choose from auto, none, rapl",
        ),
        (("exec", "--meters", "nvml", "--", "true"), "nvml is not here"),
        (("exec", "--meters", "", "--", "true"), "--meters: name at least one"),
        (
            ("exec", "--output", "/proc/nowhere/r.json", "--", "true"),
            "/proc/nowhere/r.json: cannot be written",
        ),
        (("exec", "--output", ".", "--", "true"), ".: is a folder"),
        (("show", "nothing.json"), "nothing.json: cannot be read: No such file"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    command: Any, one_error_line: Any, words: tuple[str, ...], says: str
) -> None:
    assert says in one_error_line(command(*words))
    assert list(command.folder.glob("*")) == []


@pytest.mark.slow
def test_a_report_that_exists_is_not_overwritten_unless_forced(command: Any, one_error_line: Any) -> None:
    (command.folder / "r.json").write_text("precious")
    assert "exists" in one_error_line(command(*EXEC, "--", "true"))
    assert (command.folder / "r.json").read_text() == "precious"
    assert command(*EXEC, "--force", "--", "true").returncode == 0


def test_without_a_meter_there_is_no_energy_and_no_zero(command: Any) -> None:
    command(*EXEC, "--meters", "none", "--", "true")
    report = command.report()
    assert report["runs"][0]["energy_j"] is None
    assert {"kind": "not_measured", "meter": "", "detail": ""} in report["runs"][0]["flags"]
    assert report["boundary"] is None


def test_a_program_given_its_own_help_flag_gets_it(command: Any) -> None:
    done = command(*EXEC, "--", "echo", "--help", "-h", "--json")
    assert done.stdout == "--help -h --json\n"


@pytest.mark.slow
def test_with_no_room_on_any_disk_the_report_is_printed(command: Any) -> None:
    # A limit on the size of files refuses writes as a full disk does: in mid-trace, then to the report.
    words = " ".join(
        command.arguments("exec", "--idle", "0", "--interval", "0.001", "-o", "r.json", "--", "sleep", "2")
    )
    done = subprocess.run(
        ["bash", "-c", f"ulimit -S -f 6; trap '' XFSZ; {words}"],
        cwd=command.folder,
        env=command.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "error: r.json: cannot be written, and no other disk has room" in done.stderr
    run = json.loads(done.stdout)["runs"][0]
    assert run["energy_j"] == pytest.approx(50 * run["time_s"], abs=LAG_J)


@pytest.mark.slow
def test_a_full_disk_sends_the_report_elsewhere(command: Any) -> None:
    small = command.folder / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(small)], check=False)
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk needs root")
    try:
        done = command(
            "exec", "--idle", "0", "--interval", "0.001", "-o", "small/r.json", "--", "sleep", "2",
            environment={"TMPDIR": str(command.folder)},
        )  # fmt: skip
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert done.returncode == 0
    (line,) = (
        line for line in done.stderr.splitlines() if line.startswith("error: small/r.json: the disk is full")
    )
    spare = Path(line.rpartition(" ")[2])
    assert command("recompute", str(spare)).stdout.count("digit for digit") == 1


@pytest.mark.slow
def test_where_a_real_meter_is_required_an_estimate_will_not_do(command: Any, tmp_path: Path) -> None:
    words = ("exec", "--idle", "0", "--require-power", "-o", "r.json")
    assert command(*words, "--", "true").returncode == 0
    (tmp_path / "bare").mkdir()
    for meters in ("auto", "none"):
        done = command(
            *words, "--force", "--meters", meters, "--", "touch", "ran",
            environment={"ENERGYPROF_SYSFS_ROOT": str(tmp_path / "bare")},
        )  # fmt: skip
        assert (done.returncode, len(done.stderr.splitlines())) == (4, 1)
        assert "nothing here measures the power" in done.stderr
    assert not (command.folder / "ran").exists()


@pytest.mark.slow
def test_a_machine_that_is_given_a_name_is_known_by_it(command: Any) -> None:
    assert command(*EXEC, "--machine", "ci-7", "--", "true").returncode == 0
    (node,) = command.report()["nodes"]
    assert node["machine"]["named"] == "ci-7" and node["machine"]["id"].startswith("sha256:")
    done = command("exec", "--idle", "0", "--machine", " ", "--", "true")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1) and "--machine" in done.stderr


@pytest.mark.slow
def test_a_script_without_an_interpreter_is_told_what_to_type_which_works(command: Any) -> None:
    script = command.folder / "my steps.sh"
    script.write_text("exit 7\n")
    script.chmod(0o755)
    refused = command(*EXEC, "--", str(script))
    assert (
        refused.returncode == 2
        and "has no #! line, nor is it a program; name what runs it:" in refused.stderr
    )
    advised = shlex.split(refused.stderr.rpartition("runs it: ")[2])
    assert command(*EXEC, "--force", "--", *advised).returncode == 7
