"""energyprof.measure() in real programs, beside a meter that shows 50 W."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import Command

from fakes.devices import recorded, until

pytestmark = pytest.mark.slow  # every program starts a profiler of its own


def program(command: Command, code: str) -> Any:
    """What the program prints as JSON in its last line."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=command.folder,
        env=command.environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def reports(command: Command) -> list[dict[str, Any]]:
    folder = command.folder / "energyprof-reports"
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def test_a_window_knows_its_energy_at_once_and_the_report_says_the_same(command: Command) -> None:
    said = program(
        command,
        """
        import energyprof, json, time
        with energyprof.measure("work") as m:
            time.sleep(1.0)
            opened = m.energy_j
        m_j, u_j, power_w = m.energy_j, m.energy_u_j, m.power_w
        window = m.report.runs[-1].windows[0]
        print(json.dumps([opened, m_j, u_j, power_w, m.time_s, window.energy_j, energyprof.energy()]))
        """,
    )
    opened_j, energy_j, u_j, power_w, time_s, reported_j, all_j = said
    assert abs(energy_j - 50 * time_s) <= u_j
    assert energy_j / power_w == pytest.approx(time_s, rel=0.05)
    assert 0 < opened_j <= energy_j + u_j
    assert reported_j == pytest.approx(energy_j, abs=u_j)
    assert all_j >= reported_j - u_j
    (report,) = reports(command)
    (window,) = report["runs"][0]["windows"]
    assert window["name"] == "work"
    assert window["energy_j"] == pytest.approx(energy_j, abs=u_j)
    assert report["runs"][0]["status"] == "done"
    (path,) = command.folder.glob("energyprof-reports/*.json")
    assert command("recompute", str(path)).returncode == 0


def test_windows_nest_repeat_and_decorate_functions(command: Command) -> None:
    program(
        command,
        """
        import asyncio, energyprof, threading, time

        @energyprof.measure()
        def step():
            time.sleep(0.05)

        @energyprof.measure("waits")
        async def waits():
            await asyncio.sleep(0.3)

        @energyprof.measure("yields")
        def yields():
            for item in range(3):
                time.sleep(0.1)
                yield item
            return "all"

        @energyprof.measure("yields later")
        async def yields_later():
            for item in range(3):
                await asyncio.sleep(0.1)
                yield item

        def passed_on():
            assert (yield from yields()) == "all"

        async def taken():
            return [item async for item in yields_later()]

        assert list(passed_on()) == asyncio.run(taken()) == [0, 1, 2]
        with energyprof.measure("outer") as outer:
            outer.samples = 32
            for _ in range(3):
                step()
        thread = threading.Thread(target=step)
        thread.start()
        asyncio.run(waits())
        thread.join()
        try:
            with energyprof.measure("fails"):
                raise KeyError
        except KeyError:
            print("null")
        """,
    )
    windows = reports(command)[0]["runs"][0]["windows"]
    assert [w["name"] for w in windows].count("step") == 4
    by_name = {w["name"]: w for w in windows}
    assert by_name["outer"]["samples"] == 32
    for lasting in ("waits", "yields", "yields later"):
        assert by_name[lasting]["end_s"] - by_name[lasting]["start_s"] >= 0.3
    assert "fails" in by_name


def test_under_exec_the_outer_profiler_serves(command: Command) -> None:
    (command.folder / "it.py").write_text(
        "import energyprof, time\n"
        "with energyprof.measure('inside') as m:\n    time.sleep(0.5)\n"
        "open('joules', 'w').write(repr((m.energy_j, m.energy_u_j)))\n"
    )
    done = command("exec", "--idle", "0", "-o", "r.json", "--quiet", "--", sys.executable, "it.py")
    assert done.returncode == 0, done.stderr
    (window,) = command.report()["runs"][0]["windows"]
    energy_j, u_j = eval((command.folder / "joules").read_text())
    assert window["energy_j"] == pytest.approx(energy_j, abs=u_j)
    assert reports(command) == []
    assert "inside" in command("show", "r.json").stdout


