"""Sites: their PUE and grid, and which clients are where."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from energyprof.compare.emissions import of_country
from energyprof.errors import UsageError
from energyprof.simulate.factors import Table
from energyprof.simulate.place import Place
from energyprof.simulate.quantity import Quantity
from energyprof.simulate.scenario import ParadigmKind
from energyprof.simulate.traces import read_trace
from energyprof.simulate.traces.trace import IntensityTrace

_RANGE = re.compile(r"\s*([0-9]{1,9})(?:\s*(?:-|–|\.\.)\s*([0-9]{1,9}))?\s*")


def of_grid(country: str, where: str) -> Quantity:
    """A year's mean of a country's grid, in g/kWh.

    Raises:
        UsageError: it is not in the table.
    """
    try:
        grid = of_country(country)
    except UsageError as error:
        said = str(error).replace(f"--country {country}", f"{where} {country!r}")
        raise UsageError(said.replace("--intensity with", "intensity =")) from None
    said = f"{grid.place} {grid.year}, {grid.source}; life cycle, average, at generation"
    return Quantity(grid.g_per_kwh, grid.g_per_kwh, grid.g_per_kwh, "g/kWh", "factor", said)


def clients_of(words: str, most: int, where: str) -> list[range]:
    """The clients' numbers, from 1, that words such as ``"1-10, 15"`` name.

    Raises:
        UsageError: they are no numbers, or beyond the clients that there are.
    """
    found = []
    for part in words.split(","):
        match = _RANGE.fullmatch(part)
        if match is None:
            raise UsageError(f'{where}: {part.strip()[:30]!r}: give clients by number, such as "1-10, 15"')
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last <= most:
            raise UsageError(f"{where}: clients {part.strip()}: there are 1 to {most}")
        found.append(range(first, last + 1))
    return found


def client_place(by_site: Mapping[str, Sequence[range]], clients: int, where: str) -> Place:
    """The share of the clients at each site.

    Raises:
        UsageError: a client is at two sites, or at none.
    """
    parts = sorted((part.start, part.stop, site) for site, ranges in by_site.items() for part in ranges)
    reached, last = 1, ""
    for start, stop, site in parts:
        if start < reached:
            both = f"sites {last} and {site} both hold" if last != site else f"site {site} twice holds"
            raise UsageError(f"{where}: {both} client {start}: each client is at one site")
        if start > reached:
            raise UsageError(f"{where}: client {reached} is at no site")
        reached, last = stop, site
    if reached <= clients:
        raise UsageError(f"{where}: client {reached} is at no site")
    counts = {site: sum(map(len, ranges)) for site, ranges in by_site.items()}
    return Place(tuple((site, count / clients) for site, count in counts.items()))


# Without other sites there are these two, of which a scenario may say something, too.
DATA_CENTRE, EDGE = "data centre", "edge"
_IMPLICIT = {"server": DATA_CENTRE, "client": EDGE}


def places_of(
    data: Mapping[str, Any],
    quantities: dict[str, Quantity],
    words: Mapping[str, str],
    traces: Mapping[str, IntensityTrace],
    kinds: Iterable[ParadigmKind],
    table: Table,
    where: str,
) -> tuple[Place, Place]:
    """Where the server is and where the clients are; PUE and intensity of each go to ``quantities``.

    Without a server its place is the clients'.

    Raises:
        UsageError: a site is missing, or shares a client with another.
    """
    sites = list(data.get("site", {}))
    for site in sites:
        _intensity(site, quantities, words, traces, where)
    by_site: dict[str, list[range]] = {}
    for site in sites:
        if f"site.{site}.clients" in words:
            most = int(quantities["data.clients"].value) if "data.clients" in quantities else 1
            key = f"site.{site}.clients"
            by_site[site] = clients_of(words[key], most, f"{where}: {key}")
    if by_site:
        clients = client_place(by_site, most, where)
    else:
        clients = Place(((_site("client", words, sites, where), 1.0),))
    serverless = all(kind == "consensus" for kind in kinds) and "server.site" not in words
    server = clients if serverless else Place(((_site("server", words, sites, where), 1.0),))
    for who, factor in ((server, "pue.edge" if serverless else "pue.world"), (clients, "pue.edge")):
        for site, _ in who.shares:
            quantities.setdefault(f"site.{site}.pue", table.quantity(factor, where))
    return server, clients


def _site(who: str, words: Mapping[str, str], sites: Sequence[str], where: str) -> str:
    said = words.get(f"{who}.site")
    if said is None and set(sites) <= {DATA_CENTRE, EDGE}:
        return _IMPLICIT[who]
    if said is None and len(sites) == 1:
        return sites[0]
    if said is None or said not in sites:
        shown = "is missing" if said is None else repr(said[:40])
        raise UsageError(f"{where}: {who}.site {shown}: {_there(sites)}")
    return said


def _there(sites: Sequence[str]) -> str:
    return f"the sites are {', '.join(sites)}" if sites else "there is no [site.NAME]"


def traces_of(data: Mapping[str, Any], words: Mapping[str, str], path: Path) -> dict[str, IntensityTrace]:
    """The intensities over time of each site that names a trace.

    Raises:
        FileError: one cannot be read.
    """
    return {
        site: read_trace(path.parent / words[f"site.{site}.trace"], words.get(f"site.{site}.column"))
        for site in data.get("site", {})
        if f"site.{site}.trace" in words
    }


def _intensity(
    site: str,
    quantities: dict[str, Quantity],
    words: Mapping[str, str],
    traces: Mapping[str, IntensityTrace],
    where: str,
) -> None:
    at = f"site.{site}"
    if f"{at}.country" in words:
        quantities[f"{at}.intensity"] = of_grid(words[f"{at}.country"], f"{where}: {at}.country")
    elif f"{at}.trace" in words:
        quantities[f"{at}.intensity"] = traces[site].quantity()
