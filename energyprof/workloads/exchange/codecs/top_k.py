"""The largest values, and where they lie."""

import math
from typing import Any, Tuple

from energyprof.workloads.exchange.codec import Sent, array

INDEX_BYTES = 4


class TopK:
    """The share of the values that is largest, exactly; the others are nothing. Of equal ones the first.

    Where they lie is said by their indices or by a bit for each value, whichever is shorter.
    """

    sends: Sent = "deltas"

    def __init__(self, share: float) -> None:
        self.name = f"topk:{share:g}"
        # Tried on rings, stars and full graphs of 8: a third more diverges on a full graph at a share of 0.1.
        self.step = min(1.0, 2 * share)
        self._share = share

    def pack(self, values: Any) -> bytes:
        """Where the values lie, in order, then four bytes for each."""
        import numpy as np

        flat = values.ravel()
        kept = self._kept(flat.size)
        size = np.abs(flat)
        least = np.partition(size, flat.size - kept)[flat.size - kept] if kept else 0.0
        above = np.flatnonzero(size > least)
        equal = np.flatnonzero(size == least)[: kept - above.size]
        chosen = np.sort(np.concatenate([above, equal]))
        if _by_bits(flat.size, kept):
            mask = np.zeros(flat.size, dtype="uint8")
            mask[chosen] = 1
            where: bytes = np.packbits(mask).tobytes()
        else:
            where = chosen.astype("<u4").tobytes()
        what: bytes = flat[chosen].astype("<f4").tobytes()
        return where + what

    def unpack(self, data: bytes, shape: Tuple[int, ...]) -> Any:
        """The values that were sent, among zeros."""
        import numpy as np

        count = math.prod(shape)
        kept = self._kept(count)
        ends = (count + 7) // 8 if _by_bits(count, kept) else INDEX_BYTES * kept
        if _by_bits(count, kept):
            bits = np.unpackbits(array(data[:ends], "uint8", (ends,)), count=count)
            chosen = np.flatnonzero(bits)
        else:
            chosen = array(data[:ends], "<u4", (kept,))
        if chosen.size != kept or (kept and int(chosen.max()) >= count):
            raise ValueError("the places of the values are broken")
        found: Any = np.zeros(count, dtype="float32")
        found[chosen] = array(data[ends:], "<f4", (kept,))
        return found.reshape(shape)

    def _kept(self, count: int) -> int:
        return min(count, math.ceil(self._share * count))


def _by_bits(count: int, kept: int) -> bool:
    return (count + 7) // 8 <= INDEX_BYTES * kept
