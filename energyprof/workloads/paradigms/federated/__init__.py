"""Federated training: a server averages what clients have trained on their own data, round by round.

Flower has the strategies, the messages and the client's app; the rounds are ours, so that training stops in
the one that reaches the target (Flower's own loop runs a number of rounds). An engine, one of ``engines/``,
takes messages to clients: it is all that a new way to run them has to be.
"""

from typing import Any, Dict, Iterator, List

from energyprof.settings import Settings
from energyprof.workload import AWAY, Event, Facts, Mark, Progress, WorkloadError
from energyprof.workloads.data import split
from energyprof.workloads.exchange import channel, codecs
from energyprof.workloads.paradigm import Divisible, Say
from energyprof.workloads.paradigms import cohort, dealt
from energyprof.workloads.paradigms.federated import client, flower, rounds, strategies
from energyprof.workloads.paradigms.federated.engines import engine_of

SOURCES = (
    __file__,
    client.__file__,
    rounds.__file__,
    strategies.__file__,
    *dealt.SOURCES,
    *cohort.SOURCES,
    *channel.SOURCES,
)


def described(settings: Settings) -> Dict[str, Any]:
    """What the strategy uses beside the settings; the seed by which the data are dealt.

    Raises:
        WorkloadError: split or codec is none, or more clients are asked than there are.
    """
    split.split_of(settings.split)
    codecs.codec_of(settings.transfer)
    needed = rounds.needed(settings.clients, settings.participation)
    if needed + settings.backup > settings.clients:
        raise WorkloadError(
            f"{needed} clients a round and {settings.backup} as backup are more than {settings.clients}: "
            "use a smaller --participation or --backup"
        )
    return {"strategy_options": strategies.OPTIONS[settings.strategy], "split_seed": dealt.SPLIT_SEED}


def build(program: Divisible, say: Say) -> "Federated":
    """The federated training of ``program``."""
    return Federated(program, say)


class Federated:
    """One plan's training, by a server and its clients."""

    def __init__(self, program: Divisible, say: Say) -> None:
        self._program, self._say = program, say
        self._config = program.config["paradigm"]
        self._parts: List[List[int]] = []

    def prepare(self) -> None:
        """Load Flower and deal the training items.

        Raises:
            WorkloadError: Flower is missing or another one, or the data cannot be dealt so.
        """
        flower.load(self._program.plan.settings.engine)
        self._parts = dealt.parts(self._program, self._config["clients"])

    def facts(self) -> Dict[str, Any]:
        """Flower's version, and how many training items each client has."""
        return {**flower.facts(), "client_items": [len(part) for part in self._parts]}

    def train(self, seed: int) -> Iterator[Event]:
        """The clients' and the server's phases, what they exchange, and a score each round.

        Raises:
            Diverged: a loss, an exchanged weight or the score is not a number.
            WorkloadError: a device ran out of memory.
        """
        clients = cohort.Cohort(self._program, self._parts, seed)
        yield Facts(clients.facts)
        with engine_of(self._program, clients, seed, self._say) as engine:
            yield Mark(AWAY, 0)  # what is computed from here on is the server's or a client's
            yield Progress(0)
            yield from rounds.trained(engine, clients, self._program.plan, seed)
