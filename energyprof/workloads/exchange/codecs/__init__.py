"""The codecs by the names that ``--transfer`` has for them; one file a kind."""

import math
from typing import Callable, Dict

from energyprof.workload import WorkloadError
from energyprof.workloads.exchange import codec
from energyprof.workloads.exchange.codec import Codec
from energyprof.workloads.exchange.codecs import floats, integers, top_k
from energyprof.workloads.exchange.codecs.floats import BFloat16, Float16, Float32
from energyprof.workloads.exchange.codecs.integers import Integers
from energyprof.workloads.exchange.codecs.top_k import TopK

SOURCES = (__file__, codec.__file__, floats.__file__, integers.__file__, top_k.__file__)
NAMES = "fp32, fp16, bf16, int8, int4 or topk:F, F the share of the values that is sent"
CODES: Dict[str, Callable[[], Codec]] = {
    "fp32": Float32,
    "fp16": Float16,
    "bf16": BFloat16,
    "int8": lambda: Integers(8),
    "int4": lambda: Integers(4),
}


def codec_of(name: str) -> Codec:
    """The codec that ``--transfer`` calls so.

    Raises:
        WorkloadError: there is none.
    """
    if name in CODES:
        return CODES[name]()
    kind, colon, share = name.partition(":")
    if kind == "topk" and colon:
        return TopK(_share(name, share))
    raise WorkloadError(f"unknown transfer {name!r}: use {NAMES}")


def _share(name: str, text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 < share <= 1:
        raise WorkloadError(
            f"transfer {name!r} sends no share of the values: use topk:F with F above 0, up to 1"
        )
    return share
