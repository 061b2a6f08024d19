"""A model's state as the bytes of one message, and back.

A payload is the arrays one after the other, each as its codec packs it, and around all of them a zstandard
frame if that is asked. It holds no names: sender and receiver train the same model.
"""

import importlib
from typing import Any, Dict, Iterator, Literal, Mapping, Tuple

from energyprof.workload import Diverged, WorkloadError
from energyprof.workloads.exchange.codec import Codec

# Names and arrays in an order that sender and receiver share.
State = Mapping[str, Any]
Compression = Literal["none", "zstd"]
ZSTD_LEVEL = 3  # zstandard's own default
LENGTH_BYTES = 4  # before each array


def encode(state: State, codec: Codec, compression: Compression = "none") -> bytes:
    """The payload of ``state``; floating arrays as ``codec`` packs them, all others as they are.

    Raises:
        Diverged: a value is not finite.
        WorkloadError: a value does not fit the codec, or zstandard is not installed.
    """
    parts = []
    for name, values in state.items():
        data = codec.pack(_finite(name, values)) if _floating(values) else values.tobytes()
        parts.append(len(data).to_bytes(LENGTH_BYTES, "little") + data)
    payload = b"".join(parts)
    if compression == "none":
        return payload
    found: bytes = _zstandard().ZstdCompressor(level=ZSTD_LEVEL).compress(payload)
    return found


def decode(payload: bytes, like: State, codec: Codec, compression: Compression = "none") -> Dict[str, Any]:
    """The state for which ``payload`` stands: float32 where ``like`` is floating, else of its kind.

    ``like`` has the names and shapes that are expected.

    Raises:
        WorkloadError: the payload is no such state, or zstandard is not installed.
    """
    try:
        if compression == "zstd":
            payload = _decompressed(payload)
        parts = list(_parts(payload, len(like)))
        return {name: _unpacked(data, like[name], codec) for (name, data) in zip(like, parts)}
    except (ValueError, EOFError) as error:
        raise WorkloadError(
            f"a message of {len(payload)} bytes is no state of this model as {codec.name}: "
            "let all take part with the same model and --transfer"
        ) from error


def _parts(payload: bytes, count: int) -> Iterator[bytes]:
    at = 0
    for _ in range(count):
        ends = at + LENGTH_BYTES + int.from_bytes(payload[at : at + LENGTH_BYTES], "little")
        if ends > len(payload) or at + LENGTH_BYTES > len(payload):
            raise EOFError
        yield payload[at + LENGTH_BYTES : ends]
        at = ends
    if at != len(payload):
        raise EOFError


def _unpacked(data: bytes, like: Any, codec: Codec) -> Any:
    import numpy as np

    shape: Tuple[int, ...] = tuple(like.shape)
    if _floating(like):
        return codec.unpack(data, shape)
    return np.frombuffer(data, dtype=like.dtype).reshape(shape).copy()


def _floating(values: Any) -> bool:
    return bool(values.dtype.kind == "f")


def _finite(name: str, values: Any) -> Any:
    """``values`` as float32.

    Raises:
        Diverged: one is not finite, or not in float32.
    """
    import numpy as np

    with np.errstate(over="ignore"):
        narrow = values.astype("float32")
    broken = int(values.size - np.isfinite(narrow).sum())
    if broken:
        raise Diverged(f"{broken} of the {values.size} values of {name} are not finite: they cannot be sent")
    return narrow


def _decompressed(payload: bytes) -> bytes:
    zstandard = _zstandard()
    try:
        found: bytes = zstandard.ZstdDecompressor().decompress(payload)
    except zstandard.ZstdError as error:
        raise ValueError("no zstandard frame") from error
    return found


def _zstandard() -> Any:
    try:
        return importlib.import_module("zstandard")
    except ModuleNotFoundError as error:
        raise WorkloadError(
            "zstandard, needed by --compress zstd, is not installed: pip install 'energyprof[transfer]'"
        ) from error
