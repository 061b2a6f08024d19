"""Whole numbers of 8 and 4 bits, with scales."""

import math
from typing import Any, Literal, Tuple

from energyprof.workloads.exchange.codec import Sent, array

# Below this many values a channel shares the scale of its whole array: four bytes would be a lot to it.
OWN_SCALE = 128
FP32_MOST = 3.4028234663852886e38


class Integers:
    """Whole numbers −levels … levels, times a scale for each channel: an entry of the array's first axis.

    The scale is the channel's largest value over ``levels``, four bytes of its own. Arrays of one axis, and
    those whose channels are small, have one scale in all.
    """

    sends: Sent = "deltas"
    step = 1.0

    def __init__(self, bits: Literal[4, 8]) -> None:
        self.name = f"int{bits}"
        self._bits = bits
        self._levels = 2 ** (bits - 1) - 1

    def pack(self, values: Any) -> bytes:
        """The scales as float32, then the numbers: one a byte, or two."""
        import numpy as np

        rows = values.reshape(_channels(values.shape), -1)
        largest = np.maximum(rows.max(axis=1, initial=0.0), -rows.min(axis=1, initial=0.0))
        scales = (largest.astype("float64") / self._levels).astype("<f4")
        # A scale that float32 cannot tell from nothing stands for nothing.
        divisors = np.where(scales > 0, scales, np.float32(np.inf))[:, None]
        quotients = rows / divisors
        np.rint(quotients, out=quotients)
        np.clip(quotients, -self._levels, self._levels, out=quotients)
        levels = quotients.astype("int8").ravel()
        head: bytes = scales.tobytes()
        return head + (levels.tobytes() if self._bits == 8 else _nibbles(levels))

    def unpack(self, data: bytes, shape: Tuple[int, ...]) -> Any:
        """To half a scale of each value."""
        import numpy as np

        channels, count = _channels(shape), math.prod(shape)
        scales = array(data[: 4 * channels], "<f4", (channels, 1)).astype("float32")
        packed = data[4 * channels :]
        if self._bits == 8:
            levels = array(packed, "int8", (count,))
        else:
            levels = _from_nibbles(array(packed, "uint8", ((count + 1) // 2,)), count)
        with np.errstate(over="ignore"):
            found = levels.reshape(channels, -1).astype("float32") * scales
        return np.clip(found, -FP32_MOST, FP32_MOST, out=found).reshape(shape)


def _channels(shape: Tuple[int, ...]) -> int:
    """How many scales an array of that ``shape`` has."""
    if len(shape) < 2 or math.prod(shape[1:]) < OWN_SCALE:
        return 1
    return shape[0]


def _nibbles(levels: Any) -> bytes:
    """Two numbers of −7 … 7 a byte, the first in its lower half."""
    import numpy as np

    even = np.append(levels, np.zeros(levels.size % 2, dtype="int8")).astype("uint8") & 0xF
    packed: bytes = (even[::2] | (even[1::2] << 4)).tobytes()
    return packed


def _from_nibbles(packed: Any, count: int) -> Any:
    import numpy as np

    numbers = np.array([*range(8), *range(-8, 0)], dtype="int8")
    return numbers[np.stack([packed & 0xF, packed >> 4], axis=1).ravel()[:count]]
