"""Floating numbers of 32 and 16 bits."""

from typing import Any, Tuple

from energyprof.workload import WorkloadError
from energyprof.workloads.exchange.codec import Sent, array

FP16_MOST = 65504.0


class Float32:
    """The values themselves."""

    name = "fp32"
    sends: Sent = "weights"
    step = 1.0

    def pack(self, values: Any) -> bytes:
        """Four bytes a value."""
        found: bytes = values.astype("<f4").tobytes()
        return found

    def unpack(self, data: bytes, shape: Tuple[int, ...]) -> Any:
        """The same values."""
        return array(data, "<f4", shape).astype("float32")


class Float16:
    """IEEE half precision: 11 bits of significand, up to 65504."""

    name = "fp16"
    sends: Sent = "weights"
    step = 1.0

    def pack(self, values: Any) -> bytes:
        """Two bytes a value."""
        import numpy as np

        with np.errstate(over="ignore"):
            halves = values.astype("<f2")
        if not np.isfinite(halves).all():
            most = float(np.abs(values).max())
            raise WorkloadError(
                f"fp16 ends at {FP16_MOST:.0f}, and {most:.3g} is to be sent: use --transfer bf16"
            )
        found: bytes = halves.tobytes()
        return found

    def unpack(self, data: bytes, shape: Tuple[int, ...]) -> Any:
        """To 2⁻¹¹ of each value, or 2⁻²⁵ where it is below 2⁻¹⁴."""
        return array(data, "<f2", shape).astype("float32")


class BFloat16:
    """The upper half of a float32: its range, and 8 bits of significand."""

    name = "bf16"
    sends: Sent = "weights"
    step = 1.0

    def pack(self, values: Any) -> bytes:
        """Two bytes a value; what would round up to infinity becomes the largest number instead."""
        import numpy as np

        bits = np.ascontiguousarray(values, dtype="<f4").view("<u4")
        even = (bits >> np.uint32(16)) & np.uint32(1)
        even += bits
        even += np.uint32(0x7FFF)
        upper = (even >> np.uint32(16)).astype("<u2")
        upper[(upper & np.uint16(0x7FFF)) == 0x7F80] -= 1
        found: bytes = upper.tobytes()
        return found

    def unpack(self, data: bytes, shape: Tuple[int, ...]) -> Any:
        """To 2⁻⁸ of each value."""
        upper = array(data, "<u2", shape).astype("<u4")
        return (upper << 16).view("<f4").astype("float32")
