"""A change against a base, drawn: a dot and the line of its interval."""

from __future__ import annotations

from collections.abc import Sequence

from energyprof.compare.effects import Effect
from energyprof.formats.html.plot import SIZE, Axis, dot, path, ratio_axis, svg
from energyprof.formats.html.style import colour
from energyprof.formats.html.tags import Markup
from energyprof.units import percent

_END = 260  # half the height of a whisker's end, in the drawing's units


def effect_axis(effects: Sequence[Effect]) -> Axis:
    """One that holds them all, if not the whole of wide intervals."""
    ratios = [1.0]
    for effect in effects:
        ratios += [effect.ratio, max(effect.low or effect.ratio, effect.ratio / 2)]
        ratios.append(min(effect.high or effect.ratio, effect.ratio * 2))
    return ratio_axis(min(ratios) / 1.01, max(ratios) * 1.01)


def span_words(effect: Effect | None) -> str:
    """Such as "-12 % … +3 %"."""
    if effect is None:
        return ""
    if effect.low is None or effect.high is None:
        return "one block"
    return f"{percent(effect.low - 1)} … {percent(effect.high - 1)}"


def whisker(effect: Effect | None, x: Axis, label: str) -> Markup:
    """The drawing, on ``x``."""
    middle, one = SIZE / 2, SIZE * x.share(1.0)
    marks = [path([(one, -200), (one, SIZE + 200)], class_="mark")]
    if effect is None:
        return svg([*marks, dot((one, middle), "var(--ink)")], f"{label}: nothing to compare with")
    shade = "var(--ink)" if not effect.sure else colour(0 if effect.ratio < 1 else 1)
    if effect.low is not None and effect.high is not None:
        ends = [SIZE * min(1.0, max(0.0, x.share(end))) for end in (effect.low, effect.high)]
        marks.append(path([(ends[0], middle), (ends[1], middle)], class_="whisker", style=f"stroke:{shade}"))
        for place, value in zip(ends, (effect.low, effect.high), strict=True):
            if x.low <= value <= x.high:
                tick = [(place, middle - _END), (place, middle + _END)]
                marks.append(path(tick, class_="whisker", style=f"stroke:{shade}"))
    marks.append(dot((SIZE * x.share(effect.ratio), middle), shade))
    return svg(marks, f"{label}: {percent(effect.ratio - 1)}, {span_words(effect)}")
