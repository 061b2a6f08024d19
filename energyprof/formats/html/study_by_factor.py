"""What each factor of a study does over all values of the others, and what two do together: on its page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from energyprof.formats.html.plot import Axis, x_ticks
from energyprof.formats.html.tags import Markup, paragraph, section, tag, text
from energyprof.formats.html.whisker import span_words, whisker
from energyprof.formats.study_by_factor import TOGETHER, UNSEEN, counted, of_figure
from energyprof.formats.study_words import title
from energyprof.study.by_factor import FactorEffect
from energyprof.study.summary import StudySummary
from energyprof.units import percent

_MAIN = (
    "Each value against the base's, over all values of the other factors and all blocks; blue: surely less, "
    "orange: surely more. The intervals of one figure hold together at 95 %."
)
_TOGETHER = (
    "How far two values together differ from the product of what each does alone: 0 means no interaction. "
    "The intervals of one figure hold together at 95 %."
)
_WIDTHS = (30, 32, 12, 10, 16)


def factor_sections(found: StudySummary, x: Axis) -> Iterator[Markup]:
    """Main effects, then interactions; none where settings differ in one factor alone."""
    if found.main:
        how = [paragraph(_MAIN), *([paragraph(UNSEEN)] if found.plan.design == "screening" else [])]
        yield section("What each factor does", *how, *_figures(found, found.main, counted(found), x))
    if found.together:
        heading = TOGETHER[0].upper() + TOGETHER[1:]
        yield section(heading, paragraph(_TOGETHER), *_figures(found, found.together, "squares", x))


def _figures(found: StudySummary, effects: Sequence[FactorEffect], of: str, x: Axis) -> Iterator[Markup]:
    for figure in found.figures:
        shown, rest = of_figure(effects, figure)
        parts = [*([_table(shown, of, x)] if shown else []), *([paragraph(rest)] if rest else [])]
        if parts:
            yield tag("div", tag("h3", text(title(figure))), *parts, class_="figure")


def _table(effects: Sequence[FactorEffect], of: str, x: Axis) -> Markup:
    names = ("value", "", of, "change", "95 %")
    columns = tag("colgroup", *(tag("col", style=f"width:{width}%") for width in _WIDTHS))
    head = tag("tr", *(tag("th", text(name), scope="col", role="columnheader") for name in names), role="row")
    scale = tag("tr", tag("th"), tag("td", x_ticks(x), class_="drawn"), class_="scale", aria_hidden="true")
    body = tag("tbody", *(_row(one, of, x) for one in effects), scale, role="rowgroup")
    return tag("table", columns, tag("thead", head, role="rowgroup"), body, class_="rows", role="table")


def _row(one: FactorEffect, of: str, x: Axis) -> Markup:
    drawn = tag("td", whisker(one.effect, x, one.label), class_="drawn", role="cell")
    count = Markup(text(one.effect.n) + tag("span", text(f" {of}"), class_="phone"))
    cells = [count, text(percent(one.effect.ratio - 1)), text(span_words(one.effect))]
    shown = [tag("td", tag("span", cell, class_="whole"), role="cell") for cell in cells]
    return tag("tr", tag("th", text(one.label), scope="row", role="rowheader"), drawn, *shown, role="row")
