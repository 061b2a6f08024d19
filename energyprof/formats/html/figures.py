"""Every figure with its interval: dots and whiskers on one scale of ratios, the numbers beside them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from energyprof.compare.compared import Comparison, Entry, Summary
from energyprof.compare.figures import SHOWN
from energyprof.formats import factors, product, wording
from energyprof.formats.html.plot import SIZE, Axis, dot, path, ratio_axis, svg, x_ticks
from energyprof.formats.html.tags import Markup, paragraph, section, table, tag, text

# A whisker that leaves the scale ends at its edge: a few wild runs must not squeeze the others to a dot.
WIDEST = 4.0
_END = 260  # half the height of a whisker's end, in the drawing's units

# What is drawn for one report: the dot, and the ends of its interval.
_Span = tuple[float, tuple[float, float] | None]


def figures(comparison: Comparison) -> Markup:
    """The section: one table of all figures, of each a row for every report that has it."""
    alone = len(comparison.entries) == 1
    spans = {
        (figure.name, i): span
        for figure in SHOWN
        for i, entry in enumerate(comparison.entries)
        if (estimate := entry.estimate(figure.name)) and (span := _span(estimate, i == 0, alone))
    }
    x = _axis(spans)
    best = factors.winners(comparison)
    if alone:
        rows, of, scale = _of_report(comparison.entries[0], spans, x), "figure", _OF_MEANS
    else:
        groups = [_of_figure(comparison, figure.name, spans, x, best.get(figure.name)) for figure in SHOWN]
        rows, of, scale = [row for group in groups for row in group], "report", _OF_RATIOS
    if rows:
        shown = [_table(of, rows, x, _heads(comparison))]
    else:
        shown = [paragraph("No run of these reports has a figure; see what was left out above.")]
    notes = [*wording.FOOTNOTES, *factors.notes(comparison)]
    shown += [*map(paragraph, notes), *_product(comparison)]
    return section("Figures with their intervals", paragraph(_HOW + scale), *shown)


def _product(comparison: Comparison) -> list[Markup]:
    """The energy to target taken apart, if it is known for any report."""
    rows = product.rows(comparison)
    if not rows:
        return []
    heads = ("report", "energy to target", "= energy per sample", "× samples to target", "× on top")
    made = table(heads, ([text(cell) for cell in row] for row in rows))
    lines = [*product.sentences(comparison), product.FOOTNOTE]
    return [tag("h3", text("Energy to target, taken apart")), made, *map(paragraph, lines)]


_HOW = "Dot: the mean; line: its 95 % interval, two-sided, "
_OF_RATIOS = (
    "of the ratio to the first report: the spread of the runs, what sessions differ by, what does not "
    "cancel of the meters' errors. All are on one scale."
)
_OF_MEANS = "relative to the mean, by the spread of the runs and all that the meters may be off by."


def _span(estimate: Summary, first: bool, alone: bool) -> _Span | None:
    """Of one report its interval relative to its mean; of several the ratio to the first, which has none."""
    if first:
        return (1.0, _around(estimate) if alone else None) if estimate.mean > 0 else None
    change = estimate.change
    if change is None:
        return None
    return change.ratio, None if change.low is None or change.high is None else (change.low, change.high)


def _around(estimate: Summary) -> tuple[float, float] | None:
    """With all that is known of the meters, as far as anything is; an end at nothing is beyond any scale."""
    below, above = estimate.u_rel_below, estimate.u_rel_above
    if below is not None and above is not None and below != above:
        return max(1 - below, 1e-3), 1 + above
    if estimate.u_rel is not None:
        half = min(estimate.u_rel, 700.0)  # in logarithms, as the words beside it have it
        return math.exp(-half), math.exp(half)
    if estimate.low is None or estimate.high is None:
        return None
    return estimate.low / estimate.mean, estimate.high / estimate.mean


def _axis(spans: Mapping[tuple[str, int], _Span]) -> Axis:
    dots = [ratio for ratio, _ in spans.values() if 0 < ratio < math.inf] or [1.0]
    low, high = min(dots), max(dots)
    ends = [end for _, pair in spans.values() if pair for end in pair]
    least = max(min([low, *ends]), low / WIDEST)
    most = min(max([high, *ends]), high * WIDEST)
    return ratio_axis(least / 1.01, most * 1.01)


def _of_figure(
    comparison: Comparison, figure: str, spans: Mapping[tuple[str, int], _Span], x: Axis, best: str | None
) -> list[Markup]:
    """The figure's name above the rows of the reports that have it; nothing if none does."""
    rows = [
        _row(_name(entry.label, entry.label == best), entry, estimate, spans.get((figure, i)), x)
        for i, entry in enumerate(comparison.entries)
        if (estimate := entry.estimate(figure)) is not None
    ]
    name = tag("th", text(factors.better(figure)), scope="rowgroup", colspan="7", role="rowheader")
    return [tag("tr", name, class_="figure", role="row"), *rows] if rows else []


