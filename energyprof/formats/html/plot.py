"""The frame of a drawing: axes with round ticks, and marks that keep their width at any screen size.

The drawing is stretched to the page's width (``preserveAspectRatio="none"``), its lines are not
(``vector-effect``), and labels are HTML beside it, so they are as large on a phone as on a desktop.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence

from energyprof.formats.html.tags import Markup, join, tag, text
from energyprof.storable.frozen import dataclass

SIZE = 1000  # the drawing's own units, in both directions
MOST_TICKS = 6

XY = tuple[float, float]


@dataclass(frozen=True)
class Axis:
    """From values to positions; ``ticks`` are values and their labels."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    name: str
    logarithmic: bool = False

    def share(self, value: float) -> float:
        """Where ``value`` lies, 0 at the low end and 1 at the high end, also beyond them."""
        if self.logarithmic and value <= 0:
            return -math.inf
        if self.logarithmic:
            return (math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        return (value - self.low) / (self.high - self.low)


def axis(low: float, high: float, quantity: str, unit: str = "") -> Axis:
    """A linear axis that includes ``low`` and ``high``, with a name such as ``energy (kJ)``."""
    if not high > low:
        low, high = low - (abs(low) or 1.0) / 2, high + (abs(high) or 1.0) / 2
    factor, shown = _scale(max(abs(low), abs(high)), unit)
    step = _step((high - low) / factor) * factor
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    ticks = tuple((i * step, f"{i * step / factor + 0.0:.6g}") for i in range(first, last + 1))
    return Axis(low, high, ticks, f"{quantity} ({shown})" if shown else quantity)


def ratio_axis(low: float, high: float) -> Axis:
    """A logarithmic axis that includes ``low``, 1 and ``high``, with ticks such as ``× 0.5``."""
    low, high = min(low, 0.99), max(high, 1.01)
    if high / low <= 4:
        step = _step(high - low)
        counts = range(math.ceil((low - 1) / step), math.floor((high - 1) / step) + 1)
        values = [1 + i * step for i in counts]
    else:
        # Words closer together than an eighth of the scale would run into each other on a phone.
        least = (math.log(high) - math.log(low)) / 8
        choices = (_powers(low, high, *series) for series in _SERIES)
        values = next((found for found in choices if _fits(found, least)), [1.0])
    return Axis(low, high, tuple((value, f"× {value:.4g}") for value in values), "", logarithmic=True)


def _fits(values: Sequence[float], least: float) -> bool:
    gaps = [math.log(b) - math.log(a) for a, b in itertools.pairwise(values)]
    return len(values) <= MOST_TICKS + 1 and all(gap >= least for gap in gaps)


def _powers(low: float, high: float, base: float, *factors: float) -> list[float]:
    first, last = math.floor(math.log(low, base)), math.floor(math.log(high, base))
    values = [factor * base**i for i in range(first, last + 1) for factor in (1.0, *factors)]
    return [value for value in values if low <= value <= high]


# Ticks for a wide range, from fine to coarse.
_SERIES = (
    (10.0, 1.5, 2.0, 3.0, 5.0, 7.0),
    (10.0, 2.0, 3.0, 5.0),
    (10.0, 2.0, 5.0),
    (10.0, 3.0),
    *((base,) for base in (10.0, 100.0, 1e4, 1e8, 1e16, 1e32, 1e64)),
)
_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"))
_TIMES = ((3 * 3600.0, 3600.0, "h"), (180.0, 60.0, "min"), (0.0, 1.0, "s"))


# Nobody says megagram.
_MASSES = ((1e12, "Mt"), (1e9, "kt"), (1e6, "t"))


def _scale(largest: float, unit: str) -> tuple[float, str]:
    """What to divide by, and the resulting unit; times come in s, min or h."""
    if unit == "g" and largest >= 1e6:
        return next((factor, name) for factor, name in _MASSES if largest >= factor)
    if unit == "s":
        return next((factor, name) for least, factor, name in _TIMES if largest >= least)
    if not unit:
        return 1.0, ""
    return next(((f, prefix + unit) for f, prefix in _PREFIXES if largest >= f), (1.0, unit))


def _step(span: float) -> float:
    """1, 2 or 5 times a power of ten, such that ``span`` holds at most MOST_TICKS of them."""
    power = 10.0 ** math.floor(math.log10(span / MOST_TICKS))
    return next((m * power for m in (1, 2, 5) if span / (m * power) <= MOST_TICKS), 10 * power)


def at(x: Axis, y: Axis, point: XY) -> XY:
    """The point in the drawing's units, y upwards."""
    return SIZE * x.share(point[0]), SIZE * (1 - y.share(point[1]))


def path(points: Iterable[XY], **attributes: object) -> Markup:
    """A line through points in the drawing's units."""
    words = " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return tag("path", d=f"M{words}", **attributes)


def area(lower: Sequence[XY], upper: Sequence[XY], **attributes: object) -> Markup:
    """The area between two lines."""
    words = " ".join(f"{x:.1f},{y:.1f}" for x, y in (*upper, *reversed(lower)))
    return tag("polygon", points=words, **attributes)


def dot(place: XY, stroke: str, title: str = "") -> Markup:
    """A round mark: a line of no length with round ends stays round however the drawing is stretched."""
    mark = tag("path", d=f"M{place[0]:.1f} {place[1]:.1f}h0.01", class_="dot", style=f"stroke:{stroke}")
    return tag("g", tag("title", text(title)), mark) if title else mark


def column(start: float, end: float, **attributes: object) -> Markup:
    """A stripe from top to bottom between two positions."""
    return tag("rect", x=f"{start:.1f}", y=0, width=f"{max(0.0, end - start):.1f}", height=SIZE, **attributes)


def plot(marks: Sequence[Markup], x: Axis, y: Axis, *, title: str, height_px: int) -> Markup:
    """The drawing with its axes; ``title`` says in a sentence what it shows."""
    rules = [
        path([(0, SIZE * (1 - y.share(v))), (SIZE, SIZE * (1 - y.share(v)))], class_="rule")
        for v, _ in y.ticks
    ]
    drawn = svg([*rules, *marks], title)
    ys = [tag("span", text(word), style=f"bottom:{100 * y.share(v):.2f}%") for v, word in y.ticks]
    name = tag("div", text(y.name), class_="yname") if y.name else Markup("")
    xname = tag("div", text(x.name), class_="xname") if x.name else Markup("")
    return tag(
        "div",
        name,
        tag("div", *ys, class_="ys", aria_hidden="true"),
        drawn,
        x_ticks(x),
        xname,
        class_="plot",
        style=f"--height:{height_px}px",
    )


def x_ticks(x: Axis) -> Markup:
    """The labels under the drawing; on a phone every other tick is dropped."""
    # The one that must stay: "no change" on a scale of ratios, else the first.
    kept = next((i for i, (value, _) in enumerate(x.ticks) if x.logarithmic and value == 1), 0)
    spans = [
        tag(
            "span",
            text(word),
            style=f"left:{100 * x.share(value):.2f}%",
            class_="minor" if len(x.ticks) > 4 and (i - kept) % 2 else None,
        )
        for i, (value, word) in enumerate(x.ticks)
    ]
    return tag("div", *spans, class_="xs", aria_hidden="true")


def svg(marks: Sequence[Markup], title: str) -> Markup:
    """The bare drawing; its title is read aloud and shown under the pointer."""
    return tag(
        "svg",
        tag("title", text(title)),
        join(marks),
        viewBox=f"0 0 {SIZE} {SIZE}",
        preserveAspectRatio="none",
        role="img",
        aria_label=title,
    )


def legend(items: Iterable[tuple[str, Markup]]) -> Markup:
    """Names with a sample of their mark, drawn in a box of 32 by 16."""
    parts = [
        tag("li", tag("svg", mark, viewBox="0 0 32 16", aria_hidden="true"), text(name))
        for name, mark in items
    ]
    return tag("ul", *parts, class_="legend")


def filled(colours: Mapping[str, str]) -> Markup:
    """A legend of filled colours by name; names that share one stand at it together."""
    together: dict[str, list[str]] = {}
    for name, fill in colours.items():
        together.setdefault(fill, []).append(name)
    return legend((", ".join(names), swatch(fill)) for fill, names in together.items())


def swatch(fill: str) -> Markup:
    """A legend's sample of a filled colour."""
    return tag("rect", x=4, y=1, width=24, height=14, style=f"fill:{fill}")


def stretches(places: Sequence[XY | None]) -> list[list[XY]]:
    """The unbroken parts of a line that has holes."""
    parts: list[list[XY]] = [[]]
    for place in places:
        if place is None:
            parts.append([])
        else:
            parts[-1].append(place)
    return [part for part in parts if part]
