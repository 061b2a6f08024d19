"""Who waits for whom: closed forms of ranks that told how long they were blocked, and of marked phases."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from energyprof.compare.waiting import node_waiting, rank_times
from energyprof.formats.summary import summary
from energyprof.report.file import read, write
from energyprof.report.join import join
from energyprof.report.record import Report
from fakes.nodes import Node, record

CREATED = "2027-01-15T08:00:00.000Z"


def joined(folder: Path, *nodes: Node) -> Report:
    paths = [record(node, folder) for node in nodes]
    return join(paths, folder / "joined.json", "refused", {}, CREATED, "0")


def told(report: Report, **of_nodes: Sequence[Mapping[str, Any]]) -> Report:
    """The report, whose nodes' ranks told this."""
    facts = {"by_node": {name: {"ranks": list(ranks)} for name, ranks in of_nodes.items()}}
    return replace(report, runs=(replace(report.runs[0], facts=facts),))


def rank(number: int, blocked_s: float, step_s: float = 0.1, u_s: float = 0.0) -> dict[str, Any]:
    return {"rank": number, "steps": 200, "step_s": step_s, "blocked_s": blocked_s, "blocked_u_s": u_s}


def shown(report: Report) -> str:
    console = Console(file=io.StringIO(), width=80, highlight=False, markup=False)
    console.print(summary(report, None))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_the_rank_that_is_blocked_least_is_the_one_that_others_wait_for(tmp_path: Path) -> None:
    nodes = [Node(name, 200.0, idle_w=100.0) for name in ("a", "b", "c")]
    report = told(joined(tmp_path, *nodes), a=[rank(0, 0.03)], b=[rank(1, 0.01)], c=[rank(2, 0.03)])
    times = rank_times(report, report.runs[0])
    assert [of.waits_s for of in times] == pytest.approx([0.02, 0, 0.02])
    assert [of.own_s for of in times] == pytest.approx([0.07, 0.09, 0.07])
    assert [of.node for of in times if of.straggles] == ["b"]
    assert times[1].longer_s == pytest.approx(0.02)
    text = " ".join(shown(report).split())
    assert "! rank 1 (b) takes 20.0 ms longer a step than most, 29 % more: the others wait for it" in text


def test_the_page_shows_the_table_as_it_is_printed(tmp_path: Path) -> None:
    nodes = [Node(name, 200.0, idle_w=100.0) for name in ("a", "b", "c")]
    report = told(joined(tmp_path, *nodes), a=[rank(0, 0.03)], b=[rank(1, 0.01)], c=[rank(2, 0.03)])
    page = (Path(__file__).parents[2] / "docs/nodes.md").read_text()
    table = page.partition("```\nrank  ")[2].partition("```")[0].splitlines()
    printed = [line.strip() for line in shown(report).splitlines()]
    start = printed.index(f"rank  {table[0]}")
    assert printed[start + 1 : start + 4] == table[1:]


def test_joules_of_waiting_lie_between_the_idle_power_and_the_mean(tmp_path: Path) -> None:
    """200 steps in each of which 20 ms are waited: 4 s at 150 W, ± 50 W spread evenly."""
    nodes = [Node("a", 200.0, idle_w=100.0), Node("b", 200.0, idle_w=100.0)]
    report = told(joined(tmp_path, *nodes), a=[rank(0, 0.03)], b=[rank(1, 0.01)])
    a, b = node_waiting(report, report.runs[0])
    part = report.runs[0].nodes[0]
    assert part.energy_j is not None and part.energy_u_j is not None and part.time_s is not None
    mean_w = part.energy_j / part.time_s
    assert a.time_s == pytest.approx(4)
    middle_w = (100 + mean_w) / 2
    # The idle second's last sample is already the training's: 5 W of its power.
    assert a.energy_j == pytest.approx(middle_w * 4, rel=0.05)
    half_j = (mean_w - 100) / 2 * 4
    meters_j = middle_w * 4 * part.energy_u_j / part.energy_j
    assert a.energy_u_j == pytest.approx(((2 * half_j / 3**0.5) ** 2 + meters_j**2) ** 0.5, rel=0.12)
    assert a.share == a.energy_j / part.energy_j
    assert (b.time_s, b.energy_j, b.share) == (0, 0, 0)
    assert "between the idle node's and its mean" in " ".join(shown(report).split())


def test_a_mean_over_some_of_the_steps_has_its_doubt(tmp_path: Path) -> None:
    report = told(
        joined(tmp_path, Node("a", 200.0, idle_w=100.0), Node("b", 200.0, idle_w=100.0)),
        a=[rank(0, 0.016, u_s=0.003)],
        b=[rank(1, 0.01, u_s=0.004)],
    )
    a, b = rank_times(report, report.runs[0])
    assert a.waits_u_s == pytest.approx(2 * 0.005)
    assert not b.straggles  # 6 ms more, ± 10 ms
    exact = told(report, a=[rank(0, 0.016)], b=[rank(1, 0.01)])
    sure, unsure = (node_waiting(of, of.runs[0])[0] for of in (exact, report))
    assert sure.energy_u_j is not None and unsure.energy_u_j is not None
    assert unsure.energy_u_j > 2 * sure.energy_u_j


