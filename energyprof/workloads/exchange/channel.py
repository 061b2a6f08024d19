"""A sender of states, which may send differences and make up for what its codec lost before."""

from typing import Any, Dict, Literal, Mapping, Optional

from energyprof.workloads.exchange import codecs, payload
from energyprof.workloads.exchange.codec import Codec
from energyprof.workloads.exchange.payload import Compression, State

# The files by which states are sent.
SOURCES = (__file__, payload.__file__, *codecs.SOURCES)
# What becomes of a message's rounding: nothing, or it is added to the sender's next message. (Error feedback:
# Seide et al., 2014, Interspeech, 1058-1062; Karimireddy et al., 2019, arXiv:1901.09847.)
Feedback = Literal["none", "residual"]


class Sender:
    """One end of a channel; it holds what its messages have lost so far."""

    def __init__(self, codec: Codec, compression: Compression, feedback: Feedback) -> None:
        self._codec, self._compression, self._feedback = codec, compression, feedback
        self._lost: Dict[str, Any] = {}

    def send(self, state: State, reference: Optional[State] = None) -> bytes:
        """The payload of ``state``, or of how it differs from ``reference``, which the receiver knows.

        Raises:
            Diverged: a value is not finite.
            WorkloadError: a value does not fit the codec, or a package is missing.
        """
        meant = state if reference is None else difference(state, reference)
        if self._feedback == "none":
            return payload.encode(meant, self._codec, self._compression)
        whole = {name: values + self._lost.get(name, 0) for name, values in meant.items()}
        said = payload.encode(whole, self._codec, self._compression)
        heard = payload.decode(said, whole, self._codec, self._compression)
        self._lost = {name: values - heard[name] for name, values in whole.items() if _floating(values)}
        return said


def received(
    said: bytes,
    like: State,
    codec: Codec,
    compression: Compression,
    reference: Optional[State] = None,
) -> Dict[str, Any]:
    """The state that a message stands for; with a ``reference`` the message is what is added to it.

    Raises:
        WorkloadError: the message is none of such a state.
    """
    heard = payload.decode(said, like, codec, compression)
    if reference is None:
        return heard
    return {name: values + reference[name] if _floating(values) else values for name, values in heard.items()}


def difference(state: State, reference: Mapping[str, Any]) -> Dict[str, Any]:
    """``state`` less ``reference``; what is not floating stays as it is."""
    return {name: values - reference[name] if _floating(values) else values for name, values in state.items()}


def _floating(values: Any) -> bool:
    return bool(values.dtype.kind == "f")
