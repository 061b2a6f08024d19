"""Topologies that people bring: what is read, and each way in which a file is none."""

import json
import sys

import pytest

from energyprof.workload import WorkloadError
from energyprof.workloads.exchange import graph_file
from energyprof.workloads.exchange.topology import topology_of

PATH = frozenset({(0, 1), (1, 0), (1, 2), (2, 1)})


def written(tmp_path, content, name="graph.json"):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return str(path)


def node_link(nodes, edges, key="edges", **others):
    pairs = [{"source": a, "target": b} for a, b in edges]
    return {"nodes": [{"id": node} for node in nodes], key: pairs, **others}


@pytest.mark.parametrize("key", ["edges", "links"])
def test_node_link_json_is_read_as_either_networkx_writes_it(tmp_path, key):
    found = graph_file.read(written(tmp_path, node_link("abc", ["ab", "bc"], key)), 3)
    assert found.edges == PATH


def test_a_directed_graph_stays_so(tmp_path):
    path = written(tmp_path, node_link([5, 6, 7], [(5, 6), (6, 7), (7, 5)], directed=True))
    assert topology_of(path, 3).at(9, 0).edges == {(0, 1), (1, 2), (2, 0)}


@pytest.mark.parametrize("directed", [False, True])
def test_files_that_networkx_wrote_are_read_back(tmp_path, directed):
    networkx = pytest.importorskip("networkx")
    graph = networkx.cycle_graph(5, networkx.DiGraph if directed else networkx.Graph)
    networkx.write_gml(graph, tmp_path / "ring.gml")
    (tmp_path / "ring.json").write_text(json.dumps(networkx.node_link_data(graph)))
    edges = {(n, (n + 1) % 5) for n in range(5)}
    for name in ("ring.gml", "ring.json"):
        found = graph_file.read(str(tmp_path / name), 5)
        assert found.edges == (edges if directed else edges | {(b, a) for a, b in edges})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is not node-link JSON: write {"),
        ("[]", "is not node-link JSON"),
        ("[" * 100_000, "is not node-link JSON"),
        ({"nodes": [{"id": [1]}], "edges": []}, "is not node-link JSON"),
        ({"nodes": [1, 2, 3]}, "is not node-link JSON"),
        (node_link("ab", ["ab"]), "has 2 nodes: use --clients 2"),
        (node_link("abb", ["ab"]), "two nodes of the same name"),
        (node_link("abc", ["ab", "bz"]), "an edge goes to 'z', which is not a node"),
        (node_link("abc", ["ab", "bc", "aa"]), "node 'a' sends to itself"),
        (node_link("abc", ["ab"]), "not every node hears of every other"),
        (node_link("abc", ["ab", "bc"], directed=True), "not every node hears of every other"),
    ],
    ids=str,
)
def test_what_is_no_topology_is_one_line(tmp_path, content, words):
    with pytest.raises(WorkloadError) as error:
        graph_file.read(written(tmp_path, content), 3)
    assert words in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("content", ["", "graph [", "graph [ node [ id 0 ] node [ id 0 ] ]", "nonsense\n\n!"])
def test_what_is_no_gml_is_one_line(tmp_path, content):
    pytest.importorskip("networkx")
    with pytest.raises(WorkloadError, match=r"is not GML \(") as error:
        graph_file.read(written(tmp_path, content, "graph.gml"), 3)
    assert "\n" not in str(error.value)


def test_gml_without_networkx_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "networkx", None)
    with pytest.raises(WorkloadError, match=r"^networkx, needed to read a GML file, is not installed: pip"):
        graph_file.read(written(tmp_path, "graph []", "graph.gml"), 3)


def test_files_that_are_no_text_or_too_large_are_one_line(tmp_path):
    (tmp_path / "graph.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(WorkloadError, match="is not text in UTF-8"):
        graph_file.read(str(tmp_path / "graph.json"), 3)
    with open(tmp_path / "graph.json", "wb") as large:
        large.truncate(graph_file.LARGEST_BYTES + 1)
    with pytest.raises(WorkloadError, match="more than 10 MB"):
        graph_file.read(str(tmp_path / "graph.json"), 3)
