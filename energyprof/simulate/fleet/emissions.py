"""What a fleet's joules emit, by each site's intensity at the time, and what its overhead adds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from energyprof.errors import UsageError
from energyprof.simulate.fleet.clients import Clients
from energyprof.simulate.fleet.sites import FleetSite
from energyprof.simulate.numerics import load
from energyprof.units import utc

J_PER_KWH = 3.6e6


class Emissions:
    """Sums over time by site; what is spent at no site makes the carbon unknown."""

    def __init__(
        self,
        sites: Sequence[FleetSite],
        of_kind: Sequence[int | None],
        server: int | None,
        clients: Clients,
        start_s: float,
    ) -> None:
        numpy = load("numpy")
        self._sites, self._of_kind, self._server, self._start_s = (
            tuple(sites),
            tuple(of_kind),
            server,
            start_s,
        )
        self.joules = [0.0] * len(self._sites)  # at the sites' machines
        self.kg = [0.0] * len(self._sites)
        self.elsewhere_j = 0.0  # at no site
        self._integrals = [_integral(numpy, site) for site in self._sites]
        # Those at no site stand behind the last.
        kinds = numpy.array([len(self._sites) if site is None else site for site in self._of_kind])
        self._of_client = kinds[clients.kind] if self._sites else None

    @property
    def wanted(self) -> bool:
        """Whether there is a site: else nobody asked."""
        return bool(self._sites)

    @property
    def co2_kg(self) -> float:
        """Of all joules; NaN: those of some are not known."""
        return sum(self.kg) if self._sites and not self.elsewhere_j else math.nan

    @property
    def overhead_j(self) -> float:
        """What the sites take beside their machines."""
        return sum(joules * (site.pue - 1) for joules, site in zip(self.joules, self._sites, strict=True))

    def clients(self, asked: Any, joules: Any, from_s: float, until_s: float) -> None:
        """Joules of each of ``asked`` over a stretch of time. Raises UsageError: a trace has ended."""
        if self._of_client is None:
            return
        numpy, count = load("numpy"), len(self._sites)
        by_site = numpy.bincount(self._of_client[asked], weights=joules, minlength=count + 1)
        for site in range(count):
            self._spend(site, float(by_site[site]), from_s, until_s)
        self._spend(None, float(by_site[count]), from_s, until_s)

    def kinds(self, joules: Sequence[float], from_s: float, until_s: float) -> None:
        """Joules of all clients of each kind. Raises UsageError: a trace has ended."""
        for site, own_j in zip(self._of_kind, joules, strict=True):
            self._spend(site, own_j, from_s, until_s)

    def server(self, joules: float, from_s: float, until_s: float) -> None:
        """Joules of the server. Raises UsageError: a trace has ended."""
        self._spend(self._server, joules, from_s, until_s)

    def _spend(self, site: int | None, joules: float, from_s: float, until_s: float) -> None:
        if not joules or not self._sites:
            return
        if site is None:
            self.elsewhere_j += joules
            return
        place = self._sites[site]
        self.joules[site] += joules
        self.kg[site] += joules * place.pue * self._intensity(site, from_s, until_s) / J_PER_KWH / 1e3

    def _intensity(self, site: int, from_s: float, until_s: float) -> float:
        """The mean over the time, g/kWh."""
        place, made = self._sites[site], self._integrals[site]
        if made is None:
            return place.g_per_kwh
        numpy, (edges, integral) = load("numpy"), made
        begin, end = self._start_s + from_s, self._start_s + max(until_s, from_s + 1e-3)
        if begin < edges[0] - 1e-6 or end > edges[-1] + 1e-6:
            raise UsageError(
                f"site {place.name}: its trace reaches from {utc(float(edges[0]))} to "
                f"{utc(float(edges[-1]))}, and the fleet trains at {utc(end)}: give its mean as intensity"
            )
        first, last = numpy.interp([begin, end], edges, integral)
        return float(last - first) / (end - begin)


def _integral(numpy: Any, site: FleetSite) -> tuple[Any, Any] | None:
    """Each value holds until the next: the edges of a trace's steps, and what has come together by them."""
    if site.trace is None:
        return None
    edges = numpy.append(numpy.array(site.trace.times_s), site.trace.ends_s)
    held = numpy.array(site.trace.g_per_kwh) * numpy.diff(edges)
    return edges, numpy.concatenate([[0.0], numpy.cumsum(held)])
