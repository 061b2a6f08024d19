"""A study as one page: effects with their intervals, fronts, what predicts the joules; drawings as SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from energyprof import files
from energyprof.formats.html.document import data_block, document
from energyprof.formats.html.plot import (
    Axis,
    at,
    axis,
    dot,
    legend,
    plot,
    x_ticks,
)
from energyprof.formats.html.study_by_factor import factor_sections
from energyprof.formats.html.style import LIGHT, colour
from energyprof.formats.html.tags import Markup, numbers, paragraph, section, table, tag, text
from energyprof.formats.html.whisker import effect_axis, span_words, whisker
from energyprof.formats.simulation_words import HEAD
from energyprof.formats.study import (
    ESTIMATED,
    done_line,
    drawn_words,
    exponent_line,
    foot,
    in_one_block,
    least_title,
    least_words,
    problem_lines,
    study_data,
)
from energyprof.formats.study_words import TIMES, UNITS, amount, title
from energyprof.formats.tuning import span, verdict
from energyprof.study.folder import factor_words
from energyprof.study.scanning import SettingScan
from energyprof.study.summary import SettingSummary, StudySummary
from energyprof.units import percent, si, watts

# Of more settings than this a drawing's points are named under the pointer and in its table alone.
MOST_NAMED = 2 * len(LIGHT)
FRONT_UNITS = {"time": "s", "memory": "B"}
_HOW = (
    "Each change is against the base, paired by block: dot and line are the mean ratio and its 95 % "
    "interval; blue: surely less than the base, orange: surely more. The intervals of one figure hold "
    "together."
)
_FRONT = (
    "Filled dots may lie on the front: no other setting is surely better in both. The others are rings that "
    "another setting surely beats."
)


def write_study_page(place: Path, found: StudySummary) -> None:
    """Write the page. Raises FileError: it cannot be written."""
    files.write_text(place, study_page(found))


def study_page(found: StudySummary) -> str:
    """The whole page as HTML."""
    plan = found.plan
    header = [paragraph(f"{' '.join(plan.command)}; {plan.design}; {factor_words(plan)}")]
    header.append(paragraph(f"{done_line(found)}."))
    if found.origin != "measured":
        header.append(paragraph(HEAD if plan.simulates else ESTIMATED, "warn"))
    header += [paragraph(line, "warn") for line in problem_lines(found)]
    return document(plan.name, header, _sections(found), data_block("study", study_data(found)))


def _sections(found: StudySummary) -> Iterator[Markup]:
    x = _axis(found)
    tables = [_effects(found, figure, x) for figure in found.figures]
    how = " ".join(line for line in foot(found) if not line.startswith("◆")) if found.plan.simulates else _HOW
    yield from factor_sections(found, x)
    yield section("What each change does", paragraph(how), *(made for made in tables if made is not None))
    if any(row.least for row in found.settings):
        rows = [[text(row.label), text(least_words(row))] for row in found.settings if row.least]
        heading = least_title(found)
        yield section(heading[0].upper() + heading[1:], table(("setting", ""), rows))
    if not found.figures:
        return
    energy = found.figures[0]
    time = next((name for name in found.figures if name in TIMES), "")
    for name, other in (("time", time), ("score", "score"), ("memory", "memory")):
        drawn = _front(found, energy, other, name)
        if drawn is not None:
            yield drawn
    for scan in found.scans:
        yield _scan(scan)
    if found.exponents:
        lines = [paragraph(exponent_line(one), "") for one in found.exponents]
        yield section("How energy grows", *lines)
    if found.proxies:
        yield _proxies(found)


def _axis(found: StudySummary) -> Axis:
    settings = [effect for row in found.settings for effect in row.effects.values() if effect is not None]
    return effect_axis([*settings, *(one.effect for one in (*found.main, *found.together))])


def _effects(found: StudySummary, figure: str, x: Axis) -> Markup | None:
    rows = [_row(found, row, figure, x) for row in found.settings if figure in row.figures]
    if not rows:
        return None
    drawn = any(figure in row.drawn for row in found.settings)
    last = "95 % of draws" if drawn else "95 %"
    heads: tuple[tuple[str, int], ...] = (
        ("setting", 22),
        ("", 30),
        ("mean", 11),
        ("blocks", 8),
        ("change", 10),
        (last, 19),
    )
    if in_one_block(found):
        heads = (("setting", 25), ("", 30), ("value", 13), ("change", 10), (last if drawn else "", 22))
    columns = tag("colgroup", *(tag("col", style=f"width:{width}%") for _, width in heads))
    head = tag(
        "tr", *(tag("th", text(name), scope="col", role="columnheader") for name, _ in heads), role="row"
    )
    scale = tag("tr", tag("th"), tag("td", x_ticks(x), class_="drawn"), class_="scale", aria_hidden="true")
    body = tag("tbody", *rows, scale, role="rowgroup")
    made = tag("table", columns, tag("thead", head, role="rowgroup"), body, class_="rows", role="table")
    return tag("div", tag("h3", text(title(figure))), made, class_="figure")


def _row(found: StudySummary, row: SettingSummary, figure: str, x: Axis) -> Markup:
    effect, mean = row.effects.get(figure), row.mean(figure)
    value = text("–" if mean is None else amount(figure, mean))
    change = text("" if effect is None else percent(effect.ratio - 1))
    drawn_span = drawn_words(row, figure)
    cells = [value, change, text(drawn_span)]
    if not in_one_block(found):
        blocks = text(len(row.figures[figure])) + tag("span", text(" blocks"), class_="phone")
        cells = [value, Markup(blocks), change, text(drawn_span or span_words(effect))]
    drawn = tag("td", whisker(effect, x, row.label), class_="drawn", role="cell")
    shown = [
        tag("td", tag("span", Markup(cell), class_="whole") if cell else text(""), role="cell")
        for cell in cells
    ]
    return tag("tr", tag("th", text(row.label), scope="row", role="rowheader"), drawn, *shown, role="row")


def _front(found: StudySummary, energy: str, other: str, name: str) -> Markup | None:
    """Energy against another figure, a point a setting; ``None``: fewer than two settings have both."""
    points = [
        (row, e, o)
        for row in found.settings
        if (e := row.mean(energy)) is not None and (o := row.mean(other)) is not None
    ]
    if len(points) < 2:
        return None
    x = _around([o for _, _, o in points], name, FRONT_UNITS.get(name, ""))
    y = _around([e for _, e, _ in points], title(energy), UNITS.get(energy, ""))
    marks = [_point(row, at(x, y, (o, e)), i, name) for i, (row, e, o) in enumerate(points)]
    heading = f"{title(energy)} against {name}"
    drawn = plot(marks, x, y, title=f"{heading}, a point for each of {len(points)} settings", height_px=320)
    named = [(row.label, dot((16, 8), colour(i))) for i, (row, _, _) in enumerate(points)]
    rows = [
        [row.label, amount(energy, e), _other(name, o), "may be" if row.on_front.get(name) else "no"]
        for row, e, o in points
    ]
    parts = [drawn, *([legend(named)] if len(named) <= MOST_NAMED else [])]
    parts.append(numbers(("setting", title(energy), name, "on the front"), rows))
    return section(heading[0].upper() + heading[1:], paragraph(_FRONT), tag("figure", *parts))


def _other(name: str, value: float) -> str:
    if name == "memory":
        return si(value, "B")
    return amount("time", value) if name == "time" else f"{value:.4g}"


def _around(values: Sequence[float], quantity: str, unit: str) -> Axis:
    low, high = min(values), max(values)
    room = (high - low or abs(high) or 1.0) / 10
    return axis(max(low - room, 0.0) if low >= 0 else low - room, high + room, quantity, unit)


def _point(row: SettingSummary, place: tuple[float, float], i: int, name: str) -> Markup:
    mark = dot(place, colour(i), row.label)
    if row.on_front.get(name):
        return mark
    inner = f"M{place[0]:.1f} {place[1]:.1f}h0.01"
    hole = tag("path", d=inner, class_="dot", style="stroke:var(--paper);stroke-width:4")
    return tag("g", mark, hole)


def _scan(scan: SettingScan) -> Markup:
    """A lever scanned within the trainings of one setting."""
    rows = [
        [
            row.value,
            str(row.n),
            si(row.sample_j, "J"),
            "found" if row.energy is None else percent(row.energy.ratio - 1),
            "" if row.energy is None else span(row.energy),
            "" if row.time is None else percent(row.time.ratio - 1),
            watts(row.power_w),
        ]
        for row in scan.tuned.values
    ]
    heads = (scan.tuned.lever, "windows", "a sample", "change", "95 %", "time", "power")
    lines = [paragraph(line, "") for line in verdict(scan.tuned)]
    return section(f"Within the trainings of {scan.label}", numbers(heads, rows), *lines)


def _proxies(found: StudySummary) -> Markup:
    rows = [
        [
            text(one.name),
            text(one.n),
            text(f"{one.rank_correlation:+.2f}"),
            text(f"{100 * one.error:.0f} %"),
        ]
        for one in found.proxies
    ]
    heads = ("instead of joules", "settings", "rank correlation", "error of a setting left out")
    how = (
        "How well other numbers tell which setting takes less (Spearman's rank correlation with the joules), "
        "and by how much they miss a setting that the best monotone fit through the others has not seen."
    )
    return section(f"What predicts {title(found.figures[0])}", paragraph(how), table(heads, rows))
