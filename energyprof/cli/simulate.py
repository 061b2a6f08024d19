"""``energyprof simulate``: a scenario's life cycle, by paradigm and part."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from energyprof.cli import streams
from energyprof.cli.compare import Page
from energyprof.cli.options import Json
from energyprof.errors import UsageError


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
    from energyprof.simulate.reading import read_scenario
    from energyprof.simulate.simulation import simulate as computed

    found = computed(read_scenario(scenario, changes or (), assume or ()), str(scenario), dials or ())
    if html is not None:
        if html.is_dir() or (html.exists() and html.samefile(scenario)):
            raise UsageError(f"{html}: is a folder, or the scenario; name another file for --html")
        write_simulation_page(html, found)
    if json:
        streams.write_json(simulation_json(found))
    else:
        Screen(sys.stdout).print(simulation_tables(found))
