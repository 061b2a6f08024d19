"""Operations are counted the same whatever kernel torch chooses, and as one would by hand."""

import contextlib

import pytest

from energyprof.workloads.training.device import flop_counter

pytestmark = pytest.mark.slow
torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402


def counted(compute):
    """Operations of ``compute()`` and of the way back."""
    with flop_counter() as counter:
        compute().sum().backward()
    return counter.get_total_flops()


@pytest.mark.parametrize(
    ("layer", "inputs", "forward"),
    [
        # places × weights × 2
        (nn.Conv2d(3, 5, 1), (1, 3, 4, 4), 16 * 15 * 2),
        (nn.Conv2d(3, 5, 3, padding=1), (2, 3, 4, 4), 2 * 16 * 135 * 2),
        (nn.Conv2d(4, 4, 1, groups=4), (1, 4, 2, 2), 4 * 4 * 2),
        (nn.ConvTranspose2d(3, 5, 2, stride=2), (1, 3, 4, 4), 16 * 60 * 2),
        (nn.Conv3d(1, 2, 2, stride=2), (1, 1, 4, 4, 4), 8 * 16 * 2),
    ],
    ids=["1×1", "3×3", "grouped", "transposed", "volume"],
)
def test_a_convolution_takes_thrice_its_forward_pass(layer, inputs, forward):
    assert counted(lambda: layer(torch.ones(inputs, requires_grad=True))) == 3 * forward
    # nobody asks for the gradient of the first layer's inputs
    assert counted(lambda: layer(torch.ones(inputs))) == 2 * forward


@pytest.mark.parametrize("kernel", ["chosen", "plain"])
def test_an_attention_counts_the_same_in_every_kernel(kernel):
    query = torch.ones(1, 2, 3, 8, requires_grad=True)
    key = torch.ones(1, 2, 5, 8, requires_grad=True)
    context = contextlib.nullcontext()
    if kernel == "plain":
        context = nn.attention.sdpa_kernel(nn.attention.SDPBackend.MATH)
    with context:
        # 2 heads × 3 queries × 5 keys × (8 + 8) × 2, thrice
        operations = counted(lambda: nn.functional.scaled_dot_product_attention(query, key, key))
    assert operations == 3 * 2 * 3 * 5 * 16 * 2