def test_nothing_is_lost_when_the_program_is_killed(command: Command) -> None:
    code = (
        "import energyprof, time\nwith energyprof.measure('long'):\n print('in', flush=True)\n time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=command.folder,
        env=command.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as killed:
        assert killed.stdout is not None
        killed.stdout.readline()
        time.sleep(0.5)
        killed.kill()
    report = ended(command)
    (window,) = report["runs"][0]["windows"]
    assert window["name"] == "long"
    assert window["energy_j"] == pytest.approx(50 * (window["end_s"] - window["start_s"]), rel=0.2)


def ended(command: Command) -> dict[str, Any]:
    """The only report, once its profiler has written the last of it."""
    for _ in range(2000):
        for report in reports(command):
            if report["runs"] and report["runs"][0]["status"] == "done":
                return report
        time.sleep(0.01)
    raise AssertionError(reports(command))


def test_of_ranks_launched_together_the_first_measures(command: Command) -> None:
    code = textwrap.dedent(
        """
        import energyprof, json, time
        with energyprof.measure("step") as m:
            time.sleep(0.3)
        print(json.dumps(m.energy_j))
        """
    )
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=command.folder,
            env=command.environment(RANK=str(rank), WORLD_SIZE="4"),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for rank in range(4)
    ]
    said = [json.loads(rank.communicate(timeout=60)[0]) for rank in ranks]
    assert said[0] is not None
    assert said[1:] == [None, None, None]
    assert len(reports(command)) == 1


def test_a_profiler_that_cannot_start_costs_the_program_nothing(command: Command) -> None:
    said = program(
        command,
        """
        import energyprof, json, warnings
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            started = energyprof.start(meters="nvml")
            with energyprof.measure("work") as m:
                pass
        print(json.dumps([started, m.energy_j, m.report, len(caught), str(caught[0].message)]))
        """,
    )
    assert said[:4] == [False, None, None, 1]
    assert "measures nothing" in said[4]


def test_a_fork_speaks_to_its_parent_s_profiler_and_does_not_end_it(command: Command) -> None:
    said = program(
        command,
        """
        import energyprof, json, os, sys, time
        with energyprof.measure("outer") as outer:
            if os.fork() == 0:
                with energyprof.measure("forked"):
                    time.sleep(0.2)
                sys.stdout.flush()
                os._exit(0)
            os.wait()
            time.sleep(0.2)
        print(json.dumps(outer.energy_j))
        """,
    )
    assert said is not None
    assert [w["name"] for w in reports(command)[0]["runs"][0]["windows"]] == ["outer", "forked"]


def test_after_stop_a_new_profiler_may_be_started(command: Command) -> None:
    program(
        command,
        """
        import energyprof, json, time
        for name in ("first", "second"):
            energyprof.start(meters="rapl", output=f"{name}.json")
            with energyprof.measure(name) as m:
                time.sleep(0.3)
            m.energy_j
            energyprof.stop()
        print("null")
        """,
    )
    for name in ("first", "second"):
        assert [w["name"] for w in command.report(f"{name}.json")["runs"][0]["windows"]] == [name]


def test_it_can_be_called_when_the_package_of_its_name_is_loaded() -> None:
    import energyprof
    import energyprof.measure.meters

    assert energyprof.measure("it").name == "it"  # type: ignore[operator, unused-ignore]


def test_the_profiler_is_not_part_of_the_program(command: Command) -> None:
    """Its processor time would be taken for the program's."""
    program(
        command,
        """
        import energyprof, time
        with energyprof.measure("sleeps"):
            time.sleep(1.5)
        print("null")
        """,
    )
    run = reports(command)[0]["runs"][0]
    assert run["total_cpu_s"] < run["profiler"]["cpu_s"]