@pytest.mark.parametrize(
    ("node", "ranks", "reason"),
    [
        (Node("a", 200.0, idle_w=100.0), 2, "2 ranks share its meters"),
        (Node("a", 200.0, dies_s=5.0), 1, "it was not measured"),
    ],
)
def test_joules_that_no_meter_tells_apart_are_absent_with_the_reason(
    tmp_path: Path, node: Node, ranks: int, reason: str
) -> None:
    report = joined(tmp_path, node, Node("b", 200.0, idle_w=100.0))
    if node.dies_s:
        nodes = (replace(report.runs[0].nodes[0], energy_j=None), report.runs[0].nodes[1])
        report = replace(report, runs=(replace(report.runs[0], nodes=nodes),))
    report = told(report, a=[rank(n, 0.03) for n in range(ranks)], b=[rank(ranks, 0.01)])
    a, b = node_waiting(report, report.runs[0])
    assert (a.energy_j, a.energy_u_j, a.share, a.reason) == (None, None, None, reason)
    assert a.time_s == pytest.approx(4)
    assert b.energy_j == 0
    assert reason in " ".join(shown(report).split())


def test_without_an_idle_power_there_are_no_joules(tmp_path: Path) -> None:
    report = told(joined(tmp_path, Node("a", 200.0), Node("b", 200.0)), a=[rank(0, 0.03)], b=[rank(1, 0.01)])
    run = report.runs[0]
    report = replace(report, runs=(replace(run, phases=tuple(p for p in run.phases if p.name != "idle")),))
    a, _ = node_waiting(report, report.runs[0])
    assert a.energy_j is None and "--idle" in a.reason


def test_marked_waiting_has_the_joules_of_its_phase(tmp_path: Path) -> None:
    """``mark("wait")`` from the fifth second on, ``mark("train")`` again from the eighth."""
    marks = (("train", 0.0), ("wait: all-reduce", 5.0), ("train", 8.0), ("barrier", 12.0), ("train", 13.0))
    report = joined(tmp_path, Node("a", 200.0, phases=marks), Node("b", 300.0, phases=(("train", 0.0),)))
    (a,) = node_waiting(report, report.runs[0])
    assert (a.node, a.marked) == ("a", True)
    assert a.time_s == pytest.approx(4) and a.energy_j == pytest.approx(800, rel=1e-6)
    assert a.share == pytest.approx(0.2, rel=1e-6)
    parts = [phase for phase in report.runs[0].phases if phase.name in ("wait: all-reduce", "barrier")]
    assert a.energy_u_j == pytest.approx(sum(phase.energy_u_j or 0 for phase in parts))
    text = shown(report)
    assert "20 %" in text and "in the phases that it marked as waiting" in " ".join(text.split())


def test_a_report_of_one_node_has_its_ranks_too_and_keeps_them(tmp_path: Path) -> None:
    report = read(record(Node("a", 200.0, idle_w=100.0), tmp_path))
    facts = {"ranks": [rank(0, 0.03), rank(1, 0.01)]}
    report = replace(report, runs=(replace(report.runs[0], facts=facts),))
    write(report, tmp_path / "again.json")
    report = read(tmp_path / "again.json")
    assert [of.rank for of in rank_times(report, report.runs[0]) if of.straggles] == [1]
    (a,) = node_waiting(report, report.runs[0])
    assert a.reason == "2 ranks share its meters"


@pytest.mark.parametrize(
    "odd",
    [
        "ranks",
        [1, 2],
        [{"rank": 0}],
        [rank(0, -1.0), rank(1, 0.1)],
        [rank(0, 0.1)],
        [{**rank(0, 0.1), "steps": 1.5}, rank(1, 0.1)],
    ],
)
def test_facts_of_another_kind_are_not_taken_for_ours(tmp_path: Path, odd: Any) -> None:
    report = read(record(Node("a", 200.0), tmp_path))
    report = replace(report, runs=(replace(report.runs[0], facts={"ranks": odd}),))
    assert rank_times(report, report.runs[0]) == ()
    assert node_waiting(report, report.runs[0]) == ()
    assert "waits" not in shown(report)


@pytest.mark.slow
@pytest.mark.parametrize(("count", "ranks"), [(2, 1), (8, 4), (64, 8)])
def test_stragglers_are_seen_at_80_columns_however_many_nodes_there_are(
    tmp_path: Path, count: int, ranks: int
) -> None:
    slow = count // 2
    marks = (("warmup", 0.0), ("train", 1.0), ("eval", 18.0))
    nodes = [
        Node(
            f"node-{i:02}", 200.0 + i / 10, train_s=23.0 if i == slow else 20.0, phases=marks, interval_s=1.0
        )
        for i in range(count)
    ]
    report = joined(tmp_path, *nodes)
    of_nodes = {
        node.name: [rank(i * ranks + k, 0.01 if (i, k) == (slow, 0) else 0.03) for k in range(ranks)]
        for i, node in enumerate(nodes)
    }
    lines = shown(told(report, **of_nodes)).splitlines()
    assert max(map(len, lines)) <= 80 and len(lines) < 75
    name = f"node-{slow:02}"
    (row,) = (line for line in lines if line.startswith("eval") and name in line)
    assert row.split()[-2:] == ["3.0", "s"]
    assert any(line.startswith(f"! rank {slow * ranks} ({name}) takes 20.0 ms longer") for line in lines)
    by_node = next(i for i, line in enumerate(lines) if line.startswith("node "))
    assert any(line.startswith(name) for line in lines[by_node : by_node + 15])
    if count == 64:
        assert any(line.startswith("62 more") for line in lines)
        (idle,) = (line for line in lines if "idle for too short a time" in line)
        assert "node-00" in idle


@pytest.mark.slow
def test_a_node_that_ended_otherwise_stands_out_among_many(tmp_path: Path) -> None:
    nodes = [Node(f"n{i:02}", 100.0, dies_s=5.0 if i == 17 else None, interval_s=1.0) for i in range(20)]
    lines = shown(joined(tmp_path, *nodes)).splitlines()
    assert any(line.startswith("n17") for line in lines)
