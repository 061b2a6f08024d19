"""``energyprof place``: how many machines, where and when."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from energyprof.cli import streams
from energyprof.cli.checked import checked_page
from energyprof.cli.options import Json, Page
from energyprof.errors import UsageError

if TYPE_CHECKING:
    from energyprof.simulate.placement.policies import Placement


Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Replace a value, such as job.hours=48, site.home.pue=1.2; repeats.",
    ),
]


def place(
    job: Annotated[Path, typer.Argument(metavar="JOB", help="The job, a .toml file.")],
    sites: Annotated[Path, typer.Option("--sites", metavar="SITES", help="The sites, a .toml file.")],
    reach: Annotated[
        float, typer.Option("--reach", metavar="H", help="Hours that the rolling forecast reaches.", min=1)
    ] = 48.0,
    error: Annotated[
        float,
        typer.Option("--error", metavar="SHARE", help="Its relative error a day ahead.", min=0, max=2),
    ] = 0.1,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of the forecast's errors.", min=0)] = 0,
    changes: Changes = None,
    json: Json = False,
    html: Page = None,
) -> None:
    """Plan how many machines train a job, where and when; policies side by side, all SIMULATED.

    A job says its samples, what levels of machines do and draw (reports or
    numbers), its deadline and budgets; sites have machines, PUE and a grid.
    See docs/placement.md and examples/place.toml.
    """
    from energyprof.formats.console import Screen
    from energyprof.formats.html.placement import write_placement_page
    from energyprof.formats.placement import placement_json, placement_tables

    checked_page(html)
    found = prepared(job, sites, reach, error, seed, changes or ())()
    if html is not None:
        write_placement_page(html, found)
    if json:
        streams.write_json(placement_json(found))
    else:
        Screen(sys.stdout).print(placement_tables(found))


def prepared(
    job: Path, sites: Path, reach: float, error: float, seed: int, changes: Sequence[str]
) -> Callable[[], Placement]:
    """What computes the placement, once its files are read. Raises FileError, UsageError."""
    from energyprof.simulate.placement.grid import grid_of
    from energyprof.simulate.placement.policies import place as placed
    from energyprof.simulate.placement.reading import changes_of, read_job, read_sites
    from energyprof.simulate.placement.rolling import Forecast

    for option, value in (("--reach", reach), ("--error", error)):
        if not math.isfinite(value):
            raise UsageError(f"{option} {value:g}: is not a number that can be computed with")
    of_job, of_sites = changes_of(changes)
    asked, places = read_job(job, of_job), read_sites(sites, of_sites)
    return lambda: placed(grid_of(asked, places), Forecast(reach * 3600, error, seed))