def _of_report(entry: Entry, spans: Mapping[tuple[str, int], _Span], x: Axis) -> list[Markup]:
    return [
        _row(text(wording.title(estimate.figure)), entry, estimate, spans.get((estimate.figure, 0)), x)
        for estimate in entry.estimates
    ]


def _heads(comparison: Comparison) -> tuple[str, str, str]:
    """The last three columns' names; a column of which no figure has anything has none."""
    every = [estimate for entry in comparison.entries for estimate in entry.estimates]
    return (
        "±" if any(estimate.n > 1 for estimate in every) else "",
        "with meters" if any(map(wording.with_meters, every)) else "",
        "against the first" if len(comparison.entries) > 1 else "",
    )


def _table(of: str, rows: Sequence[Markup], x: Axis, last: tuple[str, str, str]) -> Markup:
    """The rows under one header, with the scale of their drawings at the bottom."""
    spread, meters, change = last
    heads = ((of, 15), ("", 29), ("mean", 9), ("runs", 6), (spread, 7), (meters, 13), (change, 21))
    columns = tag("colgroup", *(tag("col", style=f"width:{width}%") for _, width in heads))
    head = tag(
        "tr", *(tag("th", text(name), scope="col", role="columnheader") for name, _ in heads), role="row"
    )
    scale = tag("tr", tag("th"), tag("td", x_ticks(x), class_="drawn"), class_="scale", aria_hidden="true")
    body = tag("tbody", *rows, scale, role="rowgroup")
    return tag("table", columns, tag("thead", head, role="rowgroup"), body, class_="rows", role="table")


def _name(label: str, best: bool) -> Markup:
    if not best:
        return text(label)
    return tag("span", text(label), text(" "), tag("span", text(factors.BEST), class_="badge"))


def _row(name: Markup, entry: Entry, estimate: Summary, span: _Span | None, x: Axis) -> Markup:
    metered = wording.with_meters(estimate)
    cells = (
        _unbroken(factors.mean(entry, estimate)),
        _unbroken("1 run" if estimate.n == 1 and not estimate.missed else f"{wording.count(estimate)} runs"),
        _unbroken(wording.spread(estimate) if estimate.n > 1 else ""),
        # What the header says on a desktop, each row says on a phone, where the header is not shown.
        text(metered) + tag("span", text(" with meters"), class_="phone") if metered else text(""),
        _change(estimate),
    )
    drawn = tag("td", _whisker(span, x, entry.label, estimate), class_="drawn", role="cell")
    shown = [tag("td", Markup(cell), role="cell") for cell in cells]
    return tag("tr", tag("th", name, scope="row", role="rowheader"), drawn, *shown, role="row")


def _unbroken(words: str) -> Markup:
    """In one line, however narrow the column; nothing where there is nothing."""
    return tag("span", text(words), class_="whole") if words else text("")


def _change(estimate: Summary) -> Markup:
    """The ratio to the first report and, muted, what can be said about it."""
    ratio, said = factors.against(estimate, None, "")
    said = {"lower": "beyond chance", "higher": "beyond chance"}.get(said, said)
    return (
        tag(
            "span",
            tag("span", text(ratio), class_="ratio"),
            text(" "),
            tag("span", text(said), class_="note"),
        )
        if ratio
        else text("")
    )


def _whisker(span: _Span | None, x: Axis, label: str, estimate: Summary) -> Markup:
    if span is None:
        return Markup("")
    ratio, pair = span
    middle, one = SIZE / 2, SIZE * x.share(1.0)
    marks = [path([(one, -200), (one, SIZE + 200)], class_="mark")]
    if pair is not None:
        low, high = (SIZE * min(1.0, max(0.0, x.share(end))) for end in pair)
        marks.append(path([(low, middle), (high, middle)], class_="whisker"))
        for end, value in ((low, pair[0]), (high, pair[1])):
            if x.low <= value <= x.high:  # one that leaves the scale has no end
                marks.append(path([(end, middle - _END), (end, middle + _END)], class_="whisker"))
    if x.low <= ratio <= x.high:
        marks.append(dot((SIZE * x.share(ratio), middle), "var(--ink)"))
    words = f"{label}: {wording.number(estimate.figure, estimate.mean)}"
    if estimate.change is not None:
        words += f", {factors.times(estimate.change)}"
    return svg(marks, words)
