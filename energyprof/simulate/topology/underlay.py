"""The network under an overlay: latency and bandwidth of the way between each two nodes."""

from __future__ import annotations

import heapq
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from energyprof import files
from energyprof.errors import FileError
from energyprof.simulate.numerics import load
from energyprof.storable.frozen import dataclass

# Marfoq et al. 2020, section 4, after Gueye et al.: light in fibre and detours, and what routers add.
S_PER_KM, S_ADDED = 0.0085e-3, 4e-3
CORE_BIT_PER_S = 1e9  # of a link in the core
EARTH_KM = 6371.0


@dataclass(frozen=True)
class Underlay:
    """Pairs hold both directions; ``links`` are the physical links (here, there, km)."""

    nodes: int
    links: tuple[tuple[int, int, float], ...]
    latency_s: Mapping[tuple[int, int], float]
    bit_per_s: Mapping[tuple[int, int], float]


def underlay(nodes: int, links: Sequence[tuple[int, int, float]], core_bit_per_s: float) -> Underlay:
    """Every pair over its shortest way: latency by its length, bandwidth the core's shared by its hops.

    Raises:
        ValueError: some node cannot be reached.
    """
    beside: dict[int, list[tuple[int, float]]] = {node: [] for node in range(nodes)}
    for here, there, km in links:
        beside[here].append((there, km))
        beside[there].append((here, km))
    latency, bandwidth = {}, {}
    for source in range(nodes):
        for target, (km, hops) in _shortest(source, beside).items():
            if target != source:
                latency[source, target] = S_PER_KM * km + S_ADDED
                bandwidth[source, target] = core_bit_per_s / hops
    if len(latency) < nodes * (nodes - 1):
        raise ValueError("not every node can be reached from every other")
    return Underlay(nodes, tuple(links), latency, bandwidth)


def _shortest(source: int, beside: Mapping[int, Sequence[tuple[int, float]]]) -> dict[int, tuple[float, int]]:
    """Dijkstra: km and hops from ``source`` to each node that can be reached."""
    found: dict[int, tuple[float, int]] = {}
    queue: list[tuple[float, int, int]] = [(0.0, 0, source)]
    while queue:
        km, hops, node = heapq.heappop(queue)
        if node not in found:
            found[node] = (km, hops)
            for other, further in beside[node]:
                heapq.heappush(queue, (km + further, hops + 1, other))
    return found


def read_underlay(path: Path, core_bit_per_s: float = CORE_BIT_PER_S) -> Underlay:
    """The network in a GML or node-link JSON file: edges with ``distance`` in km, or nodes with coordinates.

    Raises:
        FileError: it cannot be read, or lengths are missing, or parts of it hang apart.
        MissingPart: networkx, which reads GML, is not installed.
    """
    where, text = str(path), files.read_text(path)
    named, edges = (_gml if path.suffix.lower() == ".gml" else _json)(text, where)
    numbers = {name: number for number, name in enumerate(named)}
    links = []
    for here, there, data in edges:
        if here not in numbers or there not in numbers:
            raise FileError(f"{where}: an edge goes to a node that is not there: {here!r} – {there!r}")
        km = _length_km(data, named[here], named[there], f"{where}: {here} – {there}")
        links.append((numbers[here], numbers[there], km))
    if len(numbers) < 2:
        raise FileError(f"{where}: a network has at least two nodes")
    try:
        return underlay(len(numbers), links, core_bit_per_s)
    except ValueError as error:
        raise FileError(f"{where}: {error}: add links between its parts") from None


_Read = tuple[dict[Any, Mapping[str, Any]], list[tuple[Any, Any, Mapping[str, Any]]]]


def _json(text: str, where: str) -> _Read:
    try:
        said = json.loads(text)
        named = {node["id"]: node for node in said["nodes"]}
        edges = [(edge["source"], edge["target"], edge) for edge in said.get("edges", said.get("links"))]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise FileError(f"{where}: not node-link JSON: nodes with id, edges with source and target") from None
    return named, edges


def _gml(text: str, where: str) -> _Read:
    networkx = load("networkx")
    try:
        graph = networkx.parse_gml(text.splitlines(), label="id")
    except Exception as error:  # noqa: BLE001  what is wrong shows as one of many kinds in its parser
        raise FileError(f"{where}: not GML: {' '.join(str(error).split())[:80]}") from None
    return dict(graph.nodes(data=True)), list(graph.edges(data=True))


def _length_km(
    edge: Mapping[str, Any], here: Mapping[str, Any], there: Mapping[str, Any], where: str
) -> float:
    distance = edge.get("distance")
    if distance is not None:
        found = float(distance) if type(distance) in (int, float) else math.nan
    else:
        places = [_degrees(node) for node in (here, there)]
        found = math.nan if None in places else _great_circle_km(*places[0], *places[1])  # type: ignore[misc]
    if not 0 <= found < 1e6:
        raise FileError(f"{where}: how long is it? give distance in km, or Latitude and Longitude of nodes")
    return found


def _degrees(node: Mapping[str, Any]) -> tuple[float, float] | None:
    found = [node.get(name, node.get(name.lower())) for name in ("Latitude", "Longitude")]
    if not all(type(angle) in (int, float) and abs(angle) <= 360 for angle in found):
        return None
    return float(found[0]), float(found[1])


def _great_circle_km(latitude: float, longitude: float, latitude_2: float, longitude_2: float) -> float:
    """The haversine formula."""
    a, b = math.radians(latitude), math.radians(latitude_2)
    along = math.radians(longitude_2 - longitude)
    h = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(along / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, h)))
