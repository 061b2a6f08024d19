"""Where the energy of a training by several clients goes, round by round and actor by actor."""

from __future__ import annotations

from collections.abc import Sequence

from energyprof.compare.actors import SERVER, actors, of_round
from energyprof.compare.budget import counting
from energyprof.formats.html.plot import SIZE, area, axis, legend, plot, swatch
from energyprof.formats.html.style import colour
from energyprof.formats.html.tags import Markup, numbers, paragraph, section, tag, text
from energyprof.report.record import Report, RoundRecord, Run
from energyprof.units import joules, seconds, si

HEIGHT_PX = 240
# More stripes than this nobody can tell apart: the others are one.
MOST_NAMES = 6
OTHERS = "all others"
UNKNOWN = "The joules of no round are known."


def rounds(reports: Sequence[Report], labels: Sequence[str]) -> Markup | None:
    """The section; ``None`` if no report has rounds."""
    parts: list[Markup] = []
    for report, label in zip(reports, labels, strict=True):
        run = next((run for run in counting(report) if run.rounds), None)
        if run is not None:
            parts += _of(run, label if report.origin == "measured" else f"{label} (estimate)")
    return section("Energy by actor and phase, over the rounds", *parts) if parts else None


def _of(run: Run, label: str) -> list[Markup]:
    seed = "" if run.seed is None else f", seed {run.seed}"
    title = tag("h3", text(label + seed))
    pieces = [_by_phase(number) for number in run.rounds]
    if not any(pieces):
        reason = next((c.reason for r in run.rounds for c in r.clients if c.reason), "nothing was measured")
        pieces = [{} if r.energy_j is None else {"a round": r.energy_j} for r in run.rounds]
        title = tag("div", title, paragraph(f"By round alone: {reason}." if any(pieces) else UNKNOWN))
    more = sorted({name for number in run.rounds for name in number.scores}, reverse=True)
    rows = [
        (
            str(number.round),
            *(
                "–" if score is None else f"{score:.4g}"
                for score in (number.score, *(number.scores.get(name) for name in more))
            ),
            "–" if number.energy_j is None else joules(number.energy_j),
            seconds(number.time_s),
            si(number.bytes_up, "B"),
            si(number.bytes_down, "B"),
            str(len(number.clients)),
        )
        for number in run.rounds
    ]
    heads = ("round", "score", *(f"on {name}" for name in more), "energy", "time", "up", "down", "clients")
    drawn: list[Markup] = []
    if any(pieces):
        names = _names(pieces)
        drawn = [
            legend((name, swatch(colour(i))) for i, name in enumerate(names)),
            _drawn(pieces, names, label),
        ]
    said = "Each round's joules by who spent them, and on what. " if drawn else ""
    caption = tag("figcaption", text(said + _moved(run)), class_="note")
    figure = tag("figure", *drawn, caption, numbers(heads, rows, "The numbers of each round"))
    return [title, figure, _actors(run)]


def _moved(run: Run) -> str:
    """What was sent in all rounds, in words; nothing where nobody sends."""
    up, down = (
        sum(bytes_of) for bytes_of in zip(*((r.bytes_up, r.bytes_down) for r in run.rounds), strict=True)
    )
    if not up and not down:
        return ""
    return f"In {len(run.rounds)} round(s) the clients sent {si(up, 'B')} and received {si(down, 'B')}."


def _by_phase(number: RoundRecord) -> dict[str, float]:
    """Joules by actor's kind and phase: clients are together, since there may be hundreds."""
    found: dict[str, float] = {}
    for actor in of_round(number):
        together = actor.actor != SERVER and len(number.clients) > 1
        who = "clients" if together else actor.actor
        if actor.reason:
            return {}
        for name, energy_j in actor.phases_j.items():
            found[f"{who}: {name}"] = found.get(f"{who}: {name}", 0.0) + energy_j
    return found


def _names(pieces: Sequence[dict[str, float]]) -> list[str]:
    """The largest first; what is too small for a stripe of its own is put together."""
    sums: dict[str, float] = {}
    for stacked in pieces:
        for name, energy_j in stacked.items():
            sums[name] = sums.get(name, 0.0) + energy_j
    ordered = sorted(sums, key=lambda name: sums[name], reverse=True)
    return ordered if len(ordered) <= MOST_NAMES else [*ordered[: MOST_NAMES - 1], OTHERS]


def _drawn(pieces: Sequence[dict[str, float]], names: Sequence[str], label: str) -> Markup:
    most = max((sum(stacked.values()) for stacked in pieces), default=0.0)
    x = axis(0.5, len(pieces) + 0.5, "round")
    y = axis(0.0, most or 1.0, "energy", "J")
    marks = []
    for i, stacked in enumerate(pieces):
        if not stacked:
            continue  # of an unknown round nothing is drawn, rather than 0 J
        left, right = (SIZE * x.share(edge) for edge in (i + 0.6, i + 1.4))
        low = 0.0
        for place, name in enumerate(names):
            own = stacked.get(name, 0.0)
            if name == OTHERS:
                own = sum(energy_j for other, energy_j in stacked.items() if other not in names)
            ends = [SIZE * (1 - y.share(value)) for value in (low, low + own)]
            words = f"round {i + 1}, {name}: {joules(own)}"
            shape = area(
                [(left, ends[0]), (right, ends[0])],
                [(left, ends[1]), (right, ends[1])],
                style=f"fill:{colour(place)}",
            )
            marks.append(tag("g", tag("title", text(words)), shape))
            low += own
    known = [sum(stacked.values()) for stacked in pieces if stacked]
    ends_j = f"from {joules(known[0])} in the first to {joules(known[-1])} in the last"
    title = f"energy of each round of {label}, {ends_j}"
    return plot(marks, x, y, title=title, height_px=HEIGHT_PX)


def _actors(run: Run) -> Markup:
    rows = [
        (
            actor.actor,
            "–" if actor.energy_j is None else joules(actor.energy_j),
            seconds(actor.time_s),
            f"{actor.samples:,.0f}",
            si(actor.bytes_up, "B"),
            si(actor.bytes_down, "B"),
            ", ".join(f"{name} {joules(energy_j)}" for name, energy_j in actor.phases_j.items()),
        )
        for actor in actors([run])
    ]
    heads = ("actor", "energy", "time", "samples", "up", "down", "phases")
    return numbers(heads, rows, "The numbers of each actor")
