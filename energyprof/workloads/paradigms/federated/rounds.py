"""The rounds of federated training, on any engine: who is asked, whose work counts, and what it scores.

Training stops when the caller stops asking, in the round that reaches the target.
"""

import math
import random
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Tuple

from energyprof.workload import Event, Exchange, Mark, Plan, Progress, Round
from energyprof.workloads.exchange import channel, codecs
from energyprof.workloads.paradigm import SERVER, client_name
from energyprof.workloads.paradigms.cohort import Cohort, State
from energyprof.workloads.paradigms.federated import strategies
from energyprof.workloads.paradigms.federated.client import ARRAYS, CONFIG, METRICS, PAYLOAD, downward
from energyprof.workloads.paradigms.federated.engines import Engine
from energyprof.workloads.paradigms.federated.flower import library
from energyprof.workloads.paradigms.federated.strategies import WEIGHT


def needed(clients: int, participation: float) -> int:
    """How many clients' work a round takes, of so many."""
    return max(1, math.ceil(participation * clients - 1e-9))


@dataclass(frozen=True)
class Cast:
    """Who is asked in a round, and in which order those who answer do."""

    asked: Tuple[int, ...]  # in the order of their numbers
    used: Tuple[int, ...]  # the first that answer, as many as are needed
    late: Tuple[int, ...]  # whose work is done, but not waited for
    dropped: Tuple[int, ...]  # whose work is done and lost on the way

    def outcome(self, client: int) -> Any:
        """What became of a client's work."""
        return "used" if client in self.used else "late" if client in self.late else "dropped"


def cast(config: Any, number: int, seed: int) -> Cast:
    """The cast of round ``number``, drawn from the seed: the same whatever the engine, and however quick."""
    rng = random.Random(f"{seed} {number}")
    wanted = needed(config["clients"], config["participation"])
    asked = rng.sample(range(config["clients"]), wanted + config["backup"])
    answering = [client for client in asked if rng.random() >= config["dropout"]]
    used, late = answering[:wanted], answering[wanted:]
    dropped = set(asked) - set(answering)
    return Cast(*(tuple(sorted(of)) for of in (asked, used, late, dropped)))


def trained(engine: Engine, cohort: Cohort, plan: Plan, seed: int) -> Iterator[Event]:
    """The phases of the server, what is exchanged, and the score of each round; engines tell of the clients.

    Raises:
        Diverged: a weight or the score is not a number.
    """
    config = plan.config["paradigm"]
    strategy = strategies.strategy_of(config)
    server = Server(engine, cohort, strategy, config)
    samples, number = 0, 0
    while samples < plan.max_samples:
        number += 1
        playing = cast(config, number, seed)
        yield Mark("encode", 0, SERVER)
        messages, bytes_down = server.messages(number, playing.asked)
        yield Mark(engine.while_clients_train, 0, SERVER)
        answers = engine.exchange(messages)
        yield Mark("decode", 0, SERVER)
        replies = sorted(answers, key=client_of)
        exchanges = [exchange_of(reply, playing, bytes_down) for reply in replies]
        samples += sum(exchange.samples for exchange in exchanges)
        arrived = [reply for reply in replies if client_of(reply) in playing.used]
        decoded = [server.decoded(reply) for reply in arrived]
        yield Mark("aggregate", 0, SERVER)
        if decoded:
            server.aggregate(number, decoded)
        yield Mark("eval", 0, SERVER)
        score = server.score(sum(cohort.steps(client) for client in playing.used))
        yield from exchanges
        yield Round(number)
        yield Progress(samples, score)


class Server:
    """The global model and the strategy that makes the next one."""

    def __init__(self, engine: Engine, cohort: Cohort, strategy: Any, config: Any) -> None:
        self._engine, self._cohort, self._strategy, self._config = engine, cohort, strategy, config
        self._codec = codecs.codec_of(config["transfer"])
        self._down = channel.Sender(downward(self._codec), config["compress"], "none")
        self._state = cohort.state()
        self._sent: State = {}  # what the clients began with

    def messages(self, number: int, asked: Tuple[int, ...]) -> Tuple[List[Any], int]:
        """A message with the model for each client of ``asked``, and its bytes.

        Raises:
            Diverged: a weight is not a number.
        """
        flwr, numpy = library("flwr.app"), library("numpy")
        payload = self._down.send(self._state)
        self._sent = channel.received(
            payload, self._cohort.like, downward(self._codec), self._config["compress"]
        )
        configured = self._strategy.configure_train(
            number, record(self._state), flwr.ConfigRecord(), self._engine.offering(asked)
        )
        array = flwr.Array(numpy.frombuffer(payload, numpy.uint8))
        messages = sorted(
            configured, key=lambda message: self._engine.client_at(message.metadata.dst_node_id)
        )
        for message in messages:
            content = {ARRAYS: flwr.ArrayRecord({PAYLOAD: array}), CONFIG: message.content[CONFIG]}
            message.content = flwr.RecordDict(content)
        return messages, len(payload)

    def decoded(self, reply: Any) -> Any:
        """The reply with the client's weights in float32 in place of their code.

        The strategy averages in whatever type it gets: fp16 would make the model fp16.
        """
        flwr = library("flwr.app")
        reference = self._sent if self._codec.sends == "deltas" else None
        state = channel.received(
            payload_of(reply), self._cohort.like, self._codec, self._config["compress"], reference
        )
        metrics = {WEIGHT: reply.content[METRICS][WEIGHT]}
        reply.content = flwr.RecordDict({ARRAYS: record(state), METRICS: flwr.MetricRecord(metrics)})
        return reply

    def aggregate(self, number: int, replies: List[Any]) -> None:
        """Make the next model of the clients'."""
        arrays, _ = self._strategy.aggregate_train(number, replies)
        numpy = library("numpy")
        self._state = {name: numpy.asarray(arrays[name].numpy(), numpy.float32) for name in self._state}

    def score(self, steps: int) -> float:
        """What the model is worth, or its moving average, which so many steps of clients went into.

        Raises:
            Diverged: the score is not a number.
        """
        self._cohort.load(self._state)
        self._cohort.follow(steps)
        return self._cohort.score()


def exchange_of(reply: Any, playing: Cast, bytes_down: int) -> Exchange:
    """What the client of an answer had to do with the round; of a lost one nothing comes up."""
    client = client_of(reply)
    outcome = playing.outcome(client)
    bytes_up = 0 if outcome == "dropped" else len(payload_of(reply))
    samples = int(reply.content[METRICS]["samples"])
    return Exchange(client_name(client), samples, bytes_up, bytes_down, outcome)


def record(state: Dict[str, Any]) -> Any:
    """A state as Flower holds it."""
    flwr = library("flwr.app")
    return flwr.ArrayRecord({name: flwr.Array(values) for name, values in state.items()})


def client_of(reply: Any) -> int:
    """Who answers."""
    return int(reply.content[METRICS]["client"])


def payload_of(reply: Any) -> bytes:
    """The encoded weights of an answer."""
    found: bytes = reply.content[ARRAYS][PAYLOAD].numpy().tobytes()
    return found
