"""Bars of a simulation: each paradigm's parts with its interval, and a tornado of its inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from energyprof.formats.html.plot import SIZE, Axis, axis, legend, path, svg, swatch, x_ticks
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
# The whisker lies under its bar, where it shows on any colour.
_TOP, _BOTTOM, _LINE, _END = 60, 620, 820, 160
MOST_SWINGS = 12

_Columns = Sequence[tuple[str, int]]


def bars(found: Simulation, figure: str) -> Markup:
    """A bar a paradigm, its parts side by side, with the whisker of its draws, and the numbers below."""
    rows = [(outcome, _value(outcome, figure)) for outcome in found.outcomes]
    ends = [outcome.drawn[figure].high for outcome, _ in rows if figure in outcome.drawn]
    factor, unit = _SHOWN[figure]
    x = axis(0.0, max([value for _, value in rows] + ends) / factor, _NAMES[figure], unit)
    drawn = any(figure in outcome.drawn for outcome, _ in rows)
    columns = (("way to train", 20), (x.name, 42), ("total", 14), ("95 % of draws" if drawn else "", 24))
    made = [_bar(outcome, figure, x) for outcome, _ in rows]
    present = [name for name in PARTS if any(_part(o, name, figure) for o in found.outcomes)]
    marks = legend((name, swatch(_COLOURS[name])) for name in present)
    heads = ("way to train", "part", _NAMES[figure], "low", "high")
    return tag("figure", marks, _rows(columns, made, x), numbers(heads, _numbers(found, figure)))


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
            left, right = SIZE * x.share(reached), SIZE * x.share(reached + size)
            title = tag("title", text(f"{name}: {amount(figure, size * factor)}"))
            block = tag(
                "rect",
                x=f"{left:.1f}",
                y=_TOP,
                width=f"{right - left:.1f}",
                height=_BOTTOM - _TOP,
                style=f"fill:{_COLOURS[name]}",
            )
            marks.append(tag("g", title, block))
            reached += size
    drawn_ends = outcome.drawn.get(figure)
    shown = ""
    if drawn_ends is not None:
        low, high = drawn_ends.low, drawn_ends.high
        shown = f"{amount(figure, low)} … {amount(figure, high)}"
        marks += _whisker(SIZE * x.share(low / factor), SIZE * x.share(high / factor))
    said = amount(figure, _value(outcome, figure))
    drawn = svg(marks, f"{outcome.name}: {said}" + (f", {shown}" if shown else ""))
    return _row(outcome.name, drawn, (said, shown))


def _whisker(low: float, high: float) -> list[Markup]:
    line = path([(low, _LINE), (high, _LINE)], class_="whisker")
    ends = [path([(x, _LINE - _END), (x, _LINE + _END)], class_="whisker") for x in (low, high)]
    return [line, *ends]


def _numbers(found: Simulation, figure: str) -> list[tuple[str, ...]]:
    rows = []
    for outcome in found.outcomes:
        low, high = (
            (outcome.low, outcome.high) if figure == "energy_j" else (outcome.cleaner, outcome.dirtier)
        )
        for name in PARTS:
            if name in outcome.parts:
                cells = (getattr(of[name], figure) for of in (outcome.parts, low, high))
                rows.append((outcome.name, name, *(amount(figure, cell) for cell in cells)))
        whole = (getattr(total(of), figure) for of in (outcome.parts, low, high))
        rows.append((outcome.name, "total", *(amount(figure, cell) for cell in whole)))
    return rows


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
        yield tag("div", tag("h3", text(outcome.name)), _rows(columns, made, x), class_="figure")


def _swing(one: Swing, now_j: float, x: Axis) -> Markup:
    factor, _ = _SHOWN["energy_j"]
    ends = sorted((one.energy_at_low_j / factor, one.energy_at_high_j / factor))
    left, right = (SIZE * x.share(end) for end in ends)
    line = SIZE * x.share(now_j / factor)
    block = tag(
        "rect",
        x=f"{left:.1f}",
        y=_TOP,
        width=f"{max(2.0, right - left):.1f}",
        height=_BOTTOM - _TOP,
        style=f"fill:{colour(0)}",
    )
    said = span(one)
    change = f"{100 * (ends[0] * factor / now_j - 1):+.0f} … {100 * (ends[1] * factor / now_j - 1):+.0f} %"
    drawn = svg([block, path([(line, -200), (line, SIZE + 200)], class_="mark")], f"{one.factor}: {change}")
    return _row(one.factor, drawn, (said, change if now_j else ""))


def _row(name: str, drawn: Markup, cells: Sequence[str]) -> Markup:
    shown = [
        tag("td", tag("span", text(cell), class_="whole") if len(cell) < 20 else text(cell), role="cell")
        for cell in cells
    ]
    return tag(
        "tr",
        tag("th", text(name), scope="row", role="rowheader"),
        tag("td", drawn, class_="drawn", role="cell"),
        *shown,
        role="row",
    )


def _rows(columns: _Columns, rows: Sequence[Markup], x: Axis) -> Markup:
    """Rows under one header, with the scale of their drawings at the bottom."""
    widths = tag("colgroup", *(tag("col", style=f"width:{width}%") for _, width in columns))
    heads = [tag("th", text(name), scope="col", role="columnheader") for name, _ in columns]
    scale = tag("tr", tag("th"), tag("td", x_ticks(x), class_="drawn"), class_="scale", aria_hidden="true")
    return tag(
        "table",
        widths,
        tag("thead", tag("tr", *heads, role="row"), role="rowgroup"),
        tag("tbody", *rows, scale, role="rowgroup"),
        class_="rows",
        role="table",
    )
