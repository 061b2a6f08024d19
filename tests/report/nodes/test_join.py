"""Several nodes' reports as one: closed forms of nodes with known powers, clocks and troubles."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from energyprof.compare.nodes import early_s, node_phases
from energyprof.errors import FileError, UsageError
from energyprof.formats.picture import picture
from energyprof.meter import Quantity
from energyprof.report.file import read, trace_path, write
from energyprof.report.join import Ahead, join
from energyprof.report.nodes.one_run import run_of_nodes
from energyprof.report.recompute import is_given_back, recompute
from energyprof.report.record import JobRecord, JoinedNode, NodeRecord, Phase, Point, Report
from fakes.nodes import Node, record
from reports import run

CREATED = "2027-01-15T08:00:00.000Z"


def joined(folder: Path, *nodes: Node, ahead: dict[str, Ahead] | None = None) -> Report:
    paths = [record(node, folder, f"report-{i}") for i, node in enumerate(nodes)]
    return join(paths, folder / "joined.json", "refused", ahead or {}, CREATED, "0")


def kinds(report: Report) -> dict[str, str]:
    return {flag.kind: flag.detail for flag in report.runs[0].flags}


def test_joules_of_nodes_of_one_boundary_add_up_and_their_gain_is_one_error(tmp_path: Path) -> None:
    report = joined(tmp_path, Node("a", 100.0), Node("b", 300.0))
    (run,) = report.runs
    assert run.energy_j == pytest.approx(20 * 400, rel=1e-6)
    assert run.energy_low_j is not None and run.energy_u_j is not None
    assert run.gain_u_j == pytest.approx(2 * 0.01 / 3**0.5 * 8000, rel=1e-3)
    assert run.energy_u_j >= run.gain_u_j
    assert report.boundary == "wall_ac" and [meter.name for meter in report.meters] == ["a/wall", "b/wall"]
    assert [part.energy_j for part in run.nodes] == pytest.approx([2000, 6000], rel=1e-6)


def test_a_later_node_lies_later_on_the_axis_and_the_run_ends_with_the_last(tmp_path: Path) -> None:
    report = joined(tmp_path, Node("late", 50.0, begins_s=3.25), Node("first", 50.0))
    (run,) = report.runs
    assert [part.zero_s for part in run.nodes] == [3.25, 0.0]
    assert run.time_s == pytest.approx(23.25)
    assert early_s(run) == pytest.approx({"late": 0.0, "first": 3.25})
    train = {phase.actor: (phase.start_s, phase.end_s) for phase in run.phases if phase.name == "train"}
    assert train == {"first": (1.0, 21.0), "late": (4.25, 24.25)}
    assert run.energy_j == pytest.approx(20 * 100, rel=1e-6)


def test_a_told_offset_is_taken_off_the_axis_and_changes_no_joule(tmp_path: Path) -> None:
    nodes = Node("a", 100.0), Node("b", 100.0, ahead_s=0.5)
    (tmp_path / "told").mkdir()
    untold, told = joined(tmp_path, *nodes), joined(tmp_path / "told", *nodes, ahead={"b": Ahead(0.5)})
    assert [part.zero_s for part in untold.runs[0].nodes] == [0.0, 0.5]
    assert [part.zero_s for part in told.runs[0].nodes] == [0.0, 0.0]
    assert told.runs[0].energy_j == untold.runs[0].energy_j
    assert told.runs[0].energy_u_j == untold.runs[0].energy_u_j


@pytest.mark.parametrize("ahead_s", [3600.0, -1.5])
def test_a_clock_that_is_more_than_a_second_off_is_named(tmp_path: Path, ahead_s: float) -> None:
    nodes = Node("a", 100.0), Node("b", 100.0, ahead_s=ahead_s), Node("slow", 100.0, train_s=24.0)
    (tmp_path / "told").mkdir()
    assert "b's phases all lie" in kinds(joined(tmp_path, *nodes))["clocks_apart"]
    said = kinds(joined(tmp_path / "told", *nodes, ahead={"b": Ahead(ahead_s)}))["clocks_apart"]
    assert "b's was" in said and "as was told" in said


def test_clocks_that_agree_within_a_second_are_not_spoken_of(tmp_path: Path) -> None:
    assert "clocks_apart" not in kinds(joined(tmp_path, Node("a", 100.0), Node("b", 100.0, ahead_s=0.9)))


@pytest.mark.parametrize("ahead_s", [0.0, 3.0])
@pytest.mark.parametrize("reads", ["power_w", "energy_j"])
def test_loads_that_rise_together_tell_a_wrong_clock_from_a_late_start(
    tmp_path: Path, ahead_s: float, reads: Quantity
) -> None:
    early = Node("early", 300.0, train_s=30.0, waits_s=10.0, idle_w=50.0, reads=reads)
    late = Node("late", 200.0, 8.0, ahead_s, train_s=22.0, waits_s=2.0, idle_w=40.0, reads=reads)
    report = joined(tmp_path, early, late)
    said = [note for note in report.notes if "load rises and falls" in note]
    assert "clocks_apart" not in kinds(report)
    assert [note.split(":")[0] for note in said] == (
        ["late's load rises and falls about 3 s after the others'"] if ahead_s else []
    )
    assert recompute(tmp_path / "joined.json") == report


def test_a_node_that_never_evaluates_leaves_the_status_to_those_that_do() -> None:
    silent = run(status="failed", exit_code=0, history=())
    joined = [JoinedNode(name, "", "0", "component", "measured", 1) for name in "ab"]
    nodes = [NodeRecord(node.node, {}) for node in joined]
    told = run(exit_code=0, history=(Point(1000, 0.8, 10.0, 1000.0),))
    made = run_of_nodes({"a": told, "b": silent}, joined, nodes, {"a": (), "b": ()})
    assert made.status == "reached" and made.score == told.score
    broken = replace(silent, exit_code=1)
    assert run_of_nodes({"a": told, "b": broken}, joined, nodes, {"a": (), "b": ()}).status == "failed"


MARKS = Node("a", 100.0, phases=(("train", 0.0), ("eval", 10.0)))
SILENT = Node("b", 200.0, 0.5, idle_w=40.0, waits_s=4.5, phases=())
# In a's train b is idle for 5 s of 10, then it works, past the end of a's eval.
BORROWED_J = {"train": 5 * 40 + 5 * 200, "eval": 10 * 200}


def of_b(report: Report) -> dict[str, Phase]:
    return {phase.name: phase for phase in report.runs[0].phases if phase.actor == "b"}


def test_a_node_that_marks_nothing_is_measured_over_the_phases_of_one_that_does(tmp_path: Path) -> None:
    report = joined(tmp_path, MARKS, SILENT)
    found = of_b(report)
    # Power is renewed each 0.1 s and read as often: its step of 160 W lies within two of these.
    assert {name: found[name].energy_j for name in BORROWED_J} == pytest.approx(BORROWED_J, abs=0.2 * 160)
    assert (found["train"].start_s, found["eval"].end_s) == pytest.approx((1.0, 21.0))
    assert any("b marked no phases" in note and "--ahead" in note for note in report.notes)
    assert found["train"].energy_u_j is None and found["train"].energy_low_j is None
    assert report.runs[0].nodes[1].energy_j == pytest.approx(4.5 * 40 + 15.5 * 200, rel=0.01)
    assert recompute(tmp_path / "joined.json") == report


@pytest.mark.slow
def test_the_doubt_about_an_offset_is_in_the_phases_and_not_in_the_run(tmp_path: Path) -> None:
    reports = []
    for u_s in (0.0, 0.3):
        (folder := tmp_path / str(u_s)).mkdir()
        reports.append(joined(folder, MARKS, SILENT, ahead={"a": Ahead(0.0, 0.0), "b": Ahead(0.0, u_s)}))
        assert recompute(folder / "joined.json") == reports[-1]
    sure, unsure = reports
    train, doubted = of_b(sure)["train"], of_b(unsure)["train"]
    # From the phase's begin to its end the power differs by 160 W: so many joules for a second's shift.
    assert doubted.budget_j["clock"] == pytest.approx(0.3 * 160, rel=0.01)
    assert train.energy_u_j is not None
    assert doubted.energy_u_j == pytest.approx(((2 * 0.3 * 160) ** 2 + train.energy_u_j**2) ** 0.5, rel=0.01)
    assert doubted.energy_j == train.energy_j
    assert unsure.runs[0].energy_u_j == sure.runs[0].energy_u_j
    own = [phase for phase in unsure.runs[0].phases if phase.actor == "a"]
    assert all("clock" not in phase.budget_j for phase in own)


def test_where_nobody_marks_each_node_keeps_its_own(tmp_path: Path) -> None:
    silent = replace(SILENT, name="c", begins_s=0.0)
    report = joined(tmp_path, silent, SILENT)
    assert list(of_b(report)) == ["idle", "train", "cooldown"]
    assert of_b(report)["train"].energy_j == report.runs[0].nodes[1].energy_j


def test_a_slower_node_is_a_straggler_and_its_clock_is_not_blamed(tmp_path: Path) -> None:
    report = joined(tmp_path, Node("a", 100.0), Node("b", 100.0), Node("slow", 100.0, train_s=25.0))
    assert [p.node for p in node_phases(report.runs[0]) if p.straggles] == ["slow"]
    assert early_s(report.runs[0]) == pytest.approx({"a": 5.0, "b": 5.0, "slow": 0.0})
    assert "clocks_apart" not in kinds(report)


def test_joules_of_different_boundaries_are_not_added(tmp_path: Path) -> None:
    report = joined(tmp_path, Node("a", 100.0), Node("b", 100.0, boundary="component"))
    (run,) = report.runs
    assert run.energy_j is None and run.total_energy_j is None and report.boundary is None
    assert "different boundaries (a by wall_ac, b by component)" in kinds(report)["not_added"]
    assert [part.energy_j for part in run.nodes] == pytest.approx([2000, 2000], rel=1e-6)


def test_one_meter_read_twice_at_once_is_not_added(tmp_path: Path) -> None:
    same = [replace(Node(name, 100.0), machine="sha256:one") for name in ("rank0", "rank1")]
    report = joined(tmp_path, *same)
    assert report.runs[0].energy_j is None
    assert "rank0 and rank1 read wall of one machine" in kinds(report)["not_added"]


def test_two_nodes_of_one_name_are_both_there(tmp_path: Path) -> None:
    report = joined(tmp_path, Node("x", 100.0), Node("x", 200.0, machine="sha256:other"))
    assert [node.name for node in report.nodes] == ["x", "x#2"]
    assert report.runs[0].energy_j == pytest.approx(6000, rel=1e-6)
    assert any("another one is called x, too" in note for note in report.notes)


def test_of_a_node_that_died_what_it_recorded_is_taken_from_its_trace(tmp_path: Path) -> None:
    report = joined(tmp_path, Node("a", 100.0), Node("dead", 100.0, dies_s=11.0))
    (run,) = report.runs
    assert run.status == "interrupted"
    assert run.nodes[1].energy_j == pytest.approx(1000, rel=0.02)
    assert run.nodes[0].energy_j == pytest.approx(2000, rel=1e-6)
    assert kinds(report)["unfinished"] == "dead"
    assert any(note.startswith("dead: ") and "cut off" in note for note in report.notes)
    assert is_given_back(report, recompute(tmp_path / "joined.json"))


def test_the_joined_trace_gives_the_same_report_to_the_last_digit(tmp_path: Path) -> None:
    nodes = Node("a", 123.4, runs=2), Node("b", 77.7, begins_s=1.5, train_s=13.0, runs=2)
    report = joined(tmp_path, *nodes)
    again = recompute(tmp_path / "joined.json")
    assert len(again.runs) == 2 and again == report == read(tmp_path / "joined.json")
    own = [read(tmp_path / f"report-{i}.json") for i in range(2)]
    assert [part.energy_j for part in again.runs[1].nodes] == [of.runs[1].energy_j for of in own]


def test_a_node_without_one_of_the_runs_is_named(tmp_path: Path) -> None:
    report = joined(tmp_path, Node("a", 100.0, runs=2), Node("b", 100.0))
    assert report.runs[0].energy_j is not None and report.runs[1].energy_j is None
    assert {flag.kind: flag.detail for flag in report.runs[1].flags}["node_missing"] == "b"
    assert recompute(tmp_path / "joined.json") == report


def test_the_power_of_all_nodes_is_drawn_on_one_axis(tmp_path: Path) -> None:
    report = joined(tmp_path, Node("a", 100.0), Node("b", 300.0))
    drawn = picture(report, tmp_path / "joined.json", 80)
    console = Console(width=80)
    with console.capture() as shown:
        console.print(drawn)
    assert "400 W" in shown.get()


def test_reports_without_traces_are_joined_and_say_so(tmp_path: Path) -> None:
    paths = [record(Node(name, 100.0), tmp_path) for name in ("a", "b")]
    trace_path(paths[1]).unlink()
    report = join(paths, tmp_path / "joined.json", "refused", {}, CREATED, "0")
    assert report.runs[0].energy_j == pytest.approx(4000, rel=1e-6)
    assert not trace_path(tmp_path / "joined.json").exists()
    assert any(note.startswith("joined without a trace") for note in report.notes)
    with pytest.raises(FileError):
        recompute(tmp_path / "joined.json")


def test_nodes_of_one_job_are_of_that_job(tmp_path: Path) -> None:
    paths = [record(Node(name, 100.0), tmp_path) for name in ("a", "b")]
    for path, node in zip(paths, ("n1", "n2"), strict=True):
        write(replace(read(path), job=JobRecord("slurm", "4711", node, "0", account="physics")), path)
    report = join(paths, tmp_path / "joined.json", "refused", {}, CREATED, "0")
    assert report.job == JobRecord("slurm", "4711", "", "0", account="physics")
    assert [node.job.node for node in report.joined if node.job] == ["n1", "n2"]


def test_what_cannot_be_joined_is_refused_in_a_line_and_leaves_no_file(tmp_path: Path) -> None:
    a, b = (record(Node(name, 100.0), tmp_path) for name in ("a", "b"))
    out = tmp_path / "joined.json"
    copied = tmp_path / "copy.json"
    copied.write_text(a.read_text())
    broken = record(Node("c", 100.0), tmp_path)
    trace_path(broken).write_bytes(b"no gzip")
    cases = [
        ([a], "two nodes or more"),
        ([a, copied], "are the same report"),
        ([a, a], "are the same report"),
        ([a, b, broken], "not a readable trace"),
    ]
    for paths, words in cases:
        with pytest.raises((UsageError, FileError), match=words):
            join(paths, out, "refused", {}, CREATED, "0")
        assert not out.exists() and not trace_path(out).exists()
    with pytest.raises(UsageError, match="is one of the reports"):
        join([a, b], a, "replaced", {}, CREATED, "0")
    with pytest.raises(UsageError, match="no such node; there are a, b"):
        join([a, b], out, "refused", {"z": Ahead(1.0)}, CREATED, "0")
    join([a, b], out, "refused", {}, CREATED, "0")
    with pytest.raises(UsageError, match="of several nodes already"):
        join([out, b], tmp_path / "again.json", "refused", {}, CREATED, "0")


@pytest.mark.slow
def test_what_is_replaced_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    a, b, c = (record(Node(name, 100.0), tmp_path) for name in "abc")
    out = tmp_path / "joined.json"
    before = join([a, b], out, "refused", {}, CREATED, "0")
    files = sorted(file.name for file in tmp_path.iterdir())
    whole = trace_path(c).read_bytes()
    trace_path(c).write_bytes(b"no gzip")
    with pytest.raises(FileError, match="not a readable trace"):
        join([a, c], out, "replaced", {}, CREATED, "0")
    assert read(out) == before == recompute(out)
    assert sorted(file.name for file in tmp_path.iterdir()) == files
    trace_path(c).write_bytes(whole)
    after = join([a, c], out, "replaced", {}, CREATED, "0")
    assert read(out) == after == recompute(out) != before
    trace_path(c).unlink()
    join([a, c], out, "replaced", {}, CREATED, "0")
    assert not trace_path(out).exists() and not list(tmp_path.glob("*joining*"))


def test_facts_that_differ_stand_under_their_node() -> None:
    joined = [JoinedNode(name, "", "0", "component", "measured", 1) for name in "ab"]
    nodes = [NodeRecord(node.node, {}) for node in joined]
    runs = {"a": run(facts={"device": "cuda", "rank": 0}), "b": run(facts={"device": "cuda", "rank": 1})}
    made = run_of_nodes(runs, joined, nodes, {"a": (), "b": ()})
    assert made.facts == {"device": "cuda", "by_node": {"a": {"rank": 0}, "b": {"rank": 1}}}


def test_a_joined_trace_that_lost_a_node_is_refused(tmp_path: Path) -> None:
    joined(tmp_path, Node("a", 100.0), Node("b", 100.0))
    path = tmp_path / "joined.json"
    data = json.loads(path.read_text())
    data["joined"][1]["runs"] = 2
    path.write_text(json.dumps(data))
    with pytest.raises(FileError, match="has 2 of the 3 runs"):
        recompute(path)
