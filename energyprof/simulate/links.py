"""What moving bits takes: by bit/J, by kWh/GB, or by the time that a router and an idle client wait."""

from __future__ import annotations

from collections.abc import Mapping

from energyprof.errors import UsageError
from energyprof.simulate.factors import Table
from energyprof.simulate.parts import Part
from energyprof.simulate.place import Place
from energyprof.simulate.places import J_PER_KWH, carried, used
from energyprof.simulate.quantity import Quantity
from energyprof.simulate.scenario import WAYS, Inputs, Link
from energyprof.units import si

BIT_PER_GB = 8e9


def moved(x: Inputs, link: Link, bits: float) -> Part:
    """The part that ``bits`` over ``link`` come to.

    bit/J is the sender's transmitter, so its site's PUE counts (Savazzi et al., arXiv 2103.10346); kWh/GB is
    the network's average over its traffic; router × time is Qiu et al., JMLR 24, 2023.
    """
    if link.way == "bit/J":
        return used(x, link.place, bits / x[f"{link.at}.bit_per_j"])
    if link.way == "kWh/GB":
        return carried(x, link.place, bits / BIT_PER_GB * x[f"{link.at}.kwh_per_gb"] * J_PER_KWH)
    power_w = x[f"{link.at}.router_w"] + x.get(0.0, f"{link.at}.idle_w")
    return carried(x, link.place, bits / x[f"{link.at}.bit_per_s"] * power_w)


def bit_per_j(kwh_per_gb: float) -> float:
    """The same efficiency in bit/J: 1 kWh/GB is 2,222 bit/J."""
    return BIT_PER_GB / (kwh_per_gb * J_PER_KWH)


def links_of(
    quantities: dict[str, Quantity],
    words: Mapping[str, str],
    places: tuple[Place, Place],
    table: Table,
    where: str,
) -> dict[str, Link]:
    """The links that the scenario has; what a GB takes over a named network goes to ``quantities``.

    ``places`` are the server's and the clients': a downlink's energy is taken at the first, the others' at
    the second, unless ``site`` says otherwise.

    Raises:
        UsageError: there is no such network or site, or a year without a network.
    """
    for at in ("link", "link.uplink", "link.downlink", "link.side"):
        if f"{at}.medium" in words:
            # Of other networks no trend is known: a year that is given stays among what nothing uses.
            year = quantities.pop(f"{at}.year", None) if table.has_years(words[f"{at}.medium"]) else None
            said = f"{where}: {at}.medium"
            factor = table.network(words[f"{at}.medium"], None if year is None else year.value, said)
            quantities[f"{at}.kwh_per_gb"] = factor
        elif f"{at}.year" in quantities:
            raise UsageError(f'{where}: {at}.year: goes with medium, such as medium = "fixed"')
    via = words.get("link.side.via")
    if via not in (None, "server"):
        raise UsageError(f'{where}: link.side.via {via[:30]!r}: can only be "server"')
    found = {}
    for name in ("uplink", "downlink", "side"):
        link = _link(name, quantities, words, places, where)
        if link is not None and not (name == "side" and via):
            found[name] = link
    return found


def _link(
    name: str,
    quantities: Mapping[str, Quantity],
    words: Mapping[str, str],
    places: tuple[Place, Place],
    where: str,
) -> Link | None:
    for at in (f"link.{name}", "link"):
        ways = [way for way in WAYS if f"{at}.{way}" in quantities]
        if ways:
            break
    else:
        return None
    place = places[0] if name == "downlink" else places[1]
    if f"link.{name}.site" in words:
        site = words[f"link.{name}.site"]
        if not any(key.startswith(f"site.{site}.") for key in quantities):
            raise UsageError(f"{where}: link.{name}.site {site[:40]!r}: there is no such site")
        place = Place(((site, 1.0),))
    way, source = WAYS[ways[0]], quantities[f"{at}.{ways[0]}"]
    said = f"{way}, {source.source}"
    if way == "kWh/GB" and source.value:
        said = f"kWh/GB ({source.value:g}: {si(bit_per_j(source.value), 'bit/J')}), {source.source}"
    return Link(way, at, place, said)
