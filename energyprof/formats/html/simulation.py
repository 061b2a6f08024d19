"""A simulation as one page: parts with intervals, what moves them, where paradigms cross; drawings as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from energyprof import files
from energyprof.formats import simulation_words as words
from energyprof.formats.html.document import data_block, document
from energyprof.formats.html.simulation_bars import bars, tornado
from energyprof.formats.html.simulation_curves import curve_figure
from energyprof.formats.html.tags import Markup, paragraph, section, table, tag, text
from energyprof.formats.simulation_data import simulation_json
from energyprof.simulate.simulation import Simulation

_BARS = "Each bar is a way to train, by what takes its energy."
_DRAWS = (
    "The line under it is the middle 95 % of {draws:,} "
    "draws, in which every input lies off by chance within its own interval."
)
_TORNADO = (
    "Each input by itself from its low to its high, all others at their values; what moves the energy most "
    "stands first. The broken line is the scenario as it is."
)
_CURVES = (
    "Totals along one input; where two lines meet, both ways to train take the same. The broken line is now."
)


def write_simulation_page(place: Path, found: Simulation) -> None:
    """Write the page. Raises FileError: it cannot be written."""
    files.write_text(place, simulation_page(found))


def simulation_page(found: Simulation) -> str:
    """The whole page as HTML."""
    header = [paragraph(words.HEAD, "warn")]
    header += [paragraph(f"{name}: {said}") for name, said in found.links.items()]
    return document(found.name, header, _sections(found), data_block("simulation", simulation_json(found)))


def _sections(found: Simulation) -> Iterator[Markup]:
    how = _BARS
    if any(outcome.drawn for outcome in found.outcomes):
        how = f"{_BARS} {_DRAWS.format(draws=found.draws)}"
    yield section("Energy by part", paragraph(how), bars(found, "energy_j"))
    if all(not math.isnan(outcome.total.co2_kg) for outcome in found.outcomes):
        note = "Use and manufacture, at the grids of the places that use the energy."
        yield section("Carbon by part", paragraph(note), bars(found, "co2_kg"))
    least = words.least_lines(found)
    if least:
        yield section("Which takes least", _listed(least))
    moving = [one for one in found.swings if one.span_j]
    if moving:
        yield section("What moves the energy", paragraph(_TORNADO), *tornado(found))
    elif found.swings:
        yield section("What moves the energy", _listed(words.swing_lines(found)))
    if found.crossings:
        drawn = [curve_figure(curve, found.crossings) for curve in found.curves]
        yield section("Where they cross", paragraph(_CURVES), _listed(words.crossing_lines(found)), *drawn)
    for title, lines in (
        ("Software carbon intensity", words.score_lines(found)),
        ("Consensus", words.consensus_lines(found)),
        ("Primary energy and water", words.resource_lines(found)),
        ("What is left out", found.notes),
        ("What was measured", found.measurements),
    ):
        if lines:
            yield section(title, _listed(lines))
    rows = [[text(part) for part in line.partition(": ")[::2]] for line in found.assumptions]
    if rows:
        yield section("What it rests on", table(("how it is known", "what"), rows))


def _listed(lines: tuple[str, ...] | list[str]) -> Markup:
    return tag("ul", *(tag("li", text(line)) for line in lines))
