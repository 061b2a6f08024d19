"""A fleet's training as one page: where its joules go, and how far it is as time goes on."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from pathlib import Path

from energyprof import files
from energyprof.formats import fleet_words as words
from energyprof.formats.fleet import MOST_KINDS, fleet_json
from energyprof.formats.html.document import data_block, document
from energyprof.formats.html.drawn_rows import block, row, rows, whisker
from energyprof.formats.html.plot import Axis, at, axis, legend, path, plot, svg, swatch
from energyprof.formats.html.style import colour, pale
from energyprof.formats.html.tags import Markup, numbers, paragraph, section, table, tag, text
from energyprof.formats.simulation_words import energy, mass, plain
from energyprof.simulate.fleet.fleet import FleetOutcome
from energyprof.units import si

HEIGHT_PX = 150
J_PER_WH = 3600.0
# A part has the same colour on every fleet's page; what is of no use to the model is pale.
_COLOURS = {
    "training": colour(0),
    "link": colour(1),
    "start": colour(2),
    "waiting": colour(-1),
    "late": colour(4),
    "broken off": pale(4),
    "standby": pale(-1),
    "server": colour(5),
    "overhead": pale(5),
}
_BY_PART = "What the whole fleet takes, by what it is spent on."
_DRAWS = "The line under it is the middle 95 % of {count:,} draws of other fleets like it."
_BY_KIND = "Their turns and their waiting; standby, the server and the sites' overhead are of all together."
_COURSE = "How much of the way to the target is done, and how many updates enter the model in a round."


def write_fleet_page(place: Path, found: FleetOutcome) -> None:
    """Write the page. Raises FileError: it cannot be written."""
    files.write_text(place, fleet_page(found))


def fleet_page(found: FleetOutcome) -> str:
    """The whole page as HTML."""
    header = [paragraph(words.HEAD, "warn"), *(paragraph(line) for line in words.asked(found))]
    header.append(paragraph(words.reached(found), "warn" if found.why else "note"))
    title = found.scenario.training.name
    return document(title, header, _sections(found), data_block("fleet", fleet_json(found)))


def _sections(found: FleetOutcome) -> Iterator[Markup]:
    yield section("What it takes", *_figures(found))
    said = _BY_PART
    if found.doubt is not None and "energy_j" in found.doubt.intervals:
        said = f"{_BY_PART} {_DRAWS.format(count=found.doubt.reached)}"
    yield section("Energy by part", paragraph(said), _by_part(found))
    yield section("Energy by kind of client", paragraph(_BY_KIND), _by_kind(found))
    if len(found.course) > 1:
        yield section("How it goes", paragraph(_COURSE), *_course(found))
    if found.sites:
        cells = [
            [text(site.site), text(energy(site.energy_j)), text(mass(site.co2_kg)), text(site.said)]
            for site in found.sites
        ]
        yield section("Sites", table(("site", "energy", "CO2e", "intensity"), cells))
    yield section("Turns", _listed(words.lines(found)))
    if found.excess is not None:
        title = f"Within the power domains: {words.many(found.excess.rounds, 'round')}"
        yield section(title, _listed(words.excess_lines(found.excess)))
    yield from _inputs(found)


def _figures(found: FleetOutcome) -> Iterator[Markup]:
    doubt = found.doubt
    heads = ["", "this fleet"]
    if doubt is None:
        yield paragraph(words.played_once(found))
    else:
        if doubt.reached < doubt.draws:
            yield paragraph(words.missed(doubt), "warn")
        heads += [f"95 % of {doubt.reached:,} draws", "inputs at their ends"]
    cells = []
    for figure, (name, said) in words.FIGURES.items():
        value = getattr(found, figure)
        if math.isnan(value):
            continue
        spans = [] if doubt is None else [doubt.intervals.get(figure), doubt.ends.get(figure)]
        shown = ["–" if span is None else words.span(said, *span) for span in spans]
        cells.append([text(cell) for cell in (name, said(value), *shown)])
    yield table(heads, cells)


def _by_part(found: FleetOutcome) -> Markup:
    span = None if found.doubt is None else found.doubt.intervals.get("energy_j")
    most_j = max(found.energy_j, 0.0 if span is None else span[1])
    x = axis(0.0, most_j / J_PER_WH, "energy", "Wh")
    marks, reached = [], 0.0
    parts = {name: joules for name, joules in found.parts.items() if joules > 0}
    for name, joules in parts.items():
        until = reached + joules / J_PER_WH
        marks.append(block(x, reached, until, _COLOURS[name], f"{name}: {energy(joules)}"))
        reached = until
    shown = "" if span is None else f"{energy(span[0])} … {energy(span[1])}"
    if span is not None:
        marks += whisker(x, span[0] / J_PER_WH, span[1] / J_PER_WH)
    drawn = svg(marks, f"the fleet: {energy(found.energy_j)}" + (f", {shown}" if shown else ""))
    columns = [("", 14), (x.name, 48), ("total", 14), *([("95 % of draws", 24)] if shown else [])]
    bar = rows(columns, [row("the fleet", drawn, (energy(found.energy_j), *filter(None, [shown])))], x)
    listed = [
        (name, energy(joules), f"{100 * joules / found.energy_j:.1f} %") for name, joules in parts.items()
    ]
    marks_of = legend((name, swatch(_COLOURS[name])) for name in parts)
    return tag("figure", marks_of, bar, numbers(("part", "energy", "share"), listed))


def _by_kind(found: FleetOutcome) -> Markup:
    kinds = found.kinds[:MOST_KINDS]
    x = axis(0.0, max(kind.energy_j for kind in kinds) / J_PER_WH, "energy", "Wh")
    columns = (("kind and clients", 20), (x.name, 42), ("total", 16), ("a client", 22))
    made, listed = [], []
    for kind in kinds:
        each = "–" if not kind.clients else si(kind.energy_j / kind.clients, "J")
        drawn = svg(
            [block(x, 0.0, kind.energy_j / J_PER_WH, colour(0))], f"{kind.name}: {energy(kind.energy_j)}"
        )
        made.append(row(f"{kind.name} × {kind.clients:,}", drawn, (energy(kind.energy_j), each)))
        listed.append(
            (kind.name, f"{kind.clients:,}", f"{kind.turns:,}", energy(kind.energy_j), each, kind.source)
        )
    more = len(found.kinds) - len(kinds)
    heads = ("kind", "clients", "turns used", "energy", "a client", "from")
    note = [paragraph(f"{more} more in the page's data")] if more else []
    return tag("figure", rows(columns, made, x), *note, numbers(heads, listed))


def _course(found: FleetOutcome) -> Iterator[Markup]:
    moments = found.course
    x = axis(0.0, moments[-1].time_s, "time", "s")
    y = axis(0.0, 100.0, "done (%)")
    line = [(0.0, 0.0), *((one.time_s, 100 * one.progress) for one in moments)]
    yield _line(x, y, line, f"{100 * found.progress:.0f} % of the way in {words.long(found.time_s)}")
    one = "step" if found.scenario.training.aggregation == "asynchronous" else "round"
    # Of many rounds not each is kept: the mean of those between two that are.
    steps = [(0, 0), *((moment.rounds, moment.updates) for moment in moments)]
    means = [(b[0], (b[1] - a[1]) / (b[0] - a[0])) for a, b in itertools.pairwise(steps)]
    x = axis(0.0, float(moments[-1].rounds), one)
    y = axis(0.0, max(1.0, *(mean for _, mean in means)), f"updates a {one}")
    least, most = (f"{end(mean for _, mean in means):,.4g}" for end in (min, max))
    yield _line(x, y, [(float(at), mean) for at, mean in means], f"{least} to {most} updates a {one}")


def _line(x: Axis, y: Axis, points: list[tuple[float, float]], title: str) -> Markup:
    style = f"stroke:{colour(0)}"
    drawn = path([at(x, y, point) for point in points], class_="curve", style=style)
    return tag("figure", plot([drawn], x, y, title=title, height_px=HEIGHT_PX))


def _inputs(found: FleetOutcome) -> Iterator[Markup]:
    cells = [
        [text(plain(one.clients)), text(plain(one.rounds)), text(one.source)] for one in found.scenario.rounds
    ]
    heads = ("clients in a round", "rounds to the target", "from")
    yield section("Rounds to the target", table(heads, cells))
    doubts = sorted(found.scenario.doubts.items())
    if doubts:
        shown = [
            [text(key), *(text(f"{value:.6g}") for value in (q.value, q.low, q.high)), text(q.source)]
            for key, q in doubts
        ]
        yield section("What is not known to a digit", table(("", "value", "low", "high", "from"), shown))


def _listed(lines: list[str]) -> Markup:
    return tag("ul", *(tag("li", text(line)) for line in lines))
