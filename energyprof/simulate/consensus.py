"""What a scenario says of consensus: its paradigms' graphs, who sleeps, and the network under them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from energyprof.errors import UsageError
from energyprof.simulate.place import Place
from energyprof.simulate.presence import Presence, participation, presence
from energyprof.simulate.quantity import Quantity
from energyprof.simulate.topology.underlay import CORE_BIT_PER_S, Underlay, read_underlay
from energyprof.simulate.traces.trace import IntensityTrace
from energyprof.workload import WorkloadError
from energyprof.workloads.exchange import graph_file
from energyprof.workloads.exchange.topology import Topology, topology_of

# The weights of more take minutes where all are neighbours of all.
MOST_NODES = 300


def topology_in(
    name: str, quantities: dict[str, Quantity], words: Mapping[str, str], path: Path
) -> Topology | None:
    """The graph of a paradigm, whose mean degree becomes its ``neighbours``.

    Raises:
        UsageError: there is no such graph of that many clients.
    """
    key = f"paradigm.{name}.graph"
    if key not in words:
        return None
    clients = quantities.get("data.clients")
    if clients is None or clients.value > MOST_NODES:
        raise UsageError(f"{path}: {key}: needs data.clients, of at most {MOST_NODES}; else give neighbours")
    said, nodes = words[key], int(clients.value)
    if said.lower().endswith(graph_file.ENDINGS):
        said = str(path.parent / said)
    try:
        found = topology_of(said, nodes)
    except WorkloadError as error:
        raise UsageError(f"{path}: {key}: {str(error).replace('--clients', 'data.clients =')}") from None
    degree = len(found.at(0, 0).edges) / nodes
    source = f"mean degree of {words[key]} over {nodes} nodes"
    quantities[f"paradigm.{name}.neighbours"] = Quantity(degree, degree, degree, "1", "given", source)
    return found


def sleeping(
    name: str,
    clients: Place,
    quantities: dict[str, Quantity],
    traces: Mapping[str, IntensityTrace],
    where: str,
) -> tuple[Place, tuple[Presence, ...]]:
    """Where the clients that are awake take their joules, and who is awake; empty: nobody sleeps.

    What a kWh emits while a site is awake stands under a site of its own.

    Raises:
        UsageError: a site has no trace to go by, or nobody is ever awake.
    """
    key = f"paradigm.{name}.sleep_above"
    if key not in quantities:
        return clients, ()
    if not quantities[key].sure:
        raise UsageError(f"{where}: {key}: give one number, without low and high")
    if blind := [site for site, _ in clients.shares if site not in traces]:
        raise UsageError(f"{where}: {key}: site {blind[0]} has no trace to sleep by")
    most = quantities[key].value
    found = tuple(presence(site, share, traces[site], most) for site, share in clients.shares)
    mean = participation(found)
    if not mean:
        raise UsageError(f"{where}: {key} {most:g}: no site is ever that clean, so nobody trains")
    said = f"share of the time under {most:g} g/kWh"
    quantities[f"paradigm.{name}.participation"] = Quantity(mean, mean, mean, "1", "given", said)
    shares = []
    for one in found:
        if one.awake:
            site = f"{one.site} under {most:g} g/kWh"
            whole = quantities[f"site.{one.site}.intensity"]
            g = one.g_per_kwh
            source = f"{whole.source}, {said}"
            quantities[f"site.{site}.intensity"] = dataclasses.replace(
                whole, value=g, low=min(g, whole.low), high=max(g, min(whole.high, most)), source=source
            )
            quantities[f"site.{site}.pue"] = quantities[f"site.{one.site}.pue"]
            if f"site.{one.site}.wue" in quantities:
                quantities[f"site.{site}.wue"] = quantities[f"site.{one.site}.wue"]
            shares.append((site, one.clients * one.awake / mean))
    return Place(tuple(shares)), found


def network_in(quantities: Mapping[str, Quantity], words: Mapping[str, str], path: Path) -> Underlay | None:
    """The network between silos, if the scenario names one.

    Raises:
        FileError: it cannot be read.
        UsageError: it has other nodes than there are clients.
    """
    if "network.file" not in words:
        return None
    core = quantities.get("network.core_bit_per_s")
    found = read_underlay(path.parent / words["network.file"], CORE_BIT_PER_S if core is None else core.value)
    clients = quantities.get("data.clients")
    if clients is not None and found.nodes != clients.value:
        said = f"has {found.nodes} nodes, data.clients is {clients.value:g}"
        raise UsageError(f"{path}: network.file {words['network.file']}: {said}")
    return found
