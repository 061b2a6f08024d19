"""A scenario as it was written, with every number as a quantity under its dotted key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Literal, get_args

from energyprof.errors import UsageError
from energyprof.simulate.place import Place
from energyprof.simulate.presence import Presence
from energyprof.simulate.quantity import Quantity
from energyprof.simulate.topology.underlay import Underlay
from energyprof.storable.frozen import dataclass
from energyprof.workloads.exchange.topology import Topology

ParadigmKind = Literal["central", "refreshed", "continual", "federated", "consensus"]
KINDS: tuple[str, ...] = get_args(ParadigmKind)
# The way a link is charged.
Way = Literal["bit/J", "kWh/GB", "router × time"]
WAYS: Mapping[str, Way] = {"bit_per_j": "bit/J", "kwh_per_gb": "kWh/GB", "router_w": "router × time"}
SEED, DRAWS = 0, 10_000


@dataclass(frozen=True)
class Link:
    """How one direction is charged, under which keys its numbers stand, and where its energy is taken."""

    way: Way
    at: str  # the prefix of its keys: "link" or "link.uplink"
    place: Place
    said: str  # the way in words, for the result


@dataclass(frozen=True)
class Paradigm:
    """One way to train the same model to the same target."""

    name: str
    kind: ParadigmKind
    inference_at: Literal["server", "client"]
    clients: Place  # where its clients' joules are taken: only those that are awake
    topology: Topology | None  # of consensus, if its graph is known


@dataclass(frozen=True)
class Scenario:
    """What is simulated. All that is computed follows from ``quantities`` and the texts beside them."""

    name: str
    where: str  # its file, for errors
    quantities: Mapping[str, Quantity]
    paradigms: tuple[Paradigm, ...]
    server: Place
    clients: Place
    links: Mapping[str, Link]  # uplink, downlink, side; side is missing where it goes through the server
    devices: Mapping[str, tuple[str, ...]]  # server, client -> names of their devices
    flop_kind: Literal["gross", "effective"]
    presences: Mapping[str, tuple[Presence, ...]]  # of the paradigms whose clients sleep
    network: Underlay | None
    boundaries: Mapping[str, str] = field(default_factory=dict)  # of the reports: what their joules hold
    unread_factors: tuple[str, ...] = ()  # that the scenario replaces and nothing asks for

    def link(self, name: str) -> Link:
        """The uplink or the downlink.

        Raises:
            UsageError: the scenario has no such link.
        """
        if name not in self.links:
            ways = "bit_per_j, kwh_per_gb, medium, or router_w and bit_per_s"
            raise UsageError(
                f"{self.where}: there is no link.{name}: give [link] or [link.{name}] with {ways}"
            )
        return self.links[name]

    def values(self) -> dict[str, float]:
        """Every number at its value, by key."""
        return {key: quantity.value for key, quantity in self.quantities.items()}


class Inputs:
    """Numbers by key, floats or arrays of draws; what is asked for and missing is one line."""

    def __init__(self, values: Mapping[str, float], where: str = "scenario") -> None:
        self._values, self._where = values, where
        self.read: set[str] = set()  # the keys whose numbers were asked for

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __getitem__(self, key: str) -> float:
        return self.first(key)

    def first(self, *keys: str) -> float:
        """The first of ``keys`` that has a number.

        Raises:
            UsageError: none has.
        """
        found = self._known(keys)
        if found is not None:
            return found
        other = f" (or {', '.join(keys[1:])})" if len(keys) > 1 else ""
        raise UsageError(
            f"{self._where}: {keys[0]}{other} is missing: name a report that measured it, "
            f"or give --assume {keys[-1]}=VALUE"
        )

    def get(self, default: float, *keys: str) -> float:
        """The first of ``keys`` that has a number, else ``default``, which is true without a measurement."""
        found = self._known(keys)
        return default if found is None else found

    def _known(self, keys: Sequence[str]) -> float | None:
        for key in keys:
            if key in self._values:
                self.read.add(key)
                return self._values[key]
        return None
