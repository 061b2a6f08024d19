"""Curves of a simulation: each paradigm's total along one input, and where they cross."""

from __future__ import annotations

import math
from collections.abc import Sequence

from energyprof.formats.html.plot import Axis, at, dot, legend, path, plot
from energyprof.formats.html.style import DASHES, LIGHT, colour
from energyprof.formats.html.tags import Markup, numbers, tag, text
from energyprof.formats.simulation_words import amount, said
from energyprof.simulate.break_even import Crossing
from energyprof.simulate.curves import Curve

_SHOWN = {"energy_j": (3600.0, "Wh", "energy"), "co2_kg": (1e-3, "g", "CO2e")}
MOST_TICKS = 6
HEIGHT_PX = 280
_ROWS = 5  # every so many points stand in the table


def curve_figure(curve: Curve, crossings: Sequence[Crossing]) -> Markup:
    """The drawing with both axes logarithmic, dots where paradigms cross, and its numbers."""
    factor, unit, name = _SHOWN[curve.figure]
    lines = {
        paradigm: [(x, y / factor) for x, y in zip(curve.at, values, strict=True) if y > 0]
        for paradigm, values in curve.by_paradigm.items()
    }
    heights = [y for points in lines.values() for _, y in points]
    title = f"{name} against {curve.dial}"
    heading = tag("h3", text(title[0].upper() + title[1:]))
    if not heights:
        return tag("figure", heading)
    x = log_axis(min(curve.at), max(curve.at), curve.dial, curve.unit)
    y = log_axis(min(heights), max(heights), name, unit)
    marks = [path([at(x, y, (curve.now, y.low)), at(x, y, (curve.now, y.high))], class_="mark")]
    for i, points in enumerate(lines.values()):
        marks.append(path([at(x, y, point) for point in points], class_="curve", style=_stroke(i)))
    met = [c for c in crossings if (c.dial, c.figure) == (curve.dial, curve.figure)]
    for one in met:
        height = _height(curve, one) / factor
        if x.low <= one.at <= x.high and y.low <= height <= y.high:
            words = f"{one.below} and {one.above} take the same at {said(one, one.at)}"
            marks.append(dot(at(x, y, (one.at, height)), "var(--ink)", words))
    named = [
        (paradigm, path([(2, 8), (30, 8)], class_="curve", style=_stroke(i)))
        for i, paradigm in enumerate(lines)
    ]
    rows = [
        (f"{curve.at[i]:.4g} {curve.unit}", *(amount(curve.figure, v[i]) for v in curve.by_paradigm.values()))
        for i in range(0, len(curve.at), _ROWS)
    ]
    table = numbers((curve.dial, *curve.by_paradigm), rows)
    drawn = plot(marks, x, y, title=f"{title}, a line for each way to train", height_px=HEIGHT_PX)
    return tag("figure", heading, drawn, legend(named), table)


def _stroke(i: int) -> str:
    dash = DASHES[i // len(LIGHT) % len(DASHES)]
    return f"stroke:{colour(i)}" + (f";stroke-dasharray:{dash}" if dash else "")


def _height(curve: Curve, one: Crossing) -> float:
    """The total at the crossing, between the curve's points."""
    values = curve.by_paradigm[one.below]
    for i in range(len(curve.at) - 1):
        left, right = curve.at[i], curve.at[i + 1]
        if left <= one.at <= right:
            share = math.log(one.at / left) / math.log(right / left)
            return values[i] ** (1 - share) * values[i + 1] ** share if values[i] > 0 < values[i + 1] else 0.0
    return 0.0


def log_axis(low: float, high: float, quantity: str, unit: str) -> Axis:
    """A logarithmic axis with a tick at 1, 2 and 5 of each decade, as far as they fit."""
    if not high > low * 1.01:
        low, high = low / 2, high * 2
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for factors, step in (((1, 2, 5), 1), ((1, 3), 1), ((1,), 1), ((1,), 2), ((1,), 4), ((1,), 8)):
        ticks = [m * 10.0**power for power in range(first, last + 1, step) for m in factors]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= MOST_TICKS:
            break
    name = f"{quantity} ({unit})" if unit else quantity
    return Axis(low, high, tuple((tick, _short(tick)) for tick in ticks), name, logarithmic=True)


def _short(tick: float) -> str:
    """Such as "20k": the unit stands at the axis."""
    factor, prefix = next((f, p) for f, p in _PREFIXES if tick >= f * 0.999 or f == 1)
    return f"{tick / factor:g}{prefix}"


_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))