def test_the_blocks_of_the_docs_run_as_they_stand(command: Command) -> None:
    text = (Path(__file__).parents[2] / "docs/program.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    said = [program(command, f"{block}\nprint('null')") for block in blocks]
    assert said == [None, None]
    assert [len(report["runs"][0]["windows"]) for report in reports(command)] == [1, 3]


def test_loading_it_is_light() -> None:
    heavy = {"subprocess", "inspect", "pathlib", "dataclasses", "asyncio"}
    used = "energyprof.mark, energyprof.measure"  # what it has is loaded when it is used
    code = f"import sys, energyprof; {used}; print(sorted({heavy} & set(sys.modules)))"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.strip() == "[]"


def test_what_it_has_is_loaded_by_whoever_uses_it() -> None:
    code = """
import sys
import energyprof
print("energyprof.wire" in sys.modules)
print(set(energyprof.__all__) <= set(dir(energyprof)), hasattr(energyprof, "hello"))
from energyprof import *
import energyprof.measure.sampler
with energyprof.measure("x") as window, measure("y"):
    pass
print(energyprof.mark is mark, window.name, seed())
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "ENERGYPROF_WIRE": "/none"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.splitlines() == ["False", "True False", "True x 0"]


class TestAttach:
    @pytest.fixture
    def sleeping(self) -> Any:
        with subprocess.Popen(["sleep", "60"]) as process:
            yield process
            process.kill()

    def test_a_running_program_is_measured_for_a_while_and_goes_on(
        self, command: Command, sleeping: subprocess.Popen[bytes]
    ) -> None:
        done = command("attach", str(sleeping.pid), "--for", "0.6", "-o", "r.json")
        assert done.returncode == 0, done.stderr
        assert sleeping.poll() is None
        run = command.report()["runs"][0]
        assert (run["status"], run["exit_code"]) == ("done", None)
        assert run["energy_j"] == pytest.approx(50 * run["time_s"], rel=0.1)
        assert command.report()["workload"]["config"]["command"] == ["sleep", "60"]

    @staticmethod
    def to(command: Command, program: subprocess.Popen[bytes], *words: str) -> subprocess.Popen[str]:
        """The command once it meters."""
        attached = subprocess.Popen(
            command.arguments("attach", str(program.pid), "-o", "r.json", *words),
            cwd=command.folder,
            env=command.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert attached.stderr is not None
        # Beside other tests, it may first tell of what a killed profiler of theirs has left.
        told = next((line for line in attached.stderr if "goes on without a meter" not in line), "")
        assert told.startswith(f"metering process {program.pid} until it ends")
        return attached

    @pytest.mark.parametrize(
        ("words", "phases"), [((), ["run"]), (("--idle", "0.5"), ["run", "cooldown", "idle"])]
    )
    def test_it_ends_with_the_program(
        self,
        command: Command,
        sleeping: subprocess.Popen[bytes],
        words: tuple[str, ...],
        phases: list[str],
    ) -> None:
        attached = self.to(command, sleeping, *words)
        # Of a program that has ended before the first two readings nobody knows the energy.
        until(lambda: recorded(command.folder / "r.json").count(b"rapl:package-0,") > 2)
        sleeping.kill()
        sleeping.wait()
        attached.communicate(timeout=60)
        assert attached.returncode == 0
        run = command.report()["runs"][0]
        assert run["status"] == "done"
        assert [phase["name"] for phase in run["phases"]] == phases

    def test_ctrl_c_ends_the_measuring_alone(
        self, command: Command, sleeping: subprocess.Popen[bytes]
    ) -> None:
        attached = self.to(command, sleeping)
        attached.send_signal(signal.SIGINT)
        attached.communicate(timeout=60)
        assert attached.returncode == 0
        assert sleeping.poll() is None
        assert command.report()["runs"][0]["status"] == "done"

    def test_a_program_that_ended_before_its_profiler_was_there_hears_nothing(self, command: Command) -> None:
        with subprocess.Popen(["true"]) as process:
            process.wait()
        asked = {"pid": process.pid, "name": "", "meters": "auto", "interval_s": None, "output": None}
        done = command("for-program", json.dumps(asked))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert not (command.folder / "energyprof-reports").exists()

    def test_a_process_that_is_not_there_is_one_line(self, command: Command, one_error_line: Any) -> None:
        with subprocess.Popen(["true"]) as process:
            process.wait()
        assert "no such process" in one_error_line(command("attach", str(process.pid)))
        assert not (command.folder / "energyprof-reports").exists()
