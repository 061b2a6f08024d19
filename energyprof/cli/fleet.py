"""``energyprof fleet``: what many unlike clients take to train together."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from energyprof.cli import streams
from energyprof.cli.checked import checked_page
from energyprof.cli.options import Json, Page

if TYPE_CHECKING:
    from energyprof.simulate.fleet.fleet import FleetOutcome

# As where a training misses its target.
MISSED = 4


def fleet(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO", help="The fleet, a .toml file.")],
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Replace a value, such as fleet.active=50; repeats."),
    ] = None,
    json: Json = False,
    html: Page = None,
) -> None:
    """Train with a fleet of 1 to 1,000,000 clients drawn from a seed; all SIMULATED.

    A fleet has kinds of clients (reports or numbers), says who takes part,
    drops out or is late, how work is split, and what batteries, the sun and
    budgets allow. Exit code 4: the target was not reached.
    See docs/fleets.md and examples/fleet.toml.
    """
    from energyprof.formats.console import Screen
    from energyprof.formats.fleet import fleet_json, fleet_tables
    from energyprof.formats.html.fleet import write_fleet_page

    checked_page(html)
    play = prepared(scenario, changes or ())
    with Screen(sys.stderr).status("playing the fleet") as status:
        found = play(status.update)
    if html is not None:
        write_fleet_page(html, found)
    if json:
        streams.write_json(fleet_json(found))
    else:
        Screen(sys.stdout).print(fleet_tables(found))
    if found.why:
        raise typer.Exit(MISSED)


def prepared(scenario: Path, changes: Sequence[str]) -> Callable[[Callable[[str], None]], FleetOutcome]:
    """What plays the fleet, once its files are read. Raises FileError, UsageError."""
    from energyprof.simulate.fleet.interval import judged
    from energyprof.simulate.fleet.reading import read_fleet

    read = read_fleet(scenario, changes)
    return lambda say: judged(read, say)
