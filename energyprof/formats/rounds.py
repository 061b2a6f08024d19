"""What each client and the server took, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from energyprof.compare.actors import ActorSum, actors
from energyprof.report.record import Run
from energyprof.units import joules, seconds, si

# More rows would fill screens.
MOST_ACTORS = 20
MOST_SCORED = 3  # runs whose rounds are shown one by one


def rounds_table(runs: Sequence[Run]) -> RenderableType | None:
    """Time, energy, samples and bytes by actor, a mean over the runs; ``None``: there are no rounds."""
    found = actors(runs)
    if not found:
        return None
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    table.add_column("by actor", header_style="dim", overflow="fold")
    for name in ("time", "energy", "samples", "sent", "received"):
        table.add_column(name, justify="right", header_style="dim")
    shown = _fewer(found)
    for actor in shown:
        energy = "–" if actor.energy_j is None else joules(actor.energy_j)
        samples = f"{actor.samples:,.0f}" if actor.samples else "–"
        sent, received = (si(amount, "B") if amount else "–" for amount in (actor.bytes_up, actor.bytes_down))
        table.add_row(actor.actor, seconds(actor.time_s), energy, samples, sent, received)
    having = [run for run in runs if run.rounds]
    lines = [f"  {sum(len(run.rounds) for run in having) / len(having):.4g} rounds"]
    lines[0] += _losses(having)
    reason = next((actor.reason for actor in found if actor.reason), "")
    if reason and any(number.energy_j is not None for run in having for number in run.rounds):
        lines.append(f"  joules of a client are not known where {reason}: those of a round are")
    told = (Text(line, style="dim") for line in lines)
    scored = [run for run in having if any(number.scores for number in run.rounds)]
    return Group(table, *told, *(_scores(run) for run in scored[:MOST_SCORED]))


def _scores(run: Run) -> Table:
    """The rounds of a run that are scored on more than the validation set, old and new data say."""
    names = sorted({name for number in run.rounds for name in number.scores}, reverse=True)
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    seed = "" if run.seed is None else f", seed {run.seed}"
    table.add_column("round" + seed, header_style="dim")
    for name in ("energy", "time", "samples", "score", *(f"on {name}" for name in names)):
        table.add_column(name, justify="right", header_style="dim")
    for number in run.rounds:
        known = (number.score, *(number.scores.get(name) for name in names))
        table.add_row(
            str(number.round),
            "–" if number.energy_j is None else joules(number.energy_j),
            seconds(number.time_s),
            f"{sum(client.samples for client in number.clients):,}",
            *("–" if score is None else f"{score:.4g}" for score in known),
        )
    return table


def _fewer(found: tuple[ActorSum, ...]) -> list[ActorSum]:
    """No more than ``MOST_ACTORS`` rows: the first, all others together, and the last, the server."""
    if len(found) <= MOST_ACTORS:
        return list(found)
    first, rest = list(found[: MOST_ACTORS - 2]), found[MOST_ACTORS - 2 : -1]
    phases_j = {"": sum(actor.energy_j or 0.0 for actor in rest)}
    others = ActorSum(
        f"{len(rest):,} others",
        phases_j,
        sum(actor.time_s for actor in rest),
        sum(actor.samples for actor in rest),
        sum(actor.bytes_up for actor in rest),
        sum(actor.bytes_down for actor in rest),
        0,
        next((actor.reason for actor in rest if actor.reason), ""),
    )
    return [*first, others, found[-1]]


def _losses(runs: Sequence[Run]) -> str:
    outcomes = [client.outcome for run in runs for number in run.rounds for client in number.clients]
    lost = [(outcomes.count(kind), kind) for kind in ("late", "dropped")]
    words = ", ".join(f"{count:,} {kind}" for count, kind in lost if count)
    return f"; of {len(outcomes):,} turns of clients {words}: trained, but not used" if words else ""
