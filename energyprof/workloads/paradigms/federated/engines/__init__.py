"""What takes a round's messages to the clients, and brings back their answers."""

import importlib
from typing import Any, ContextManager, Dict, List, Protocol, Sequence

from energyprof.workloads.paradigm import Divisible, Say
from energyprof.workloads.paradigms.cohort import Cohort

ENGINES: Dict[str, str] = {
    "inprocess": "energyprof.workloads.paradigms.federated.engines.inprocess",
    "ray": "energyprof.workloads.paradigms.federated.engines.ray",
    "deploy": "energyprof.workloads.paradigms.federated.engines.deploy",
}


class Engine(Protocol):
    """A way to run the clients; each of its modules has ``opened(program, cohort, seed, say)``."""

    # The server's phase meanwhile: ``wait``, or workload.AWAY where the clients compute in its place.
    while_clients_train: str

    def offering(self, clients: Sequence[int]) -> Any:
        """A Flower ``Grid`` whose nodes are these clients, for a strategy to choose from: it takes all."""
        ...

    def client_at(self, node: int) -> int:
        """The client of a node."""
        ...

    def exchange(self, messages: Sequence[Any]) -> List[Any]:
        """The answers to Flower ``Message``s of one round; whichever order they come in.

        Raises:
            Diverged: a client's loss or weights are not numbers.
            WorkloadError: a client could not train.
        """
        ...


def engine_of(program: Divisible, cohort: Cohort, seed: int, say: Say) -> ContextManager[Engine]:
    """The engine that the settings ask for; no process of it outlives the context."""
    module: Any = importlib.import_module(ENGINES[program.plan.settings.engine])
    found: ContextManager[Engine] = module.opened(program, cohort, seed, say)
    return found
