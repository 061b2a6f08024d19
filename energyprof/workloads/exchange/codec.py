"""The contract of a codec of a model's numbers: few bytes for an array of float32, and what they stand for.

A codec packs one array at a time. Rounding is to the nearest, halves to even, and nothing is drawn: the same
numbers make the same bytes. What is not finite never comes here (``payload.py``).
"""

from typing import Any, Literal, Protocol, Tuple

Sent = Literal["weights", "deltas"]


class Codec(Protocol):
    """One way of packing float32."""

    name: str
    sends: Sent  # unless somebody asks for the other
    # Of the way to its neighbours, how much a node may go in a round by differences so coded: the more of
    # them a message leaves out, the less it is to be trusted (Koloskova et al., 2019, arXiv:1902.00340).
    step: float

    def pack(self, values: Any) -> bytes:
        """The bytes of ``values``, a float32 array of any shape.

        Raises:
            WorkloadError: they do not fit.
        """
        ...

    def unpack(self, data: bytes, shape: Tuple[int, ...]) -> Any:
        """The float32 array of that ``shape`` for which ``data`` stand.

        Raises:
            ValueError: these are not its bytes.
        """
        ...


def array(data: bytes, kind: str, shape: Tuple[int, ...]) -> Any:
    """The numbers of that kind in ``data``, which hold them all and nothing else.

    Raises:
        ValueError: they do not.
    """
    import numpy as np

    return np.frombuffer(data, dtype=kind).reshape(shape)
