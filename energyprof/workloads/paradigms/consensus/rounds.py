"""The rounds of consensus training: who is there, who trains, who hears whom.

One node computes after the other. Training stops when the caller stops asking.
"""

import math
import random
from typing import Any, Dict, Iterator, List, Sequence, Tuple

from energyprof.workload import AWAY, Event, Exchange, Facts, Mark, Plan, Progress, Round
from energyprof.workloads.exchange.graph import Graph
from energyprof.workloads.exchange.mixing import Rows, mixing
from energyprof.workloads.exchange.topology import Topology
from energyprof.workloads.paradigm import SERVER, client_name
from energyprof.workloads.paradigms.cohort import Cohort
from energyprof.workloads.paradigms.consensus.nodes import Nodes, apart
from energyprof.workloads.training.loop import WARMUP_STEPS


def present(config: Any, number: int, seed: int) -> Tuple[int, ...]:
    """Who is there in round ``number``, from 1: each node by chance, one at least."""
    rng = random.Random(f"{seed} present {number}")
    there = tuple(node for node in range(config["clients"]) if rng.random() >= config["dropout"])
    return there or (rng.randrange(config["clients"]),)


def trains(skipped: float, number: int) -> bool:
    """Whether nodes train in round ``number``; in the others, that share of all, they only mix.

    All skip the same rounds, evenly spread: mixing brings the models together, and the next training starts
    from there (SkipTrain: Dhasade et al., 2024, arXiv:2407.01283).
    """
    return math.floor(number * skipped) == math.floor((number - 1) * skipped)


def trained(cohort: Cohort, nodes: Nodes, topology: Topology, plan: Plan, seed: int) -> Iterator[Event]:
    """The phases of nodes and observer, what is exchanged, and the score of each round.

    Raises:
        Diverged: a loss, a weight or the score is not a number.
    """
    config = plan.config["paradigm"]
    turns = Turns(cohort, nodes)
    number, score = 0, 0.0
    while turns.samples < plan.max_samples:
        number += 1
        there = present(config, number, seed)
        graph = topology.at(number - 1, seed).among(there)
        training = trains(config["skip_training"], number)
        steps = [cohort.steps(node) if training else 0 for node in there]
        for node, count in zip(there, steps):
            yield from turns.train(node, count)
            yield from turns.say(node, graph)
        rows = mixing(graph)
        for node in there:
            yield from turns.mix(node, graph, rows)
        if training:  # mixing alone leaves the mean, and so its score, as they are
            yield Mark("eval", 0, SERVER)
            cohort.load(nodes.mean())
            # As many samples in the moving average as it has in central training.
            cohort.follow(sum(steps))
            score = cohort.score()
            yield Facts({"consensus_distance": apart(nodes, len(cohort))})
        yield from turns.exchanges(there)
        yield Round(number)
        yield Progress(turns.samples, score)
        yield Mark(AWAY, 0, SERVER)


class Turns:
    """What each node does in a round, one node at a time, and what came of it."""

    def __init__(self, cohort: Cohort, nodes: Nodes) -> None:
        self._cohort, self._nodes = cohort, nodes
        self._trained = [0] * len(cohort)  # samples of each node, from the beginning
        self._before = [0] * len(cohort)  # and before this round
        self._messages: Dict[Tuple[int, int], bytes] = {}  # of this round, by (speaker, hearer)
        self._cold = WARMUP_STEPS  # the very first steps choose kernels and fill allocators

    @property
    def samples(self) -> int:
        """Trained by all nodes together."""
        return sum(self._trained)

    def train(self, node: int, steps: int) -> Iterator[Event]:
        """The node's local steps, from its own model."""
        if not steps:
            return
        cold = min(steps, self._cold)
        stretches = [(name, count) for name, count in (("warmup", cold), ("train", steps - cold)) if count]
        self._cold = 0
        for number, (name, count) in enumerate(stretches):
            yield self._mark(name, node)
            if number == 0:
                self._cohort.load(self._nodes.model(node))
            self._trained[node] += self._cohort.train(node, count)[0]
            yield Progress(self.samples)
        self._nodes.trained(node, self._cohort.state())

    def say(self, node: int, graph: Graph) -> Iterator[Event]:
        """Its messages, encoded; with them its turn is over until all have spoken."""
        hearers = graph.out(node)
        if hearers:
            yield self._mark("encode", node)
            for hearer, message in self._nodes.say(node, hearers).items():
                self._messages[node, hearer] = message
        if hearers or self._trained[node] > self._before[node]:
            yield self._mark(AWAY, node)

    def mix(self, node: int, graph: Graph, rows: Rows) -> Iterator[Event]:
        """What it hears, decoded, and its next model."""
        speakers = graph.into(node)
        if not speakers and not graph.out(node):
            return
        if speakers:
            yield self._mark("decode", node)
            for speaker in speakers:
                self._nodes.hear(node, speaker, self._messages[speaker, node])
        yield self._mark("aggregate", node)
        self._nodes.mix(node, rows[node])
        yield self._mark(AWAY, node)

    def exchanges(self, there: Sequence[int]) -> List[Exchange]:
        """What each node had to do with the round; the next one begins."""
        up, down = [0] * len(self._trained), [0] * len(self._trained)
        for (speaker, hearer), message in self._messages.items():
            up[speaker] += len(message)
            down[hearer] += len(message)
        found = [
            Exchange(
                client_name(node),
                self._trained[node] - self._before[node],
                up[node],
                down[node],
                "used" if node in there else "dropped",
            )
            for node in range(len(self._trained))
        ]
        self._messages, self._before = {}, list(self._trained)
        return found

    def _mark(self, name: str, node: int) -> Mark:
        return Mark(name, self._trained[node], client_name(node))
