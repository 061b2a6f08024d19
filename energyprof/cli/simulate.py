"""``energyprof simulate``: a scenario's life cycle, by paradigm and part."""

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
    from energyprof.simulate.simulation import Simulation


def simulate(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO", help="The scenario, a .toml file.")],
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Replace a number of it, such as link.bit_per_j=50e3; repeats."
        ),
    ] = None,
    assume: Annotated[
        list[str] | None,
        typer.Option(
            "--assume",
            metavar="KEY=VALUE",
            help="In place of a missing measurement; listed; can be repeated.",
        ),
    ] = None,
    dials: Annotated[
        list[str] | None,
        typer.Option(
            "--break-even",
            metavar="KEY",
            help="Also where paradigms cross along this number of it, such as site.centre.pue; repeats.",
        ),
    ] = None,
    json: Json = False,
    html: Page = None,
) -> None:
    """Compute what no meter at one machine sees: network, data centre, manufacture, grid; all SIMULATED.

    A scenario names reports, sites, links, devices and ways to train the same
    model: central, refreshed, continual, federated, consensus. See
    docs/simulation.md and examples/simulate-paradigms.toml.
    """
    from energyprof.formats.console import Screen
    from energyprof.formats.html.simulation import write_simulation_page
    from energyprof.formats.simulation import simulation_tables
    from energyprof.formats.simulation_data import simulation_json

    checked_page(html)
    found = prepared(scenario, changes or (), assume or (), dials or ())()
    if html is not None:
        write_simulation_page(html, found)
    if json:
        streams.write_json(simulation_json(found))
    else:
        Screen(sys.stdout).print(simulation_tables(found))


def prepared(
    scenario: Path, changes: Sequence[str], assume: Sequence[str], dials: Sequence[str]
) -> Callable[[], Simulation]:
    """What computes the scenario, once its files are read. Raises FileError, UsageError."""
    from energyprof.simulate.reading import read_scenario
    from energyprof.simulate.simulation import simulate as computed

    read = read_scenario(scenario, changes, assume)
    return lambda: computed(read, str(scenario), dials)
