"""The page of a folder: every report in one table to sort and filter, and how each work went over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from energyprof import files
from energyprof.compare.overview import Listed, Overview, Trend
from energyprof.formats.html import sorting
from energyprof.formats.html.document import data_block, document
from energyprof.formats.html.history import drawing
from energyprof.formats.html.page import UNKNOWN, kind
from energyprof.formats.html.tags import Markup, join, paragraph, section, tag, text
from energyprof.formats.overview import BESIDE, WHOLE, energy, figure, overview_data, reached, said

# Of more works than this the ones with most reports are drawn; all are in the data.
MOST_DRAWN = 40
_SHORT = {"energy_per_sample": "a sample", "samples_to_target": "samples", "time_to_target": "time"}
HEADS = (
    *("report", "energy", "±", *map(_SHORT.__getitem__, BESIDE), "score", "runs"),
    *("work", "machine", "kind", "made", "commit"),
)
_HEADS = (
    "energy: to the target, of all where there is none, of a sample where it was missed; ±: 95 %, with "
    "all that the meters may be off by; a sample: energy of one in the train phases; samples and "
    "time: to the target."
)
_HOW = (
    "Of each work on one machine, all its reports in the order in which they were made: a dot is a report, a "
    "line the mean of a level. A level begins with a step that at least three reports have kept, or where it "
    "was accepted: there an upright line stands."
)


def write_overview_page(place: Path, folder: Path, found: Overview) -> None:
    """Write the page. Raises FileError: it cannot be written."""
    files.write_text(place, overview_page(folder, found))


def overview_page(folder: Path, found: Overview) -> str:
    """The whole page as HTML."""
    count = len(found.reports)
    header = [paragraph(f"{count} report{'s' if count != 1 else ''}, the newest first.")]
    header += [paragraph(problem, "warn") for problem in found.problems]
    sections = [section("Reports", paragraph(_HEADS), _reports(found.reports))]
    if found.trends:
        drawn = found.trends[:MOST_DRAWN]
        left = len(found.trends) - len(drawn)
        more = [paragraph(f"{left} more works are not drawn; the page's data has them.")] if left else []
        sections.append(section("Over time", paragraph(_HOW), *map(_trend, drawn), *more))
    data = join([data_block("overview", overview_data(found)), sorting.script()])
    return document(f"Reports in {folder.resolve().name}", header, sections, data, scripts=sorting.POLICY)


def _reports(reports: Sequence[Listed]) -> Markup:
    """The columns are those of which any report has something."""
    rows = [_row(one) for one in reports]
    kept = [i for i in range(len(HEADS)) if any(row[i] != tag("td") for row in rows)]
    head = tag("tr", *(tag("th", text(HEADS[i]), scope="col") for i in kept))
    body = tag("tbody", *(tag("tr", *(row[i] for i in kept)) for row in rows))
    made = tag("table", tag("thead", head), body, class_=sorting.CLASS)
    return tag("div", made, class_="wide", tabindex=0)


def _row(one: Listed) -> list[Markup]:
    entry = one.entry
    shown, sure = energy(one)
    main = entry.estimate(*WHOLE)
    cells = [
        tag("th", text(one.name), scope="row"),
        _cell(shown, None if main is None else main.mean),
        _cell(sure, None if main is None or main.u_rel is None else main.u_rel),
    ]
    for name in BESIDE:
        found = entry.estimate(name)
        cells.append(_cell(figure(one, name), None if found is None else found.mean))
    cells += [
        _cell("" if one.score is None else f"{one.score:.4g}", one.score),
        _cell(reached(one), entry.runs),
        _cell(f"{entry.workload}: {one.settings}" if one.settings else entry.workload),
        _cell(entry.machine or UNKNOWN),
        tag("td", kind(entry)),
        _cell(one.created[:16].replace("T", " "), one.created),
        _cell(one.commit),
    ]
    return cells


def _cell(words: str, value: object = None) -> Markup:
    """What is read, and what it is sorted by where its words would not do."""
    whole = "whole" if isinstance(value, (int, float)) else None
    return tag("td", text(words), class_=whole, **{sorting.VALUE: value})


def _trend(trend: Trend) -> Markup:
    where = paragraph(f"on {trend.machine or UNKNOWN}")
    return tag("figure", tag("h3", text(said(trend))), where, drawing(trend.course))
