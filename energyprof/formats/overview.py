"""A folder of reports on the terminal: a row a report, the newest first, and each work's trend."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from rich.cells import cell_len, set_cell_size
from rich.console import Group, RenderableType
from rich.text import Text

from energyprof.compare.overview import Listed, Overview, Trend
from energyprof.formats import factors, wording
from energyprof.formats.history import line
from energyprof.formats.totals import STILL_RUNS
from energyprof.storable.values import fitted
from energyprof.units import percent

# What a row shows beside the report's energy, as far as it has it.
BESIDE = ("energy_per_sample", "samples_to_target", "time_to_target")
# What stands for a report's energy: to the target, or of all.
WHOLE = ("energy_to_target", "energy")
# With less room than this the columns that matter least are left out.
WIDE = 100
GAP = 2  # between two columns


def overview_tables(found: Overview, width: int, drawn: int) -> RenderableType:
    """The reports in ``width`` columns; below them, in ``drawn``, a line of bars for each work."""
    parts: list[RenderableType] = [*_rows(found, width)]
    for trend in found.trends:
        parts += [Text(), Text(said(trend), style="bold"), Text(line(trend.course, drawn))]
    parts += [Text(f"! {problem}", style="yellow") for problem in found.problems]
    return Group(*parts)


def _rows(found: Overview, width: int) -> Iterator[Text]:
    """A line a report; a name that leaves its figures no room stands on a line of its own, above them."""
    wide = width >= WIDE
    heads = ["made", "work", "energy", "±", "time to target", "reached"]
    table = []
    for one in found.reports:
        cells = [one.created[:10], one.entry.workload, *energy(one), figure(one, BESIDE[2]), reached(one)]
        table.append(cells if wide else [*cells[1:4], cells[5]])
    heads = heads if wide else [*heads[1:4], heads[5]]
    widths = [max(map(cell_len, column)) for column in zip(heads, *table, strict=True)]
    names = [one.name for one in found.reports]
    room = width - sum(GAP + taken for taken in widths)
    taken = max(cell_len(name) for name in ("report", *names) if name == "report" or cell_len(name) <= room)

    def row(name: str, cells: list[str]) -> str:
        rest = [_padded(text, size, head) for text, size, head in zip(cells, widths, heads, strict=True)]
        return (" " * GAP).join([set_cell_size(name, taken), *rest]).rstrip()

    yield Text(row("report", heads), style="dim")
    for one, cells in zip(found.reports, table, strict=True):
        fits = cell_len(one.name) <= taken
        if not fits:
            yield Text(one.name)
        yield Text(row(one.name if fits else "", cells))
        if one.settings:
            yield Text(f"  {one.settings}", style="dim")


def _padded(text: str, size: int, head: str) -> str:
    """A cell as wide as its column: figures to the right."""
    left = set_cell_size("", size - cell_len(text))
    return left + text if head in ("energy", "±", "time to target") else text + left


def energy(one: Listed) -> tuple[str, str]:
    """The report's energy, and its expanded uncertainty, the meters' gain included, where that is known.

    Where no run reached the target it is that of a sample, and says so.
    """
    main = one.entry.estimate(*WHOLE)
    if main is None and (main := one.entry.estimate(BESIDE[0])) is not None:
        shown = f"{factors.mean(one.entry, main)} a sample"
        return shown, wording.with_meters(main) or wording.spread(main)
    if main is None:
        return "not measured", ""
    return factors.mean(one.entry, main), wording.with_meters(main) or wording.spread(main)


def figure(one: Listed, name: str) -> str:
    """A figure's mean; empty if the report does not have it."""
    found = one.entry.estimate(name)
    return "" if found is None else factors.mean(one.entry, found)


def reached(one: Listed) -> str:
    """How many of its runs reached the target, and whether it still grows."""
    entry = one.entry
    runs = f"{entry.runs} run{'s' if entry.runs != 1 else ''}"
    shown = runs if entry.reached is None else f"{entry.reached} of {runs}"
    return f"{shown}, {STILL_RUNS}" if one.still_runs else shown


def said(trend: Trend) -> str:
    """``energy per sample of unet tiny over 12 reports, the last level +3.0 %``."""
    course = trend.course
    which = f"{trend.work} ({trend.settings})" if trend.settings else trend.work
    words = f"{wording.title(course.figure)} of {which} over {len(course.stations)} reports"
    change = course.change(len(course.levels) - 1)
    return words if change is None else f"{words}, the last level {percent(change)}"


def overview_data(found: Overview) -> str:
    """The same for programs, as JSON."""
    data = fitted({"schema": "energyprof.overview/1", **asdict(found)})
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
