"""A folder of reports on the terminal: a row a report, the newest first, and each work's trend."""

from __future__ import annotations

import json
from dataclasses import asdict

from rich.console import Group, RenderableType
from rich.table import Table
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


def overview_tables(found: Overview, width: int) -> RenderableType:
    """The reports, and below them a line of bars for each work with several; drawn in ``width`` columns."""
    rows = Table(box=None, pad_edge=False, header_style="dim")
    wide = width >= WIDE
    rows.add_column("report", overflow="fold")
    for heading in ("made", "work", "energy", "±", "time to target", "reached"):
        right = heading in ("energy", "±", "time to target")
        if wide or heading not in ("made", "time to target"):
            rows.add_column(heading, justify="right" if right else "left", no_wrap=heading != "work")
    for one in found.reports:
        made, time = ([one.created[:10]], [figure(one, BESIDE[2])]) if wide else ([], [])
        rows.add_row(one.name, *made, one.entry.workload, *energy(one), *time, reached(one))
    parts: list[RenderableType] = [rows]
    for trend in found.trends:
        parts += [Text(), Text(said(trend), style="bold"), Text(line(trend.course, width))]
    parts += [Text(f"! {problem}", style="yellow") for problem in found.problems]
    return Group(*parts)


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
