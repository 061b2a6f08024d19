"""What several nodes can measure: a row a node, and below it what they have to say; or as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from energyprof.formats.meters import ALIKE, BOUNDARIES
from energyprof.profile.asked_nodes import Diagnosis, NodeAnswer
from energyprof.units import seconds, watts

# Boundaries in a column of a table.
SHORT = {
    "component": "inside the chips",
    "module": "the module",
    "node_dc": "behind the supply",
    "wall_ac": "the wall socket",
}
# A clock that is off by less is told from the phases that nodes have in common (`join`).
CLOCK_S = 1.0
# So many nodes are named where many say the same.
NAMED = 3


def nodes_table(answers: Sequence[NodeAnswer]) -> RenderableType:
    """A row for each node; then, once each, what nodes have to say; then what a job on all would measure."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("node", overflow="fold")
    table.add_column("measures", no_wrap=True)
    table.add_column("with", overflow="fold")
    table.add_column("now", justify="right", no_wrap=True)
    for answer in answers:
        table.add_row(*map(Text, _row(answer)))
    parts: list[RenderableType] = [table]
    if said := _said(answers):
        parts.append(Text())
    for words, nodes in said.items():
        parts.append(Text(f"! {_listed(nodes)}: {words}", style="yellow"))
    return Group(*parts, Text(), _verdict(answers))


def node_line(answer: NodeAnswer) -> str:
    """A node alone, in a line: ``gros-1: inside the chips, rapl:package-0, 50.0 W``."""
    _, measures, meters, now = _row(answer)
    words = ", ".join(part for part in (measures, meters, now) if part not in ("", "–"))
    return "; ".join([f"{answer.node}: {words}", *_words(answer)])


def _row(answer: NodeAnswer) -> tuple[str, str, str, str]:
    if answer.found is None:
        return answer.node, "no answer", "", "–"
    power_w = answer.found.power_w
    now = "–" if power_w is None else watts(power_w)
    return answer.node, _measures(answer.found), ", ".join(_meters(answer.found)), now


def _measures(found: Diagnosis) -> str:
    if not found.auto.meters:
        return "nothing"
    if found.auto.origin != "measured":
        return "an estimate"
    return SHORT.get(found.auto.boundary or "", "?")


def _meters(found: Diagnosis) -> list[str]:
    """The counted meters; many of one kind by their number."""
    counted = set(found.auto.meters)
    words: list[str] = []
    for kind in found.meters:
        names = [meter.name for meter in kind.meters if meter.name in counted]
        words += [f"{kind.kind} ({len(names)} meters)"] if len(names) >= ALIKE else names
    return words


def _said(answers: Sequence[NodeAnswer]) -> dict[str, list[str]]:
    """Which nodes say what; those that say the same together."""
    said: dict[str, list[str]] = {}
    for answer in answers:
        for words in _words(answer):
            said.setdefault(words, []).append(answer.node)
    return said


def _words(answer: NodeAnswer) -> list[str]:
    if answer.found is None:
        return [answer.problem]
    blocked = [kind for kind in answer.found.meters if kind.state == "blocked"]
    words = [
        f"{kind.asked or kind.kind} is blocked: {kind.reason}"
        + (f"; there: {kind.remedy}" if kind.remedy else "")
        for kind in blocked
    ]
    if abs(answer.ahead_s) > CLOCK_S:
        way = "ahead of" if answer.ahead_s > 0 else "behind"
        words.append(f"its clock is {seconds(abs(answer.ahead_s))} or more {way} this machine's")
    return [*words, *answer.found.warnings]


def _verdict(answers: Sequence[NodeAnswer]) -> Text:
    """What a report of all these nodes would hold."""
    kinds: dict[str, list[str]] = {}
    for answer in answers:
        kind = "no answer" if answer.found is None else _measures(answer.found)
        kinds.setdefault(kind, []).append(answer.node)
    if len(kinds) == 1:
        (kind,) = kinds
        if kind in SHORT.values():
            boundary = next(BOUNDARIES[name] for name, short in SHORT.items() if short == kind)
            return Text(f"all would measure {boundary}: their joules can be added", style="green")
        return Text(f"all of them: {kind}", style="yellow")
    words = "; ".join(f"{kind}: {_listed(nodes)}" for kind, nodes in kinds.items())
    apart = len(set(kinds) & set(SHORT.values())) > 1
    return Text(words + (". Joules of different boundaries are not added" if apart else ""), style="yellow")


def _listed(nodes: Sequence[str]) -> str:
    more = f" and {len(nodes) - NAMED} more" if len(nodes) > NAMED else ""
    return ", ".join(nodes[:NAMED]) + more


def unanswered(answers: Sequence[NodeAnswer]) -> str:
    """Which nodes gave no answer, and why, in a line; "": all did."""
    silent = [answer for answer in answers if answer.found is None]
    if not silent:
        return ""
    more = f", and {len(silent) - 1} more" if len(silent) > 1 else ""
    return (
        f"{len(silent)} of {len(answers)} nodes gave no answer: {silent[0].node}: {silent[0].problem}{more}"
    )


def nodes_data(answers: Sequence[NodeAnswer]) -> dict[str, Any]:
    """The same as JSON data: each node's own diagnosis, or the problem in its place."""
    return {
        "nodes": [
            {
                "node": answer.node,
                "problem": answer.problem or None,
                "clock_ahead_s": answer.ahead_s,
                "diagnosis": answer.data,
            }
            for answer in answers
        ]
    }
