"""The other nodes of a training on node 0's screen: a row each, or of many the silent ones and a few."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from energyprof.profile.nodes.standing import NodeStanding
from energyprof.units import joules, seconds, watts

# More rows would leave no room on a terminal of 24 lines.
MOST = 12


def nodes_table(nodes: Sequence[NodeStanding]) -> Table:
    """A row for each node; of many the silent ones first, and the rest in one line."""
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="dim")
    table.add_column("node", overflow="fold")
    table.add_column("phase", no_wrap=True, overflow="ellipsis")
    for title in ("samples", "score", "power", "energy"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    shown = sorted(nodes, key=lambda node: not node.silent)[: MOST if len(nodes) <= MOST else MOST - 1]
    for node in shown:
        table.add_row(*_row(node))
    if rest := [node for node in nodes if node not in shown]:
        silent = sum(node.silent for node in rest)
        table.add_row(Text(f"{len(rest):,} more", style="dim"), *[""] * 5, _silent_of(silent))
    return table


def _row(node: NodeStanding) -> list[Text]:
    now = node.now
    told = Text(f"silent for {seconds(node.silent_s)}" if node.silent else "", style="yellow")
    if now is None:
        return [Text(node.name), Text("not heard of yet"), *[Text("–")] * 4, told]
    estimate = "" if now.origin == "measured" else " (estimate)"
    return [
        Text(node.name),
        Text(f"{now.actor}, {now.phase}" if now.actor else now.phase),
        Text("–" if now.samples is None else f"{now.samples:,}"),
        Text("–" if now.score is None else f"{now.score:.3f}"),
        Text("–" if now.watts is None else watts(now.watts) + estimate),
        Text("–" if now.joules is None else joules(now.joules)),
        told,
    ]


def _silent_of(count: int) -> Text:
    return Text(f"{count:,} of them silent" if count else "", style="yellow")


def in_a_line(nodes: Sequence[NodeStanding]) -> str:
    """How many there are, what they draw, and which are silent, for a pipe; "": there are none."""
    if not nodes:
        return ""
    powers = [node.now.watts for node in nodes if node.now is not None and node.now.watts is not None]
    words = [f"{len(nodes)} other nodes" if len(nodes) > 1 else f"1 other node ({nodes[0].name})"]
    if powers:
        low, high = watts(min(powers)), watts(max(powers))
        words.append(low if low == high else f"{low} to {high} each")
    silent = [f"{node.name} silent for {seconds(node.silent_s)}" for node in nodes if node.silent]
    more = [f"{len(silent) - 3} more silent"] if len(silent) > 3 else []
    return ", ".join([*words, *silent[:3], *more])
