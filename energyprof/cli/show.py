"""``energyprof show``: one report for people."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from energyprof.cli import streams
from energyprof.cli.checked import checked_page
from energyprof.cli.compare import write_html
from energyprof.cli.options import Country, Intensity, Json, Page, Targets
from energyprof.errors import UsageError


def show(
    report: Annotated[
        Path | None,
        typer.Argument(
            help="The report, a .json file, or a folder of reports (with --history: the newest there)."
        ),
    ] = None,
    budget: Annotated[
        bool, typer.Option("--budget", help="Show where the uncertainty of its energies comes from.")
    ] = False,
    history: Annotated[
        Path | None,
        typer.Option(
            "--history",
            metavar="FOLDER",
            help="Show the figure that is limited over all reports there until this one.",
        ),
    ] = None,
    targets: Targets = None,
    country: Country = None,
    intensity: Intensity = None,
    json: Json = False,
    html: Page = None,
) -> None:
    """Show one report: energy with its uncertainty, phases, meters and power over time; or a folder's.

    Of a folder all reports in one table and how each work went over time; its --html page can be
    sorted and filtered.

    With --history a folder's reports of the same work: the levels that they form, with
    commits, and what `check --accept` accepted.
    """
    from energyprof.compare.emissions import chosen
    from energyprof.formats.console import Screen
    from energyprof.report.file import read, to_json, trace_path
    from energyprof.trace.file import is_being_written

    checked_page(html)
    if history is not None:
        _show_history(report, history, html, json=json)
        return
    if report is None:
        raise UsageError("give a report or a folder to show, or --history FOLDER")
    if report.is_dir():
        if budget or targets is not None or country is not None or intensity is not None:
            raise UsageError(f"{report}: is a folder; it takes --json and --html alone")
        _show_folder(report, html, json=json)
        return
    grid = chosen(country, intensity)
    if grid is not None and (json or budget):
        asked = "--country" if country else "--intensity"
        raise UsageError(
            f"{asked} does not go with --json or --budget; use it with `energyprof compare --json`"
        )
    content = read(report)
    if html is not None:
        from energyprof.compare.comparison import compare

        write_html(html, compare([content], [report.stem], grid=grid), [content], [report])
    if budget:
        from energyprof.compare.budget import budgets
        from energyprof.formats.budget import budget_data, budget_table

        found = budgets(content)
        if json:
            _write_json(budget_data(content, found))
        else:
            Screen(sys.stdout).print(budget_table(content, found))
        return
    if json:
        streams.write_json(to_json(content))
        return
    from energyprof.formats.picture import picture
    from energyprof.formats.summary import summary

    console = Screen(sys.stdout)
    going = is_being_written(trace_path(report))
    console.print(summary(content, report, grid, still_runs=going))
    if targets is not None:
        from energyprof.compare.at_target import parsed_targets
        from energyprof.formats.targets import targets_table

        console.print()
        console.print(targets_table(content, parsed_targets(targets), report.stem))
    drawn = picture(content, report, console.room)
    if drawn is not None:
        console.print(drawn)


def _show_history(report: Path | None, folder: Path, html: Path | None, *, json: bool) -> None:
    from energyprof.compare.gate.accepted import marks_in
    from energyprof.compare.gate.course import course
    from energyprof.compare.gate.folder import newest, reports_in
    from energyprof.compare.gate.history import history
    from energyprof.compare.gate.limits import default_limits
    from energyprof.formats.console import Screen
    from energyprof.formats.history import history_data, history_table
    from energyprof.formats.html.history import write_history_page
    from energyprof.report.file import read

    path = report if report is not None else newest(folder)
    new = read(path)
    limits = default_limits(new, new)[:1]
    before = history(new, reports_in(folder), limits, (), marks_in(folder, new.workload.name))
    found = course(new, path.stem, before, limits[0].figure)
    if html is not None:
        write_history_page(html, found)
    if json:
        streams.write_json(history_data(found))
    else:
        console = Screen(sys.stdout)
        console.print(history_table(found, console.room))


def _show_folder(folder: Path, html: Path | None, *, json: bool) -> None:
    from energyprof.compare.gate.folder import reports_in
    from energyprof.compare.overview import overview
    from energyprof.formats.console import Screen
    from energyprof.formats.html.overview import write_overview_page
    from energyprof.formats.overview import overview_data, overview_tables

    found = overview(folder, reports_in(folder))
    if html is not None:
        write_overview_page(html, folder, found)
    if json:
        streams.write_json(overview_data(found))
    else:
        console = Screen(sys.stdout)
        console.print(overview_tables(found, console.width, console.room))


def _write_json(data: dict[str, object]) -> None:
    import json

    streams.write_json(json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
