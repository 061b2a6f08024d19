"""Rows that each hold a drawing, all on one scale that stands at their bottom."""

from __future__ import annotations

from collections.abc import Sequence

from energyprof.formats.html.plot import SIZE, Axis, path, x_ticks
from energyprof.formats.html.tags import Markup, tag, text

# The whisker lies under its bar, where it shows on any colour.
_TOP, _BOTTOM, _LINE, _END = 60, 620, 820, 160
_LEAST = 2.0  # so that what is little can be seen

Columns = Sequence[tuple[str, int]]  # heads, and their widths in percent


def block(x: Axis, start: float, end: float, fill: str, title: str = "") -> Markup:
    """A piece of a bar between two values; its title shows under the pointer."""
    left, right = SIZE * x.share(start), SIZE * x.share(end)
    piece = tag(
        "rect",
        x=f"{left:.1f}",
        y=_TOP,
        width=f"{right - left if title else max(_LEAST, right - left):.1f}",
        height=_BOTTOM - _TOP,
        style=f"fill:{fill}",
    )
    return tag("g", tag("title", text(title)), piece) if title else piece


def whisker(x: Axis, low: float, high: float) -> list[Markup]:
    """A line from value to value with its ends."""
    places = [SIZE * x.share(value) for value in (low, high)]
    line = path([(at, _LINE) for at in places], class_="whisker")
    ends = [path([(at, _LINE - _END), (at, _LINE + _END)], class_="whisker") for at in places]
    return [line, *ends]


def row(name: str, drawn: Markup, cells: Sequence[str]) -> Markup:
    """A name, its drawing, and what stands beside it."""
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


def rows(columns: Columns, made: Sequence[Markup], x: Axis) -> Markup:
    """Rows under one header, with the scale of their drawings at the bottom."""
    widths = tag("colgroup", *(tag("col", style=f"width:{width}%") for _, width in columns))
    heads = [tag("th", text(name), scope="col", role="columnheader") for name, _ in columns]
    scale = tag("tr", tag("th"), tag("td", x_ticks(x), class_="drawn"), class_="scale", aria_hidden="true")
    return tag(
        "table",
        widths,
        tag("thead", tag("tr", *heads, role="row"), role="rowgroup"),
        tag("tbody", *made, scale, role="rowgroup"),
        class_="rows",
        role="table",
    )
