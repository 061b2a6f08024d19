"""What a client does with a message: decode the model, train it on its own data, encode what came of it."""

import pickle
from dataclasses import dataclass
from typing import Any, Dict, List, Sequence, Tuple

from energyprof.workload import Mark
from energyprof.workloads.exchange import channel, codecs
from energyprof.workloads.paradigm import Say, client_name
from energyprof.workloads.paradigms.cohort import Cohort
from energyprof.workloads.paradigms.federated.flower import library
from energyprof.workloads.paradigms.federated.strategies import WEIGHT
from energyprof.workloads.training.loop import WARMUP_STEPS

ARRAYS, CONFIG, METRICS, PAYLOAD = "arrays", "config", "metrics", "payload"


class Clients:
    """All clients that this process plays, one at a time."""

    def __init__(self, cohort: Cohort, config: Any, say: Say) -> None:
        """``config``: of the plan's paradigm."""
        self._cohort, self._config, self._say = cohort, config, say
        self._codec = codecs.codec_of(config["transfer"])
        self._samples: Dict[int, int] = {}  # trained so far, by client
        self._senders: Dict[int, channel.Sender] = {}
        self._warm = False

    def turn(self, client: int, message: bytes, mu: float) -> "Turn":
        """One client's round.

        Raises:
            Diverged: its loss or a weight is not a number.
        """
        cohort, config = self._cohort, self._config
        self._mark("decode", client)
        begun = channel.received(message, cohort.like, downward(self._codec), config["compress"])
        cohort.load(begun)
        trained, losses = 0, 0.0
        for name, count in self._stretches(cohort.steps(client)):
            self._mark(name, client)
            samples, loss = cohort.train(client, count, mu)
            trained, losses = trained + samples, losses + samples * loss
            self._samples[client] = self.samples(client) + samples
        self._mark("encode", client)
        sender = self._senders.setdefault(client, self._sender())
        reference = begun if self._codec.sends == "deltas" else None
        return Turn(sender.send(cohort.state(), reference), trained, losses / trained)

    def kept(self, client: int) -> bytes:
        """A client as it is after its turn, for another process to go on with."""
        own = (self.samples(client), self._senders[client], self._cohort.kept(client))
        return pickle.dumps(own)

    def go_on(self, client: int, kept: bytes) -> None:
        """Take over a client that has had turns elsewhere, in a process of this same training."""
        self._samples[client], self._senders[client], own = pickle.loads(kept)
        self._cohort.go_on(client, own)

    def samples(self, client: int) -> int:
        """How many samples a client has trained so far."""
        return self._samples.get(client, 0)

    def _stretches(self, steps: int) -> List[Tuple[str, int]]:
        """The very first steps are warm-up: they choose kernels and fill allocators."""
        cold = 0 if self._warm else min(steps, WARMUP_STEPS)
        self._warm = True
        return [(name, n) for name, n in (("warmup", cold), ("train", steps - cold)) if n]

    def _sender(self) -> channel.Sender:
        feedback: channel.Feedback = "residual" if self._config["error_feedback"] else "none"
        return channel.Sender(self._codec, self._config["compress"], feedback)

    def _mark(self, name: str, client: int) -> None:
        self._say(Mark(name, self.samples(client), client_name(client)))


@dataclass(frozen=True)
class Turn:
    """What a client sends back."""

    payload: bytes
    samples: int  # trained
    loss: float  # their mean


def downward(codec: Any) -> Any:
    """The codec of the server's messages: of the model itself.

    Deltas would need a model that the client has already, and one that was not asked for a round has none:
    codecs of deltas are for the way up.
    """
    return codec if codec.sends == "weights" else codecs.codec_of("fp32")


def app(clients: Clients, items: Sequence[int]) -> Any:
    """The Flower ClientApp that these clients are; ``items``: how many training items each has."""
    found = library("flwr.clientapp").ClientApp()

    @found.train()  # type: ignore[untyped-decorator]
    def train(message: Any, context: Any) -> Any:
        return answer(clients, items, message, int(context.node_config["partition-id"]))

    return found


def answer(clients: Clients, items: Sequence[int], message: Any, number: int) -> Any:
    """The Flower ``Message`` with which client ``number`` answers."""
    flwr, numpy = library("flwr.app"), library("numpy")
    sent = message.content[ARRAYS][PAYLOAD].numpy().tobytes()
    turn = clients.turn(number, sent, float(message.content[CONFIG].get("proximal-mu", 0.0)))
    array = flwr.Array(numpy.frombuffer(turn.payload, numpy.uint8))
    metrics = {WEIGHT: items[number], "client": number, "samples": turn.samples, "loss": turn.loss}
    content = {ARRAYS: flwr.ArrayRecord({PAYLOAD: array}), METRICS: flwr.MetricRecord(metrics)}
    return flwr.Message(flwr.RecordDict(content), reply_to=message)
