"""The flags and notes of a joined report in words: what several nodes have in common is said once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from energyprof.report.flags import Flag
from energyprof.report.record import Report

# So many nodes have a line each for what they all say.
EACH = 2
# What joining itself says: the nodes that it names are what it is about.
OF_ALL_NODES = ("not_added", "node_missing", "clocks_apart")
# So many are named in front of a note of theirs.
NAMED = 3


def said_by_nodes(flags: Sequence[Flag], report: Report) -> list[str]:
    """A line on each flag, those of several nodes that differ in the node's name alone in one."""
    names = {node.node for node in report.joined}
    groups: dict[str, list[str]] = {}
    for of_node in flags:
        node = next((name for name in _places(of_node) if name in names), "")
        words = _with_node(of_node, names)
        groups.setdefault(words.replace(node, "\0") if node else words, []).append(words)
    lines: list[str] = []
    for said in groups.values():
        more = f" (and so {len(said) - 1} nodes more)" if len(said) > EACH else ""
        lines += [said[0] + more] if more else said
    return lines


def notes_of_nodes(report: Report) -> list[str]:
    """The report's notes, each of several nodes once, with who they are in front of it."""
    names = [node.node for node in report.joined]
    groups: dict[str, list[str]] = {}
    for note in report.notes:
        node, colon, said = note.partition(": ")
        of_node = bool(colon) and node in names
        groups.setdefault(said if of_node else note, []).extend([node] if of_node else [])
    lines = []
    for said, nodes in groups.items():
        if len(nodes) == len(names) > 1:
            lines.append(f"all nodes: {said}")
        elif nodes:
            more = f" and {len(nodes) - NAMED} nodes more" if len(nodes) > NAMED else ""
            lines.append(f"{', '.join(nodes[:NAMED])}{more}: {said}")
        else:
            lines.append(said)
    return lines


def _places(of_node: Flag) -> tuple[str, str]:
    """Where a flag has the name of its node: before the meter's, or first in what it adds."""
    return of_node.meter.partition("/")[0], of_node.detail.partition(":")[0]


def _with_node(of_node: Flag, names: Collection[str]) -> str:
    """A flag in words, after the node's name where that is no meter's."""
    node, _, detail = of_node.detail.partition(": ")
    if of_node.meter or node not in names or of_node.kind in OF_ALL_NODES:
        return of_node.words
    return f"{node}: {replace(of_node, detail=detail).words}"
