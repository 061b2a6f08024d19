"""``energyprof factors``: what simulations take from others, with sources."""

from __future__ import annotations

import sys

from energyprof.cli import streams
from energyprof.cli.options import Json


def factors(json: Json = False) -> None:
    """Show the table of factors: value, low, high, unit, source, year and licence of each.

    They stand in for what nobody here measured: networks, data centres,
    manufacture, storage. A scenario replaces any of them. The yearly means of
    countries' grids are a table of their own: `simulate` takes country = "FR".
    """
    from energyprof.formats.console import Screen
    from energyprof.formats.factor_table import factor_tables, factors_json
    from energyprof.simulate.factors import table

    if json:
        streams.write_json(factors_json(table()))
    else:
        Screen(sys.stdout).print(factor_tables(table()))
