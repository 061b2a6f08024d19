"""Who waits for whom: a table by rank, one by node, and what is assumed; for terminal and page."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from energyprof.compare.waiting import NodeWaiting, RankTime, node_waiting, rank_times
from energyprof.formats.node_table import node_table
from energyprof.report.record import Report
from energyprof.units import joules, plus_minus, seconds, si, two_digits

RANK_TITLES = ("rank", "node", "a step", "itself", "blocked", "waits", "longer by")
WAIT_TITLES = ("node", "waiting", "energy of it", "of its energy", "")
# So many ranks of those that stand out; the page and the report have all.
MOST_RANKS = 12
NAMED = 3

BLOCKED = (
    "blocked: in the exchange of gradients; waits: longer than the rank that is blocked least, for others"
)
BETWEEN = "joules of waiting: at a power between the idle node's and its mean, as no meter tells them apart"
MARKED = "joules: the node's meters while its program was in the phases that it marked as waiting"


def waiting_tables(report: Report) -> RenderableType | None:
    """Of the last run, for people; ``None``: nothing tells of waiting."""
    if not report.runs:
        return None
    ranks, nodes = rank_times(report, report.runs[-1]), node_waiting(report, report.runs[-1])
    parts: list[RenderableType] = []
    if ranks:
        parts += [node_table(RANK_TITLES, rank_rows(outstanding(ranks))), *more_ranks(ranks), Text()]
    shown = sorted(nodes, key=lambda of: -of.time_s)[:MOST_RANKS]
    if reason := _no_joules(nodes):
        parts.append(Text(reason))
    elif nodes:
        parts.append(node_table(WAIT_TITLES, wait_rows([of for of in nodes if of in shown])))
        if left := len(nodes) - len(shown):
            parts.append(Text(f"  {left:,} nodes that waited less are in the report", style="dim"))
    parts += [Text(line, style="yellow") for line in stragglers(ranks)]
    parts += [Text(line, style="dim") for line in assumed(nodes)]
    return Group(*parts) if parts else None


def _no_joules(nodes: Sequence[NodeWaiting]) -> str:
    """One line for all nodes, if they have the same reason to have no joules; "": they do not."""
    reasons = {of.reason for of in nodes}
    if len(reasons) != 1 or not nodes[0].reason:
        return ""
    times = sorted({seconds(of.time_s) for of in (min(nodes, key=_time_s), max(nodes, key=_time_s))})
    return f"waiting: {' to '.join(times)} a rank; no joules: {nodes[0].reason}"


def _time_s(of: NodeWaiting) -> float:
    return of.time_s


def outstanding(ranks: Sequence[RankTime]) -> list[RankTime]:
    """Few enough ranks to be read, in their order: those that take longest, and those that wait most."""
    if len(ranks) <= MOST_RANKS:
        return list(ranks)
    half = MOST_RANKS // 2
    places = range(len(ranks))
    slow = set(sorted(places, key=lambda i: -ranks[i].own_s)[:half])
    patient = sorted(slow.symmetric_difference(places), key=lambda i: -ranks[i].waits_s)[:half]
    return [ranks[i] for i in sorted(slow.union(patient))]


def more_ranks(ranks: Sequence[RankTime]) -> list[Text]:
    """How the ranks stand that are not shown."""
    shown = {id(of) for of in outstanding(ranks)}
    rest = [of for of in ranks if id(of) not in shown]
    if not rest:
        return []
    own = sorted(of.own_s for of in rest)
    waits = sorted(of.waits_s for of in rest)
    own_words, wait_words = (
        " to ".join(dict.fromkeys(si(ends, "s") for ends in (of[0], of[-1]))) for of in (own, waits)
    )
    words = f"  {len(rest):,} more: {own_words} a step itself, waiting {wait_words}"
    return [Text(words, style="dim")]


def rank_rows(ranks: Sequence[RankTime]) -> list[tuple[str, ...]]:
    """A row for each of the ranks, by ``RANK_TITLES``."""
    return [
        (
            str(of.rank),
            of.node,
            si(of.step_s, "s"),
            si(of.own_s, "s"),
            si(of.blocked_s, "s"),
            plus_minus(of.waits_s, of.waits_u_s, "s") if of.waits_u_s else si(of.waits_s, "s"),
            si(of.longer_s, "s") if of.straggles else "",
        )
        for of in ranks
    ]


def wait_rows(nodes: Sequence[NodeWaiting]) -> list[tuple[str, ...]]:
    """A row for each node, by ``WAIT_TITLES``."""
    return [
        (
            of.node,
            seconds(of.time_s),
            _energy(of),
            "–" if of.share is None else two_digits(of.share),
            of.reason,
        )
        for of in nodes
    ]


def _energy(of: NodeWaiting) -> str:
    if of.energy_j is None:
        return "–"
    return plus_minus(of.energy_j, of.energy_u_j, "J") if of.energy_u_j else joules(of.energy_j)


def stragglers(ranks: Sequence[RankTime]) -> list[str]:
    """A line on those that the others wait for, the slowest first."""
    slow = sorted((of for of in ranks if of.straggles), key=lambda of: -of.longer_s)
    lines = [
        f"! rank {of.rank} ({of.node}) takes {si(of.longer_s, 's')} longer a step than most,"
        f" {two_digits(of.longer_s / of.usual_s)} more: the others wait for it"
        for of in slow[:NAMED]
    ]
    return lines + ([f"! {len(slow) - NAMED} more ranks straggle"] if len(slow) > NAMED else [])


def assumed(nodes: Sequence[NodeWaiting]) -> list[str]:
    """What the joules stand on, in words."""
    told = [of for of in nodes if not of.marked]
    known = any(of.energy_j is not None for of in told)
    lines = ([BLOCKED] if told else []) + ([BETWEEN] if known else [])
    return lines + ([MARKED] if len(told) < len(nodes) else [])
