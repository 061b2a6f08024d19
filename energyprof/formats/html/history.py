"""A history as one page: every report, the levels they form, what was accepted and at which commit."""

from __future__ import annotations

import math
from pathlib import Path

from energyprof import files
from energyprof.compare.figures import BY_NAME
from energyprof.compare.gate.course import Course, Station
from energyprof.formats import wording
from energyprof.formats.history import history_data, level_cells
from energyprof.formats.html.document import data_block, document
from energyprof.formats.html.plot import SIZE, Axis, at, axis, dot, path, plot
from energyprof.formats.html.style import colour
from energyprof.formats.html.tags import Markup, paragraph, section, table, text

# Of more reports than this the newest stand in the table; all are in the drawing and in the data.
MOST_ROWS = 200
_HOW = (
    "Each dot is a report, each line the mean of a level. A level begins with a step that at least three "
    "reports have kept, or where it was accepted: there an upright line stands."
)


def write_history_page(place: Path, found: Course) -> None:
    """Write the page. Raises FileError: it cannot be written."""
    files.write_text(place, history_page(found))


def history_page(found: Course) -> str:
    """The whole page as HTML."""
    last = found.stations[-1]
    title = f"{wording.title(found.figure)} over {len(found.stations)} reports"
    header = [paragraph(f"Until {last.name}, made {last.created[:10]}.")]
    header += [paragraph(line, "warn") for line in found.left_out]
    heads = ("since", "made", "commit", "reports", "mean", "change", "why")
    cells = (level_cells(found, i, level) for i, level in enumerate(found.levels))
    levels = table(heads, ([text(cell) for cell in row] for row in cells))
    newest = list(reversed(found.stations))[:MOST_ROWS]
    rows = [
        [text(part) for part in (s.name, s.created, s.commit, wording.number(found.figure, s.value))]
        for s in newest
    ]
    sections = [
        section("Levels", paragraph(_HOW), drawing(found), levels),
        section("Reports", table(("report", "made", "commit", wording.title(found.figure)), rows)),
    ]
    return document(title, header, sections, data_block("history", history_data(found)))


def drawing(found: Course) -> Markup:
    """A dot for each report, a line for each level."""
    values = [station.value for station in found.stations]
    x = Axis(-0.5, len(values) - 0.5, _ticks(found.stations), "")
    y = axis(min(values), max(values), wording.title(found.figure), BY_NAME[found.figure].unit)
    accepted = [SIZE * x.share(level.start - 0.5) for level in found.levels if level.accepted is not None]
    marks = [path([(place, 0), (place, SIZE)], class_="rule") for place in accepted]
    for level in found.levels:
        mean = math.exp(level.mean)
        ends = [at(x, y, (i, mean)) for i in (level.start - 0.5, level.end - 0.5)]
        marks.append(path(ends, class_="line", style=f"stroke:{colour(1)}"))
    marks += [
        dot(at(x, y, (i, station.value)), colour(0), _title(found, station))
        for i, station in enumerate(found.stations)
    ]
    return plot(marks, x, y, title="The figure of each report, and the levels they form", height_px=320)


def _title(found: Course, station: Station) -> str:
    parts = (station.name, station.created[:10], station.commit, wording.number(found.figure, station.value))
    return ", ".join(filter(None, parts))


def _ticks(stations: tuple[Station, ...]) -> tuple[tuple[float, str], ...]:
    """The days of a few reports."""
    step = max(1, len(stations) // 5)
    return tuple((float(i), stations[i].created[:10]) for i in range(0, len(stations), step))
