"""What nodes without a server know of each other: their models, what they say, and what they make of it.

Two ways to mix. ``Averages``: a node says its whole model. ``Differences``: it says by how much its model is
another than the others know: short codes hold differences better than models.
"""

import struct
from typing import Any, Dict, List, Mapping, Protocol, Sequence, Tuple

from energyprof.workloads.exchange import channel, codecs
from energyprof.workloads.exchange.channel import Feedback, Sender
from energyprof.workloads.exchange.codec import Codec
from energyprof.workloads.exchange.payload import Compression

Model = Dict[str, Any]  # name → numpy array, float32; in the order of the model that is trained
WEIGHT = struct.Struct("<d")
WHOLE = codecs.codec_of("fp32")


class Nodes(Protocol):
    """The models of all nodes, numbered from 0."""

    def model(self, node: int) -> Model:
        """What the node trains and could be asked for."""
        ...

    def trained(self, node: int, model: Model) -> None:
        """The node has made this of its model."""
        ...

    def say(self, node: int, hearers: Sequence[int]) -> Dict[int, bytes]:
        """The node's message to each of the ``hearers``.

        Raises:
            Diverged: a weight is not a number.
        """
        ...

    def hear(self, node: int, speaker: int, message: bytes) -> None:
        """The node takes in what the ``speaker`` said in this round."""
        ...

    def mix(self, node: int, row: Mapping[int, float]) -> None:
        """The node's next model, of its own and what it has heard: by the shares of ``row``."""
        ...

    def mean(self) -> Model:
        """The mean of all nodes' models, which mixing leaves as it is."""
        ...


class Averages:
    """Nodes that say their models, each with a weight that makes one-way graphs free of bias.

    A node's value over its weight is its model (push-sum, as in stochastic gradient push: Assran et al.,
    2019, arXiv:1811.10792). Where everybody hears back the weights stay 1, and this is D-PSGD (Lian et al.,
    2017, arXiv:1705.09056). What a codec rounds off a node's message the node itself keeps: the mean stays.
    """

    def __init__(
        self, codec: Codec, compression: Compression, feedback: Feedback, begin: Model, count: int
    ) -> None:
        """``count`` nodes that ``begin`` alike."""
        self._codec, self._compression = codec, compression
        self._values: List[Model] = [begin] * count
        self._weights = [1.0] * count
        self._senders = [Sender(codec, compression, feedback) for _ in range(count)]
        self._said: Dict[int, Model] = {}  # by those who have spoken in this round, as the others hear it
        self._heard: Dict[Tuple[int, int], Tuple[Model, float]] = {}  # by (hearer, speaker)

    def model(self, node: int) -> Model:
        """The value over the weight."""
        values, weight = self._values[node], self._weights[node]
        return values if weight == 1 else {name: array / weight for name, array in values.items()}

    def trained(self, node: int, model: Model) -> None:
        """The value moves as far as the model did."""
        if self._weights[node] == 1:
            self._values[node] = model
        else:
            before = self.model(node)
            self._values[node] = _sum(self._values[node], channel.difference(model, before))

    def say(self, node: int, hearers: Sequence[int]) -> Dict[int, bytes]:
        """The encoded value and the weight, the same to all."""
        if not hearers:
            return {}
        value = self._values[node]
        payload = self._senders[node].send(value)
        self._said[node] = channel.received(payload, value, self._codec, self._compression)
        return dict.fromkeys(hearers, payload + WEIGHT.pack(self._weights[node]))

    def hear(self, node: int, speaker: int, message: bytes) -> None:
        """Decoded to float32."""
        payload, weight = message[: -WEIGHT.size], message[-WEIGHT.size :]
        value = channel.received(payload, self._values[node], self._codec, self._compression)
        self._heard[node, speaker] = value, WEIGHT.unpack(weight)[0]

    def mix(self, node: int, row: Mapping[int, float]) -> None:
        """The shares of all that is heard, and what is missing in what was said."""
        own, weight = self._values[node], self._weights[node]
        said = self._said.pop(node, own)
        parts = {
            speaker: (said, weight) if speaker == node else self._heard.pop((node, speaker))
            for speaker in row
        }
        self._weights[node] = sum(share * parts[speaker][1] for speaker, share in row.items())
        mixed = _weighted([(share, parts[speaker][0]) for speaker, share in row.items()])
        self._values[node] = _sum(mixed, channel.difference(own, said))

    def mean(self) -> Model:
        """Of the values: the weights sum to their number."""
        return _weighted([(1 / len(self._values), values) for values in self._values])


