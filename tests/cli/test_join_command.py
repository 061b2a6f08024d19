"""``energyprof join`` as its users meet it: real programs on a fake meter, then their reports as one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fakes.nodes import Node, record


@pytest.fixture(scope="module")
def two_nodes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("nodes")
    return [record(Node("a", 100.0), folder), record(Node("slow", 200.0, train_s=24.0), folder)]


@pytest.mark.slow
def test_two_programs_under_exec_are_one_report_that_its_trace_gives_again(command: Any) -> None:
    for name in ("n1", "n2"):
        words = ("--idle", "0", "--machine", name, "-o", f"{name}.json", "--", "sleep", "0.5")
        assert command("exec", *words).returncode == 0
    done = command("join", "n1.json", "n2.json", "-o", "all.json")
    assert done.returncode == 0, done.stderr
    report, own = command.report("all.json"), [command.report(f"{name}.json") for name in ("n1", "n2")]
    (run,) = report["runs"]
    alone = [of["runs"][0]["energy_j"] for of in own]
    assert run["energy_j"] == pytest.approx(sum(alone))
    assert [part["energy_j"] for part in run["nodes"]] == alone
    first, second = (node["name"] for node in report["nodes"])
    assert second == f"{first}#2"
    assert {meter["name"].split("/")[0] for meter in report["meters"]} == {first, second}
    again = command("recompute", "all.json")
    assert "the same report, digit for digit" in again.stdout, again.stdout + again.stderr


@pytest.mark.slow
def test_two_nodes_of_one_batch_job_are_of_that_job_and_account(command: Any) -> None:
    for node in ("n1", "n2"):
        slurm = {"SLURM_JOB_ID": "4711", "SLURM_STEP_ID": "0", "SLURM_JOB_ACCOUNT": "physics"}
        words = ("--idle", "0", "--machine", node, "-o", f"{node}.json", "--", "sleep", "0.3")
        assert command("exec", *words, environment={**slurm, "SLURMD_NODENAME": node}).returncode == 0
    done = command("join", "n1.json", "n2.json", "-o", "all.json")
    assert "slurm 4711, step 0, account physics" in done.stdout
    assert "slurm 4711, step 0, node n1, account physics" in command("show", "n1.json").stdout
    report = command.report("all.json")
    of_all = {"manager": "slurm", "id": "4711", "node": "", "step": "0", "array": "", "account": "physics"}
    assert report["job"] == of_all
    assert [node["job"] for node in report["joined"]] == [{**of_all, "node": node} for node in ("n1", "n2")]


@pytest.mark.slow
def test_what_is_printed_names_nodes_phases_and_the_straggler_at_80_columns(
    command: Any, two_nodes: list[Path]
) -> None:
    done = command("join", *map(str, two_nodes), "-o", "all.json")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    row = {line.split()[0]: line for line in lines if line.split()[:1] in (["a"], ["slow"])}
    assert "200 W" in row["slow"] and "2.00" in row["a"] and "4.0 s" in row["a"]
    (train,) = (line for line in lines if line.startswith("train") and "slow" in line)
    assert train.split()[-2:] == ["4.0", "s"]
    shown = command("show", "all.json").stdout.splitlines()
    assert shown[: len(lines)] == lines and "300 W" in "".join(shown[len(lines) :])


@pytest.mark.slow
def test_the_page_has_the_nodes(command: Any, two_nodes: list[Path]) -> None:
    command("join", *map(str, two_nodes), "-o", "all.json")
    assert command("show", "all.json", "--html", "page.html").returncode == 0
    page = (command.folder / "page.html").read_text()
    assert "<h2>Nodes</h2>" in page and "slow/wall" in page and "slower by" in page


@pytest.mark.slow
def test_what_is_odd_about_a_node_is_said_with_its_name(command: Any, tmp_path: Path) -> None:
    paths = [record(Node("a", 100.0), tmp_path), record(Node("c", 100.0, dies_s=11.0), tmp_path)]
    done = command("join", *map(str, paths), "-o", "all.json")
    assert "! c: cut off before its end\n" in done.stdout
    assert "recompute" not in done.stdout  # which would give the same


def test_json_is_the_report_and_nothing_else(command: Any, two_nodes: list[Path]) -> None:
    done = command("join", *map(str, two_nodes), "-o", "all.json", "--json")
    assert json.loads(done.stdout) == command.report("all.json")


def test_an_offset_that_is_told_moves_the_node(command: Any, two_nodes: list[Path]) -> None:
    command("join", *map(str, two_nodes), "-o", "all.json", "--ahead", "a=-0.25:0.001")
    report = command.report("all.json")
    assert [part["zero_s"] for part in report["runs"][0]["nodes"]] == [0.25, 0.0]
    told = [(node["ahead_s"], node["ahead_u_s"]) for node in report["joined"]]
    assert told == [(-0.25, 0.001), (None, None)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["A"], "two nodes or more"),
        (["A", "A"], "are the same report"),
        (["A", "nowhere.json"], "nowhere.json"),
        (["A", "B", "--ahead", "a"], "--ahead a: give NODE=SECONDS"),
        (["A", "B", "--ahead", "a=nan"], "--ahead a=nan: give NODE=SECONDS"),
        (["A", "B", "--ahead", "a=1", "--ahead", "a=2"], "given twice"),
        (["A", "B", "--ahead", "a=1:-1"], "or node-2=0.013:0.002"),
        (["A", "B", "--ahead", "a=1:x"], "--ahead a=1:x: give NODE=SECONDS"),
        (["A", "B", "--ahead", "z=1"], "no such node"),
        (["A", "B", "-o", "A", "--force"], "is one of the reports"),
    ],
)
def test_what_cannot_be_joined_is_one_line(
    command: Any, one_error_line: Any, two_nodes: list[Path], words: list[str], said: str
) -> None:
    named = {"A": str(two_nodes[0]), "B": str(two_nodes[1])}
    before = two_nodes[0].read_bytes()
    assert said in one_error_line(command("join", *(named.get(word, word) for word in words)))
    assert two_nodes[0].read_bytes() == before
