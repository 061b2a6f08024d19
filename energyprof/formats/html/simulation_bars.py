"""Bars of a simulation: each paradigm's parts with its interval, and a tornado of its inputs."""

from __future__ import annotations

from collections.abc import Iterator

from energyprof.formats.html.drawn_rows import block, row, rows, whisker
from energyprof.formats.html.plot import SIZE, Axis, axis, legend, path, svg, swatch
from energyprof.formats.html.style import colour, pale
from energyprof.formats.html.tags import Markup, numbers, tag, text
from energyprof.formats.simulation_words import amount, span
from energyprof.simulate.outcome import Outcome
from energyprof.simulate.parts import PARTS, total
from energyprof.simulate.sensitivity import Swing
from energyprof.simulate.simulation import Simulation

# A part has the same colour on every page; what comes seldom is a paler one.
_COLOURS = {
    "compute": colour(0),
    "start-up": pale(5),
    "server": colour(5),
    "uplink": colour(1),
    "downlink": colour(4),
    "side link": colour(3),
    "storage": pale(2),
    "idle": colour(-1),
    "inference": pale(0),
    "manufacture": colour(2),
    "end of life": pale(4),
}
_NAMES = {"energy_j": "energy", "co2_kg": "CO2e"}
# Drawn in the units that people read.
_SHOWN = {"energy_j": (3600.0, "Wh"), "co2_kg": (1e-3, "g")}
MOST_SWINGS = 12


def bars(found: Simulation, figure: str) -> Markup:
    """A bar a paradigm, its parts side by side, with the whisker of its draws, and the numbers below."""
    totals = [_value(outcome, figure) for outcome in found.outcomes]
    ends = [outcome.drawn[figure].high for outcome in found.outcomes if figure in outcome.drawn]
    factor, unit = _SHOWN[figure]
    x = axis(0.0, max(totals + ends) / factor, _NAMES[figure], unit)
    columns = [("way to train", 20), (x.name, 42), ("total", 14)]
    columns += [("95 % of draws", 24)] if ends else []
    made = [_bar(outcome, figure, x) for outcome in found.outcomes]
    present = [name for name in PARTS if any(_part(o, name, figure) for o in found.outcomes)]
    marks = legend((name, swatch(_COLOURS[name])) for name in present)
    heads = ("way to train", "part", _NAMES[figure], "low", "high")
    return tag("figure", marks, rows(columns, made, x), numbers(heads, _numbers(found, figure)))


def _value(outcome: Outcome, figure: str) -> float:
    value: float = getattr(outcome.total, figure)
    return value


def _part(outcome: Outcome, name: str, figure: str) -> float:
    value: float = getattr(outcome.parts[name], figure) if name in outcome.parts else 0.0
    return value


def _bar(outcome: Outcome, figure: str, x: Axis) -> Markup:
    factor, _ = _SHOWN[figure]
    marks, reached = [], 0.0
    for name in PARTS:
        size = _part(outcome, name, figure) / factor
        if size > 0:
            title = f"{name}: {amount(figure, size * factor)}"
            marks.append(block(x, reached, reached + size, _COLOURS[name], title))
            reached += size
    drawn_ends = outcome.drawn.get(figure)
    shown = ""
    if drawn_ends is not None:
        low, high = drawn_ends.low, drawn_ends.high
        shown = f"{amount(figure, low)} … {amount(figure, high)}"
        marks += whisker(x, low / factor, high / factor)
    said = amount(figure, _value(outcome, figure))
    drawn = svg(marks, f"{outcome.name}: {said}" + (f", {shown}" if shown else ""))
    return row(outcome.name, drawn, (said, shown) if shown else (said,))


def _numbers(found: Simulation, figure: str) -> list[tuple[str, ...]]:
    listed = []
    for outcome in found.outcomes:
        low, high = (
            (outcome.low, outcome.high) if figure == "energy_j" else (outcome.cleaner, outcome.dirtier)
        )
        for name in PARTS:
            if name in outcome.parts:
                cells = (getattr(of[name], figure) for of in (outcome.parts, low, high))
                listed.append((outcome.name, name, *(amount(figure, cell) for cell in cells)))
        whole = (getattr(total(of), figure) for of in (outcome.parts, low, high))
        listed.append((outcome.name, "total", *(amount(figure, cell) for cell in whole)))
    return listed


def tornado(found: Simulation) -> Iterator[Markup]:
    """A drawing for each paradigm that has an input with an interval."""
    for outcome in found.outcomes:
        own = [one for one in found.swings if one.paradigm == outcome.name and one.span_j][:MOST_SWINGS]
        if not own:
            continue
        factor, unit = _SHOWN["energy_j"]
        ends = [end / factor for one in own for end in (one.energy_at_low_j, one.energy_at_high_j)]
        x = axis(min(ends), max(ends), "energy", unit)
        columns = (("input", 26), (x.name, 38), ("from … to", 20), ("energy then", 16))
        now = _value(outcome, "energy_j")
        made = [_swing(one, now, x) for one in own]
        yield tag("div", tag("h3", text(outcome.name)), rows(columns, made, x), class_="figure")


def _swing(one: Swing, now_j: float, x: Axis) -> Markup:
    factor, _ = _SHOWN["energy_j"]
    ends = sorted((one.energy_at_low_j / factor, one.energy_at_high_j / factor))
    line = SIZE * x.share(now_j / factor)
    wide = block(x, ends[0], ends[1], colour(0))
    said = span(one)
    change = f"{100 * (ends[0] * factor / now_j - 1):+.0f} … {100 * (ends[1] * factor / now_j - 1):+.0f} %"
    drawn = svg([wide, path([(line, -200), (line, SIZE + 200)], class_="mark")], f"{one.factor}: {change}")
    return row(one.factor, drawn, (said, change if now_j else ""))
