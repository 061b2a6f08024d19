"""``doctor --nodes``: what other nodes can measure, asked through a fake ssh."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes import sysfs
from fakes.powercap import LAG_J, LivePowercap
from fakes.remote import Machines
from fakes.waveform import constant

VIA = ("--via", "ssh {node}")


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    """``good`` has a processor's counters, ``bare`` no meter, ``shut`` counters that only root reads."""
    found = Machines(tmp_path / "machines-of-ssh")
    powercap = LivePowercap(found.add("good"), constant(50), packages=2)
    sysfs.cpuinfo(found.add("bare"))
    shut = found.add("shut")
    sysfs.cpuinfo(shut)
    sysfs.zone(shut, "intel-rapl:0", "package-0", None)
    yield found
    powercap.close()


def ask(command: Any, machines: Machines, nodes: str, *words: str) -> Any:
    """With a look of 1 s, in which a counter that the machine holds up is still renewed."""
    asked = ("doctor", "--nodes", nodes, "--seconds", "1", *words)
    return command(*asked, environment={"PATH": machines.path})


def rows(text: str) -> dict[str, str]:
    return {line.split()[0]: line for line in text.splitlines()[1:] if line and line[0] != "!"}


@pytest.mark.slow
def test_each_node_has_a_row_and_what_is_blocked_has_its_remedy(command: Any, machines: Machines) -> None:
    done = ask(command, machines, "good,bare,shut", *VIA)
    assert done.returncode == 0, done.stderr
    table = rows(done.stdout)
    *words, power_w, unit = table["good"].split()
    assert words == ["good", "inside", "the", "chips", "rapl:package-0,", "rapl:package-1"]
    assert float(power_w) == pytest.approx(100, abs=2 * LAG_J) and unit == "W"
    assert "nothing" in table["bare"] and "nothing" in table["shut"]
    said = " ".join(done.stdout.split())
    assert "! shut: rapl is blocked: " in said and "; there: " in said
    assert said.endswith("inside the chips: good; nothing: bare, shut")
    # In a pipe a line of words stays whole.
    assert max(len(line) for line in done.stdout.splitlines() if line[:1] != "!") <= 80


def any_power(text: str) -> list[list[str]]:
    """Words line by line; how many watts a busy machine's counters show is its affair."""
    return [re.sub(r"[\d.]+ W\b", "… W", line).split() for line in text.strip().splitlines()]


@pytest.mark.slow
def test_the_page_shows_what_is_printed(command: Any, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/cluster-nodes.md").read_text()
    block = re.search(r"```console\n\$ energyprof (doctor [^\n]*)\n(.*?)```", page, re.DOTALL)
    assert block is not None
    machines = Machines(tmp_path / "of-the-page")
    powercaps = [LivePowercap(machines.add(f"gros-{n}"), constant(50), packages=2) for n in (1, 2)]
    sysfs.cpuinfo(machines.add("xavier"))
    done = command(*shlex.split(block[1]), environment={"PATH": machines.path})
    for powercap in powercaps:
        powercap.close()
    assert any_power(done.stdout) == any_power(block[2])


@pytest.mark.slow
def test_nodes_alike_can_be_added(command: Any, machines: Machines) -> None:
    done = ask(command, machines, "good", *VIA)
    assert "their joules can be added" in " ".join(done.stdout.split())


@pytest.mark.slow
def test_a_node_that_cannot_be_reached_is_named_and_the_others_stand(
    command: Any, machines: Machines
) -> None:
    done = ask(command, machines, "gone,good", *VIA)
    assert done.returncode == 2
    assert rows(done.stdout)["good"].endswith(" W") and "no answer" in rows(done.stdout)["gone"]
    (line,) = done.stderr.strip().splitlines()
    assert line == (
        "error: 1 of 2 nodes gave no answer: gone: "
        "ssh: Could not resolve hostname gone: Name or service not known"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("#!/bin/sh\necho 'Traceback' >&2\necho 'ModuleNotFoundError: no typer' >&2\nexit 1\n", "no typer"),
        ("#!/bin/sh\necho '{\"machine\": {}}'\n", "not an answer of energyprof doctor: its answer"),
        ("#!/bin/sh\necho '{\"machine\": '\n", "cut off, or not JSON"),
        ("#!/bin/sh\nexit 0\n", "ended with exit code 0 and said nothing"),
        ("#!/bin/sh\nprintf '\\033[2Jmine' >&2; exit 3\n", "?[2Jmine"),
    ],
)
def test_a_node_that_answers_something_else_is_named(
    command: Any, machines: Machines, program: str, said: str
) -> None:
    machines.add("odd", program)
    done = ask(command, machines, "odd,good", *VIA)
    assert done.returncode == 2
    assert said in done.stderr and "\033" not in done.stderr + done.stdout
    assert rows(done.stdout)["good"].endswith(" W")


