"""What is said of the nodes of a joined report: once where several say it, with who they are."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from energyprof.formats.node_flags import notes_of_nodes, said_by_nodes
from energyprof.report.flags import flag
from energyprof.report.nodes.names import flags_named
from energyprof.report.record import JoinedNode
from reports import report


def joined(nodes: int, *notes: str) -> Any:
    of_nodes = tuple(
        JoinedNode(f"n{number}", "", "", None, "measured", 1, None, None, None, None)
        for number in range(nodes)
    )
    return dataclasses.replace(report(), joined=of_nodes, notes=notes)


@pytest.mark.parametrize(
    ("notes", "lines"),
    [
        (("n0: no GPU", "n1: no GPU"), ["all nodes: no GPU"]),
        (("n0: no GPU", "n1: two: GPUs"), ["n0: no GPU", "n1: two: GPUs"]),
        (("n1 is the node of b.json", "n0: no GPU"), ["n1 is the node of b.json", "n0: no GPU"]),
        (("rapl: no GPU",), ["rapl: no GPU"]),
    ],
)
def test_a_note_of_several_nodes_is_one_line(notes: tuple[str, ...], lines: list[str]) -> None:
    assert notes_of_nodes(joined(2, *notes)) == lines


def test_of_many_nodes_some_are_named() -> None:
    found = notes_of_nodes(joined(9, *(f"n{number}: no GPU" for number in range(1, 9))))
    assert found == ["n1, n2, n3 and 5 nodes more: no GPU"]


def test_processors_that_others_used_are_those_of_a_node() -> None:
    foreign = flag("foreign", "the CPUs", "1.9 of 2")
    assert foreign.words == "other processes used the CPUs (1.9 of 2) as well"
    (of_node,) = flags_named([foreign], "n1")
    assert said_by_nodes([of_node], joined(2)) == ["other processes used the CPUs of n1 (1.9 of 2) as well"]


@pytest.mark.parametrize(
    ("kind", "detail", "words"),
    [
        (
            "not_idle",
            "before the run (2 of 2 CPUs)",
            "n1: the machine was not idle before the run (2 of 2 CPUs): that idle power does not count",
        ),
        ("interrupted", "SIGINT", "n1: stopped by SIGINT"),
        ("left", "python3", "n1: work went on after the program's end, unmeasured: python3"),
    ],
)
def test_a_node_stands_before_what_its_flag_says(kind: Any, detail: str, words: str) -> None:
    (of_node,) = flags_named([flag(kind, "", detail)], "n1")
    assert said_by_nodes([of_node], joined(2)) == [words]


def test_a_node_that_a_flag_is_about_stays_where_it_is() -> None:
    assert said_by_nodes([flag("node_missing", "", "n1")], joined(2)) == ["has nothing of n1"]
