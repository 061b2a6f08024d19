"""Consensus training: nodes without a server train on their own data and average with their neighbours.

In a round each node that is there takes its local steps, says its model to those it sends to in the topology,
and mixes what it hears (``nodes.py``, ``rounds.py``). Nobody has the mean of the nodes' models; an observer
scores it after each round.
"""

from typing import Any, Dict, Iterator, List

from energyprof.settings import Settings
from energyprof.workload import AWAY, Event, Facts, Mark, Progress, WorkloadError
from energyprof.workloads.data import split
from energyprof.workloads.exchange import channel, codecs, mixing
from energyprof.workloads.exchange.codec import Codec
from energyprof.workloads.exchange.graph import Graph
from energyprof.workloads.exchange.topology import SHAPES, Fixed, Topology, topology_of
from energyprof.workloads.paradigm import Divisible, Say
from energyprof.workloads.paradigms import cohort, dealt
from energyprof.workloads.paradigms.consensus import nodes, rounds

SOURCES = (
    __file__,
    nodes.__file__,
    rounds.__file__,
    *cohort.SOURCES,
    *dealt.SOURCES,
    *channel.SOURCES,
    *mixing.SOURCES,
)


def described(settings: Settings) -> Dict[str, Any]:
    """The seed by which the data are dealt; of a topology that is a file its edges.

    Raises:
        WorkloadError: split, codec or topology is none, or they do not go together.
    """
    split.split_of(settings.split)
    codec = codecs.codec_of(settings.transfer)
    topology = topology_of(settings.topology, settings.clients)
    _check(codec, topology, settings)
    found: Dict[str, Any] = {"split_seed": dealt.SPLIT_SEED}
    if isinstance(topology, Fixed) and settings.topology not in SHAPES:
        found["topology"] = [list(edge) for edge in sorted(topology.graph.edges)]
    return found


def build(program: Divisible, say: Say) -> "Consensus":
    """The consensus training of ``program``."""
    return Consensus(program)


class Consensus:
    """One plan's training, by nodes that are all alike."""

    def __init__(self, program: Divisible) -> None:
        self._program = program
        self._config = program.config["paradigm"]
        self._parts: List[List[int]] = []
        self._topology = _planned(self._config)

    def prepare(self) -> None:
        """Deal the training items.

        Raises:
            WorkloadError: they cannot be dealt so.
        """
        self._parts = dealt.parts(self._program, self._config["clients"])

    def facts(self) -> Dict[str, Any]:
        """How many training items each node has, and how soon the topology of the first round agrees."""
        gap = mixing.spectral_gap(mixing.mixing(self._topology.at(0, 0)))
        return {"client_items": [len(part) for part in self._parts], "spectral_gap": gap}

    def train(self, seed: int) -> Iterator[Event]:
        """The nodes' phases, what they exchange, and a score each round.

        Raises:
            Diverged: a loss, a weight or the score is not a number.
            WorkloadError: a device ran out of memory, or a weight does not fit the codec.
        """
        clients = cohort.Cohort(self._program, self._parts, seed)
        yield Facts(clients.facts)
        yield Mark(AWAY, 0)  # what is computed from here on is a node's or the observer's
        yield Progress(0)
        models = _nodes(self._config, self._topology, clients.state())
        yield from rounds.trained(clients, models, self._topology, self._program.plan, seed)


def _check(codec: Codec, topology: Topology, settings: Settings) -> None:
    """Do nothing if codec, topology and feedback go together.

    Raises:
        WorkloadError: they do not.
    """
    if codec.sends == "weights" or not _hears_back(topology):
        if codec.name.startswith("topk"):
            raise WorkloadError(
                f"--transfer {codec.name} sends differences, for which everybody has to hear back: "
                "use another transfer, or a ring, torus, star or full --topology"
            )
    elif settings.error_feedback:
        raise WorkloadError(
            f"consensus with --transfer {codec.name} sends differences, which make up for what was lost "
            "anyway: leave --error-feedback out"
        )


def _hears_back(topology: Topology) -> bool:
    return isinstance(topology, Fixed) and topology.graph.symmetric


def _planned(config: Any) -> Topology:
    """The topology that the plan states: a name, or a file's edges."""
    asked = config["topology"]
    if isinstance(asked, str):
        return topology_of(asked, config["clients"])
    return Fixed("file", Graph(config["clients"], frozenset((here, there) for here, there in asked)))


def _nodes(config: Any, topology: Topology, begin: Any) -> nodes.Nodes:
    codec, count = codecs.codec_of(config["transfer"]), config["clients"]
    if codec.sends == "deltas" and _hears_back(topology):
        return nodes.Differences(codec, config["compress"], codec.step, begin, count)
    feedback: channel.Feedback = "residual" if config["error_feedback"] else "none"
    return nodes.Averages(codec, config["compress"], feedback, begin, count)