class Differences:
    """Nodes that say how they have changed (CHOCO: Koloskova, Stich and Jaggi, 2019, arXiv:1902.00340).

    Everybody who hears a node knows the same of it, and what a message leaves out stays to be said. Who was
    away missed some: it is told the whole, as float32. For graphs in which everybody hears back.
    """

    def __init__(self, codec: Codec, compression: Compression, step: float, begin: Model, count: int) -> None:
        """``count`` nodes that ``begin`` alike; in a round they move by ``step`` of the way to each other."""
        self._codec, self._compression, self._step = codec, compression, step
        self._values: List[Model] = [begin] * count
        self._known: List[Model] = [begin] * count  # what the others know of each
        self._spoken = [0] * count  # messages of each
        self._heard: Dict[Tuple[int, int], int] = {}  # of them, by (hearer, speaker)
        self._senders = [Sender(codec, compression, "none") for _ in range(count)]

    def model(self, node: int) -> Model:
        """Its own."""
        return self._values[node]

    def trained(self, node: int, model: Model) -> None:
        """It is its own from now on."""
        self._values[node] = model

    def say(self, node: int, hearers: Sequence[int]) -> Dict[int, bytes]:
        """The encoded difference; to those who missed a message before, all that is known now."""
        if not hearers:
            return {}
        known = self._known[node]
        short = self._senders[node].send(self._values[node], known)
        self._known[node] = channel.received(short, known, self._codec, self._compression, known)
        missed = [who for who in hearers if self._heard.get((who, node), 0) < self._spoken[node]]
        self._spoken[node] += 1
        messages = dict.fromkeys(hearers, short)
        if missed:
            whole = Sender(WHOLE, self._compression, "none").send(self._known[node])
            messages.update(dict.fromkeys(missed, whole))
        return messages

    def hear(self, node: int, speaker: int, message: bytes) -> None:
        """Decoded, though in one process what the hearers then know is kept once for all of them."""
        missed = self._heard.get((node, speaker), 0) < self._spoken[speaker] - 1
        channel.received(message, self._known[speaker], WHOLE if missed else self._codec, self._compression)
        self._heard[node, speaker] = self._spoken[speaker]

    def mix(self, node: int, row: Mapping[int, float]) -> None:
        """Towards what is known of the others, from what they know of it."""
        own = self._known[node]
        others = [(who, share) for who, share in row.items() if who != node]
        moves = [(self._step * share, channel.difference(self._known[who], own)) for who, share in others]
        if moves:
            self._values[node] = _sum(self._values[node], _weighted(moves))

    def mean(self) -> Model:
        """Of their models."""
        return _weighted([(1 / len(self._values), values) for values in self._values])


def apart(nodes: Nodes, count: int) -> float:
    """How far the models are from their mean, as a root mean square over that of the mean's weights."""
    import numpy as np

    mean = nodes.mean()
    size = sum(float(np.square(array, dtype="float64").sum()) for array in mean.values())
    off = 0.0
    for node in range(count):
        gaps = channel.difference(nodes.model(node), mean).values()
        off += sum(float(np.square(gap, dtype="float64").sum()) for gap in gaps)
    return float((off / count / size) ** 0.5) if size else 0.0


def _weighted(parts: Sequence[Tuple[float, Model]]) -> Model:
    """The sum of states, each times its share, in float32 and in their order."""
    return {name: sum(share * state[name] for share, state in parts) for name in parts[0][1]}


def _sum(first: Model, second: Model) -> Model:
    return {name: array + second[name] for name, array in first.items()}
