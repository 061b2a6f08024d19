"""Floating-point operations that torch's own counter misses or miscounts: the same work counts the same.

Two for each multiplication and addition, as torch counts; from the shapes of what is passed in.
"""

from math import prod
from typing import Any, Callable, Dict, Sequence

ATTENTION = ("flash_attention", "flash_attention_for_cpu", "efficient_attention", "cudnn_attention")


def formulas() -> Dict[Any, Callable[..., int]]:
    """Operator → formula, for ``FlopCounterMode(custom_mapping=…)``."""
    from torch import ops

    found: Dict[Any, Callable[..., int]] = {ops.aten.convolution_backward: convolution_backward}
    for name in ATTENTION:
        for suffix, formula in (("", attention), ("_backward", attention_backward)):
            operator = getattr(ops.aten, f"_scaled_dot_product_{name}{suffix}", None)
            if operator is not None:
                found[operator] = formula
    return found


def convolution_backward(
    upper: Sequence[int],
    inputs: Sequence[int],
    weights: Sequence[int],
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    output_padding: Any,
    groups: int,
    wanted: Sequence[bool],
    **_: Any,
) -> int:
    """What the forward pass took, for each gradient that is wanted: of the inputs, of the weights.

    ``upper`` is the gradient that comes in. torch 2.1 counts a transposed convolution many times over
    (the U-Net 20-fold), and a grouped one is too much to this day.
    """
    places = inputs[2:] if transposed else upper[2:]
    return 2 * upper[0] * prod(places) * prod(weights) * (bool(wanted[0]) + bool(wanted[1]))


def attention(query: Sequence[int], key: Sequence[int], value: Sequence[int], *_: Any, **__: Any) -> int:
    """Two products: query (n, heads, s, d) with key (…, t, d), their scores with value (…, t, e).

    torch counts none for its CPU kernel.
    """
    return 2 * prod(query[:3]) * key[2] * (query[3] + value[3])


def attention_backward(
    upper: Sequence[int], query: Sequence[int], key: Sequence[int], value: Sequence[int], *_: Any, **__: Any
) -> int:
    """Two products for each of the forward pass; that a kernel computes the scores anew is its own affair.

    So an attention counts the same whichever kernel torch chooses.
    """
    return 2 * attention(query, key, value)
