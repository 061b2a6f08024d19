"""``energyprof doctor --test`` and ``--meter-test``: real loads, fake machines, broken meters among them.

A busy machine makes levels unsure, and then no meter may be blamed for it: what is well is never called
broken, and what is broken for certain always is.
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from energyprof.report.meter_test.record import SCHEMA, MeterResult, MeterTestRecord, to_json
from energyprof.report.meter_test.steps import Step
from fakes import nvml, sysfs
from fakes.http_meters import ShellyRpc, serving
from fakes.loaded import LoadedMachine, one_processor

# What the loads leave behind as they start moves no meter here.
QUICK = {"energyprof.profile.meter_test:SETTLE_S": 0.2}
TORCH = Path(__file__).parent.parent / "fakes" / "gpu_torch"


def judged(command: Any, *words: str, **how: Any) -> tuple[Any, dict[str, Any]]:
    """What the command did, and its result for each meter; one processor is load enough."""
    with one_processor():
        return judged_of_all(command, *words, **how)


def judged_of_all(command: Any, *words: str, **how: Any) -> tuple[Any, dict[str, Any]]:
    """The same with all processors loaded."""
    done = command("doctor", "--test", "--json", *words, **how, constants=QUICK)
    assert done.returncode in (0, 4), done.stderr
    data = json.loads(done.stdout)
    assert done.returncode == (0 if data["passed"] else 4)
    return done, {result["meter"]: result for result in data["results"]}


@pytest.mark.slow
def test_meters_that_follow_and_those_that_do_not_are_told_apart(command: Any, tmp_path: Path) -> None:
    command.root = tmp_path / "loaded"
    machine = LoadedMachine(command.root)
    machine.zone(0)
    machine.zone(1, lambda at_s: 1000 * machine.energy_j(0, at_s))
    stuck = ShellyRpc(power=42.0, energy=False)
    with machine.running(), serving(stuck) as address:
        words = ("--seconds", "1.5", "--meters", f"rapl,shelly={address}", "-o", "kept.json")
        done, found = judged_of_all(command, *words, environment={"COLUMNS": "80"})
    assert (
        found["rapl:package-0"]["state"] in ("follows", "unclear") and not found["rapl:package-0"]["broken"]
    )
    assert found["rapl:package-1"]["implausible"] == "above_any"
    assert found[f"shelly:{address}"]["state"] == "frozen"
    assert f"shelly:{address} shows 42.0 W throughout, whatever the load" in " ".join(done.stderr.split())
    assert all(len(line) <= 80 for line in done.stderr.splitlines())
    assert json.loads(done.stdout) == json.loads((command.folder / "kept.json").read_text())


class SlowPlug(ShellyRpc):
    """A plug of a machine that shows the mean of the last 3 s."""

    machine: LoadedMachine

    @property
    def power_w(self) -> float:
        return 40 + 1.3 * self.machine.power_w(time.monotonic(), 3.0)


@pytest.mark.slow
def test_over_what_a_plug_averages_is_measured(command: Any, tmp_path: Path) -> None:
    command.root = tmp_path / "loaded"
    plug = SlowPlug(energy=False)
    plug.machine = LoadedMachine(command.root)
    with plug.machine.running(), serving(plug) as address:
        _, found = judged(command, "--seconds", "5", "--meters", f"shelly={address}")
    result = found[f"shelly:{address}"]
    assert result["state"] in ("follows", "unclear") and not result["broken"]
    if result["state"] == "follows" and result["window_s"] is not None:
        assert result["window_s"] == pytest.approx(3, abs=1)


@pytest.mark.slow
@pytest.mark.parametrize("order", ["0,1", "1,0"])
def test_each_gpus_load_is_looked_for_on_its_own_meter(command: Any, tmp_path: Path, order: str) -> None:
    (tmp_path / "work").mkdir(exist_ok=True)
    work = tmp_path / "gpus"
    work.mkdir()
    settings = {"gpus": 2, "wave": "constant:25:25", "load": work, "load_order": order}
    environment = nvml.environment(nvml.build(), **settings)
    environment |= {"FAKE_TORCH_WORK": str(work), "FAKE_TORCH_GPUS": "2", "PYTHONPATH": str(TORCH)}
    _, found = judged(command, "--seconds", "0.8", "--meters", "nvml", environment=environment)
    for number in (0, 1):
        result = found[f"nvml:{number}"]
        own, other = f"GPU {number}", f"GPU {1 - number}"
        if order == "0,1":
            assert result["state"] in ("follows", "unclear") and not result["broken"]
            assert own in result["follows"] or result["state"] == "unclear"
        else:
            assert result["state"] in ("elsewhere", "unclear")
            assert result["follows"] in ([other], []) and own not in result["follows"]


@pytest.mark.slow
def test_a_gpu_that_cannot_be_loaded_is_read_and_says_why(command: Any, tmp_path: Path) -> None:
    environment = nvml.environment(nvml.build(), wave="constant:35:35")
    environment |= {"FAKE_TORCH_WORK": str(tmp_path), "FAKE_TORCH_GPUS": "0", "PYTHONPATH": str(TORCH)}
    done, found = judged(command, "--seconds", "0.5", "--meters", "nvml", environment=environment)
    assert found["nvml:0"]["state"] == "unloaded"
    assert found["nvml:0"]["idle_w"] == pytest.approx(35, rel=0.2)
    assert "sees no GPU; --python PATH names an interpreter" in " ".join(done.stderr.split())


@pytest.mark.slow
def test_a_load_that_breaks_off_blames_no_meter(command: Any, tmp_path: Path) -> None:
    environment = nvml.environment(nvml.build(), wave="constant:35:35")
    environment |= {"FAKE_TORCH_WORK": str(tmp_path), "FAKE_TORCH_PRODUCTS": "3", "PYTHONPATH": str(TORCH)}
    done, found = judged(command, "--seconds", "0.5", "--meters", "nvml", environment=environment)
    assert (found["nvml:0"]["state"], found["nvml:0"]["broken"]) == ("unloaded", False)
    assert "GPU 0 not loaded: the process that was to load it ended before" in " ".join(done.stderr.split())


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_whatever_ends_it_ends_the_load(command: Any, tmp_path: Path, number: signal.Signals) -> None:
    command.root = tmp_path / "loaded"
    machine = LoadedMachine(command.root)
    machine.zone(0)
    with machine.running():
        words = command.arguments("doctor", "--test", "--seconds", "60")
        with subprocess.Popen(words, cwd=command.folder, env=command.environment()) as process:
            until(lambda: bool(machine.loads()))
            process.send_signal(number)
            process.wait(60)
        assert process.returncode == -number
        until(lambda: not machine.loads())


def until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def test_where_there_is_no_meter_it_says_so(command: Any, one_error_line: Any) -> None:
    command.root = command.folder / "vm"
    sysfs.cpuinfo(command.root, virtual=True)
    line = one_error_line(command("doctor", "--test"))
    assert line.startswith("error: there is no meter here to test (rapl absent: a virtual machine")
    assert "--meters names one that has an address" in line


@pytest.mark.parametrize(
    ("asked", "reason"),
    [("none", "none was asked for"), ("csv=wall.csv", "csv:wall.csv is not one that is read now")],
)
def test_what_is_not_read_now_cannot_be_tested(
    command: Any, one_error_line: Any, asked: str, reason: str
) -> None:
    (command.folder / "wall.csv").write_text(
        "time,power_w\n2026-11-29T01:02:03Z,50\n2026-11-29T01:02:04Z,51\n"
    )
    assert f"no meter here to test ({reason})" in one_error_line(
        command("doctor", "--test", "--meters", asked)
    )


@pytest.mark.slow
def test_of_what_was_asked_for_and_is_not_there_nothing_else_is_tested(
    command: Any, one_error_line: Any
) -> None:
    # The machine has a counter that auto would take.
    sysfs.zone(command.root, "intel-rapl:7", "package-7")
    with serving(ShellyRpc(fault="500")) as address:
        line = one_error_line(command("doctor", "--test", "--meters", f"shelly={address}"))
    assert f"no meter here to test (shelly={address} blocked: HTTP 500 in answer to" in line


@pytest.mark.slow
def test_beside_a_meter_that_is_there_those_that_are_not_are_named(command: Any, tmp_path: Path) -> None:
    command.root = tmp_path / "loaded"
    machine = LoadedMachine(command.root)
    machine.zone(0)
    with machine.running(), serving(ShellyRpc(fault="500")) as address:
        done, found = judged(command, "--seconds", "0.5", "--meters", f"rapl,shelly={address}")
    away = found[f"shelly={address}"]
    assert (away["state"], away["broken"], done.returncode) == ("dead", True, 4)
    assert away["problem"].startswith("HTTP 500 in answer to")


@pytest.mark.slow
def test_what_auto_could_not_read_is_a_note(command: Any, tmp_path: Path) -> None:
    command.root = tmp_path / "loaded"
    machine = LoadedMachine(command.root)
    machine.zone(0)
    sysfs.zone(command.root, "intel-rapl:1", "package-1", energy_uj=None)
    with machine.running():
        done, _ = judged(command, "--seconds", "0.5")
    (note,) = json.loads(done.stdout)["notes"]
    assert note.startswith("rapl is not whole: rapl:package-1: ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--output", "x.json"), "--output, --force and --python: only with --test"),
        (("--test", "--seconds", "0.1"), "a step of the test lasts 0.5 to 300 s"),
        (("--test", "--output", "there.json"), "there.json: already exists"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_loaded(
    command: Any, one_error_line: Any, words: tuple[str, ...], said: str
) -> None:
    (command.folder / "there.json").write_text("precious")
    assert said in one_error_line(command("doctor", *words))
    assert (command.folder / "there.json").read_text() == "precious"


def kept(command: Any, meter: dict[str, Any], **found: Any) -> None:
    """A file ``test.json`` of that meter of a report."""
    info = meter["info"]
    fields = {"state": "follows", "idle_w": 12.0, "full_w": 61.0, "finest_s": 0.2, **found}
    result = MeterResult(info["name"], info["device"], info["method"], info["part"], **fields)
    steps = (Step(0, 1, (), 0.0),)
    record = MeterTestRecord(SCHEMA, "2026-11-29T01:02:03.000Z", "0", "fake", (), steps, (result,))
    (command.folder / "test.json").write_text(to_json(record))


@pytest.mark.slow
def test_what_was_measured_of_a_meter_is_in_the_report_and_recomputes(command: Any) -> None:
    with serving(ShellyRpc(energy=False)) as address:
        words = ("exec", "--idle", "0", "--meters", f"shelly={address}")
        command(*words, "-o", "before.json", "--", "sleep", "1.2")
        (before,) = command.report("before.json")["meters"]
        kept(command, before, window_s=3.0, delay_s=1.5)
        done = command(*words, "--meter-test", "test.json", "-o", "after.json", "--", "sleep", "1.2")
    assert done.returncode == 0, done.stderr
    (after,) = command.report("after.json")["meters"]
    assert (before["info"]["window_s"], before["info"]["window_assumed"]) == (1.0, True)
    changed = {key for key, value in after["info"].items() if before["info"][key] != value}
    assert changed == {"window_s", "window_assumed", "delay_s", "delay_a_s", "tested"}
    assert (after["info"]["window_s"], after["info"]["delay_s"]) == (3.0, 1.5)
    assert after["info"]["tested"] == "test.json, 2026-11-29"
    said = " ".join(done.stderr.split())
    assert "tested: renewed every 1.0 s, averages over 3.0 s, 1.5 s late (test.json, 2026-11-29)" in said
    command("recompute", "after.json", "-o", "again.json")
    assert command.report("again.json") == command.report("after.json")


@pytest.mark.slow
def test_a_meter_that_was_found_to_be_broken_is_a_note(command: Any) -> None:
    command("exec", "--idle", "0", "-o", "before.json", "--", "true")
    kept(command, command.report("before.json")["meters"][0], state="unmoved")
    command("exec", "--idle", "0", "--meter-test", "test.json", "-o", "after.json", "--", "true")
    assert (
        "rapl:package-0: found to be broken by the meter test test.json"
        in command.report("after.json")["notes"]
    )


@pytest.mark.slow
def test_a_test_of_other_meters_is_refused(command: Any, one_error_line: Any) -> None:
    command("exec", "--idle", "0", "-o", "before.json", "--", "true")
    (meter,) = command.report("before.json")["meters"]
    kept(command, {"info": {**meter["info"], "device": "another"}})
    words = ("exec", "--idle", "0", "--meter-test", "test.json", "--", "true")
    assert "test.json: tested rapl:package-0 of another" in one_error_line(command(*words))
    kept(command, {"info": {**meter["info"], "name": "nvml:0"}})
    assert "a test of nvml:0, of which none is in use" in one_error_line(command(*words))
