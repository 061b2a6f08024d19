"""Topologies from files: node-link JSON (D3's and networkx's) and GML."""

import importlib
import json
from pathlib import Path
from typing import Any, Dict, FrozenSet, Hashable, List, Tuple

from energyprof.workload import WorkloadError
from energyprof.workloads.exchange.graph import Edge, Graph

ENDINGS = (".json", ".gml")
LARGEST_BYTES = 10_000_000
LAYOUT = '{"directed": false, "nodes": [{"id": "a"}, {"id": "b"}], "edges": [{"source": "a", "target": "b"}]}'


def read(path: str, nodes: int) -> Graph:
    """The graph in a ``.json`` or ``.gml`` file of that many ``nodes``, numbered as they stand in it.

    Raises:
        WorkloadError: it cannot be read, is no such graph, or keeps some nodes from hearing of the others.
    """
    try:
        if Path(path).stat().st_size > LARGEST_BYTES:
            raise WorkloadError(
                f"{path} has more than {LARGEST_BYTES // 10**6} MB: no graph of nodes is so large"
            )
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise WorkloadError(f"topology {path} cannot be read ({error.strerror}): check it") from error
    except UnicodeDecodeError as error:
        raise WorkloadError(f"topology {path} is not text in UTF-8: check it") from error
    names, edges = (_gml if path.lower().endswith(".gml") else _json)(path, text)
    if len(names) != nodes:
        raise WorkloadError(f"topology {path} has {len(names)} nodes: use --clients {len(names)}")
    graph = Graph(nodes, edges)
    if not graph.connected():
        raise WorkloadError(
            f"topology {path}: not every node hears of every other: add edges between its parts"
        )
    return graph


def _json(path: str, text: str) -> Tuple[List[Hashable], FrozenSet[Edge]]:
    try:
        said = json.loads(text)
        names = [_name(node["id"]) for node in said["nodes"]]
        # networkx wrote "links" until 3.3
        pairs = [(_name(e["source"]), _name(e["target"])) for e in said.get("edges", said.get("links"))]
        directed = said.get("directed", False)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WorkloadError(f"topology {path} is not node-link JSON: write {LAYOUT}") from error
    return names, _numbered(path, names, pairs, bool(directed))


def _gml(path: str, text: str) -> Tuple[List[Hashable], FrozenSet[Edge]]:
    try:
        networkx: Any = importlib.import_module("networkx")
    except ModuleNotFoundError as error:
        raise WorkloadError(
            "networkx, needed to read a GML file, is not installed: pip install 'energyprof[graphs]'"
        ) from error
    try:
        graph = networkx.parse_gml(text.splitlines(), label="id")
    # What is wrong with a file shows as one of many kinds of errors in its parser.
    except Exception as error:
        said = " ".join(str(error).split())[:80]
        raise WorkloadError(f"topology {path} is not GML ({said}): check it") from error
    return list(graph.nodes), _numbered(path, list(graph.nodes), list(graph.edges()), graph.is_directed())


def _name(said: Any) -> Hashable:
    if isinstance(said, bool) or not isinstance(said, (str, int)):
        raise ValueError("a node is called by a number or a name")
    return said


def _numbered(path: str, names: List[Hashable], pairs: List[Any], directed: bool) -> FrozenSet[Edge]:
    numbers: Dict[Hashable, int] = {name: number for number, name in enumerate(names)}
    if len(numbers) != len(names):
        raise WorkloadError(f"topology {path} has two nodes of the same name: rename one")
    found = set()
    for here, there, *_ in pairs:
        for name in (here, there):
            if name not in numbers:
                raise WorkloadError(f"topology {path}: an edge goes to {name!r}, which is not a node: add it")
        if here == there:
            raise WorkloadError(f"topology {path}: node {here!r} sends to itself: remove that edge")
        found.add((numbers[here], numbers[there]))
        if not directed:
            found.add((numbers[there], numbers[here]))
    return frozenset(found)