@pytest.mark.slow
def test_a_greeting_is_no_answer_and_a_clock_that_is_off_is_named(command: Any, machines: Machines) -> None:
    machines.greet("good", "Welcome {all}\n{")
    late = machines.add(
        "late",
        f'#!/bin/sh\n{sys.executable} -m energyprof "$@" | sed \'s/"time": "20../"time": "2099/\'\n',
    )
    sysfs.cpuinfo(late)
    done = ask(command, machines, "late", *VIA)
    assert "late: its clock is" in done.stdout and "ahead of this machine's" in " ".join(done.stdout.split())
    machines.greet("good", "Welcome\n")
    assert ask(command, machines, "good", *VIA).returncode == 0


@pytest.mark.slow
def test_json_has_each_nodes_own_diagnosis(command: Any, machines: Machines) -> None:
    done = ask(command, machines, "good,gone", *VIA, "--json")
    assert done.returncode == 2
    good, gone = json.loads(done.stdout)["nodes"]
    assert good["diagnosis"]["auto"]["meters"] == ["rapl:package-0", "rapl:package-1"]
    assert good["problem"] is None and gone["diagnosis"] is None and "not resolve" in gone["problem"]
    assert good["clock_ahead_s"] == 0


@pytest.mark.slow
def test_how_energyprof_is_called_there_may_end_the_template(command: Any, machines: Machines) -> None:
    ask(
        command, machines, "good", "--via", "ssh -p 22 {node} nice -n 1 energyprof", "--meters", "rapl;{node}"
    )
    (asked,) = machines.asked()
    assert asked[:6] == ["-p", "22", "good", "nice", "-n", "1"]
    assert asked[6:8] == ["energyprof", "doctor"]
    assert asked[-1] == "'rapl;good'"  # a shell reads it


@pytest.mark.slow
def test_the_default_asks_for_no_password(command: Any, machines: Machines) -> None:
    ask(command, machines, "good")
    assert machines.asked()[0][:3] == ["-o", "BatchMode=yes", "good"]


@pytest.mark.slow
def test_under_srun_each_node_prints_one_line(command: Any, machines: Machines) -> None:
    def srun(*words: str) -> list[str]:
        done = subprocess.run(
            ["srun", "--ntasks-per-node=2", "energyprof", "doctor", "--seconds", "1", *words],
            env=command.environment(PATH=machines.path),
            cwd=command.folder,
            capture_output=True,
            text=True,
            check=True,
        )
        return sorted(done.stdout.splitlines())

    bare, good, shut = srun()
    assert bare == "bare: nothing"
    assert good.startswith("good: inside the chips, rapl:package-0, rapl:package-1, ")
    assert good.endswith(" W")
    assert shut.startswith("shut: nothing; rapl is blocked: ")
    told = [json.loads(line) for line in srun("--json")]
    assert [one["node"] for one in told] == ["bare", "good", "shut"]
    assert told[1]["diagnosis"]["auto"]["boundary"] == "component"


@pytest.mark.slow
def test_nodes_are_named_as_slurm_writes_them(command: Any, machines: Machines) -> None:
    done = ask(command, machines, "gros-[08-10,12],x", *VIA)
    assert set(rows(done.stdout)) >= {"gros-08", "gros-09", "gros-10", "gros-12", "x"}
    assert "5 of 5 nodes gave no answer" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--nodes", ""), "give names of nodes"),
        (("--nodes", "a,-oProxyCommand=id"), "give names of nodes"),
        (("--nodes", "a,a"), "a is named twice"),
        (("--nodes", "n[1-99999]"), "more than 4,096 nodes"),
        (("--nodes", "n[1-"), "give names of nodes"),
        (("--nodes", "a", "--via", "ssh"), "say where the node stands"),
        (("--nodes", "a", "--via", ""), "say where the node stands"),
        (("--nodes", "a", "--via", "ssh '{node}"), "No closing quotation"),
        (("--nodes", "a", "--test"), "--test loads this machine"),
        (("--via", "ssh {node}"), "--via: only with --nodes"),
    ],
)
def test_what_cannot_be_asked_is_one_line(
    command: Any, one_error_line: Any, words: tuple[str, ...], said: str
) -> None:
    assert said in one_error_line(command("doctor", *words))


def test_a_program_that_is_not_here_is_the_nodes_problem(command: Any) -> None:
    done = command("doctor", "--nodes", "a", "--via", "nowhere-ssh {node}")
    assert done.returncode == 2 and "nowhere-ssh: No such file or directory" in done.stderr
