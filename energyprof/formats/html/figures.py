"""Every figure with its interval: dots and whiskers on one scale of ratios, the numbers beside them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from energyprof.compare.comparison import Comparison, Entry, Summary
from energyprof.compare.figures import SHOWN
from energyprof.formats import factors, product, wording
from energyprof.formats.html.plot import SIZE, Axis, dot, path, ratio_axis, svg, x_ticks
from energyprof.formats.html.tags import Markup, paragraph, section, table, tag, text

# A whisker that leaves the scale ends at its edge: a few wild runs must not squeeze the others to a dot.
WIDEST = 4.0
_END = 260  # half the height of a whisker's end, in the drawing's units

# What is drawn for one report: the dot, the spread's ends, and the ends with the meters' gain.
_Span = tuple[float, tuple[float, float] | None, tuple[float, float] | None]


def figures(comparison: Comparison) -> Markup:
    """The section: a table for each figure, or one for all figures of a single report."""
    spans = {
        (figure.name, i): span
        for figure in SHOWN
        for i, entry in enumerate(comparison.entries)
        for estimate in entry.estimates
        if estimate.figure == figure.name and (span := _span(estimate, i == 0)) is not None
    }
    x = _axis(spans)
    best = factors.winners(comparison)
    if len(comparison.entries) > 1:
        scale = "All are on one scale, relative to the first report."
        tables = [_of_figure(comparison, figure.name, spans, x, best.get(figure.name)) for figure in SHOWN]
    else:
        scale = "All are relative to the mean."
        tables = [_of_report(comparison.entries[0], spans, x)]
    shown = [made for made in tables if made is not None]
    if not shown:
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


_HOW = "Dot: the mean; thick: 95 % by the spread of the runs; thin: with the meters' gain error. "


def _span(estimate: Summary, first: bool) -> _Span | None:
    """Relative to the first report's mean; for the first report, its own interval around it."""
    mean, change = estimate.mean, estimate.change
    if first and mean > 0:
        spread = None
        if estimate.low is not None and estimate.high is not None:
            spread = estimate.low / mean, estimate.high / mean
        return 1.0, spread, _of_meters(estimate)
    if change is None:
        return None
    spread = None if change.low is None or change.high is None else (change.low, change.high)
    return change.ratio, spread, _around(change.ratio, change.u_rel)


def _of_meters(estimate: Summary) -> tuple[float, float] | None:
    """The ends with the meters' gain, relative to the mean; one at nothing is beyond any scale."""
    below, above = estimate.u_rel_below, estimate.u_rel_above
    if below is None or above is None or below == above:
        return _around(1.0, estimate.u_rel)
    return max(1 - below, 1e-3), 1 + above


def _around(ratio: float, u_rel: float | None) -> tuple[float, float] | None:
    return None if u_rel is None else (ratio / (1 + u_rel), ratio * (1 + u_rel))


def _axis(spans: Mapping[tuple[str, int], _Span]) -> Axis:
    dots = [ratio for ratio, _, _ in spans.values() if 0 < ratio < math.inf] or [1.0]
    low, high = min(dots), max(dots)
    ends = [end for _, *pairs in spans.values() for pair in pairs if pair for end in pair]
    least = max(min([low, *ends]), low / WIDEST)
    most = min(max([high, *ends]), high * WIDEST)
    return ratio_axis(least / 1.01, most * 1.01)


def _of_figure(
    comparison: Comparison, figure: str, spans: Mapping[tuple[str, int], _Span], x: Axis, best: str | None
) -> Markup | None:
    rows = [
        _row(_name(entry.label, entry.label == best), entry, estimate, spans.get((figure, i)), x)
        for i, entry in enumerate(comparison.entries)
        for estimate in entry.estimates
        if estimate.figure == figure
    ]
    if not rows:
        return None
    made = _table("report", rows, x, "against the first")
    return tag("div", tag("h3", text(factors.better(figure))), made, class_="figure")


def _of_report(entry: Entry, spans: Mapping[tuple[str, int], _Span], x: Axis) -> Markup | None:
    rows = [
        _row(text(wording.title(estimate.figure)), entry, estimate, spans.get((estimate.figure, 0)), x)
        for estimate in entry.estimates
    ]
    return _table("figure", rows, x, "") if rows else None


def _table(of: str, rows: Sequence[Markup], x: Axis, last: str) -> Markup:
    """The rows under one header, with the scale of their drawings at the bottom."""
    # Widths are fixed, so that the scales of all tables lie one below the other.
    heads = ((of, 15), ("", 29), ("mean", 9), ("runs", 7), ("±", 8), ("with meters", 10), (last, 22))
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
        _unbroken("1 run" if estimate.n == 1 else f"{estimate.n} runs"),
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
    ratio, spread, metered = span
    middle, one = SIZE / 2, SIZE * x.share(1.0)
    marks = [path([(one, -200), (one, SIZE + 200)], class_="mark")]
    for pair, class_ in ((metered, "fine"), (spread, "whisker")):
        if pair is None:
            continue
        low, high = (SIZE * min(1.0, max(0.0, x.share(end))) for end in pair)
        marks.append(path([(low, middle), (high, middle)], class_=class_))
        for end, value in ((low, pair[0]), (high, pair[1])):
            if x.low <= value <= x.high:  # one that leaves the scale has no end
                marks.append(path([(end, middle - _END), (end, middle + _END)], class_=class_))
    if x.low <= ratio <= x.high:
        marks.append(dot((SIZE * x.share(ratio), middle), "var(--ink)"))
    words = f"{label}: {wording.number(estimate.figure, estimate.mean)}"
    if estimate.change is not None:
        words += f", {factors.times(estimate.change)}"
    return svg(marks, words)
