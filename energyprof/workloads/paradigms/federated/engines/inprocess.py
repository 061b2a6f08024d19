"""One client after the other, in this process: no other process, no network, and each has joules of its own.

Messages, strategy and the client's app are Flower's own; what is left out are its daemons.
"""

import contextlib
from typing import Any, Dict, Iterator, List, Sequence

from energyprof.workload import AWAY, Mark
from energyprof.workloads.paradigm import Divisible, Say, client_name
from energyprof.workloads.paradigms.cohort import Cohort
from energyprof.workloads.paradigms.federated import client
from energyprof.workloads.paradigms.federated.engines.grid import grid_of
from energyprof.workloads.paradigms.federated.flower import identity, library


@contextlib.contextmanager
def opened(program: Divisible, cohort: Cohort, seed: int, say: Say) -> Iterator["InProcess"]:
    """The engine for a training; ``cohort`` are the clients themselves."""
    with identity():
        clients = client.Clients(cohort, program.config["paradigm"], say)
        yield InProcess(clients, [cohort.items(number) for number in range(len(cohort))], say)


class InProcess:
    """Clients that this process plays."""

    while_clients_train = AWAY

    def __init__(self, clients: client.Clients, items: Sequence[int], say: Say) -> None:
        self._clients, self._say = clients, say
        self._app = client.app(clients, items)
        self._contexts: Dict[int, Any] = {}

    def offering(self, clients: Sequence[int]) -> Any:
        """Nodes are numbered from 1: Flower's server is 0."""
        return grid_of([number + 1 for number in clients])

    def client_at(self, node: int) -> int:
        """The client of a node."""
        return node - 1

    def exchange(self, messages: Sequence[Any]) -> List[Any]:
        """The answers, in the order of the messages."""
        answers = []
        for message in messages:
            number = self.client_at(message.metadata.dst_node_id)
            answers.append(self._app(message, self._context(number)))
            self._say(Mark(AWAY, self._clients.samples(number), client_name(number)))
        return answers

    def _context(self, number: int) -> Any:
        if number not in self._contexts:
            flwr = library("flwr.app")
            self._contexts[number] = flwr.Context(
                run_id=1,
                node_id=number + 1,
                node_config={"partition-id": number},
                state=flwr.RecordDict(),
                run_config={},
            )
        return self._contexts[number]
