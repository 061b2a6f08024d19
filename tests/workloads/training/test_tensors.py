"""Batches on their way to the device."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow
torch = pytest.importorskip("torch")

from energyprof.workloads.training import tensors  # noqa: E402

CPU = torch.device("cpu")


def test_a_batch_keeps_its_shape_whatever_it_is_made_of():
    one, two = torch.ones(2), torch.zeros(2)
    assert tensors.moved(one, CPU, None) is one
    assert tensors.moved((one, {"a": two}), CPU, None) == (one, {"a": two})
    assert tensors.moved([one], CPU, None) == (one,)


@pytest.mark.parametrize("shape", [(2, 3, 4, 4), (2, 3, 4, 4, 4)])
def test_images_and_volumes_go_into_the_model_s_layout(shape):
    dimensions = len(shape) - 2
    net = (torch.nn.Conv2d, torch.nn.Conv3d)[dimensions - 2](3, 1, 1)
    layout = tensors.memory_format(net, True)
    batch = tensors.moved((torch.zeros(shape), torch.zeros(2)), CPU, layout)
    assert batch[0].is_contiguous(memory_format=layout)
    assert not batch[0].is_contiguous()
    plain = tensors.moved(torch.zeros(shape), CPU, tensors.memory_format(net, False))
    assert plain.is_contiguous()


def test_the_first_tensor_tells_how_many_samples_there_are():
    assert tensors.items_in({"ids": torch.zeros(5, 7), "mask": torch.zeros(5)}) == 5
    assert tensors.items_in((torch.zeros(3, 1), torch.zeros(1))) == 3


def test_batches_come_ahead_in_their_order_and_end_with_their_source():
    source = [torch.full((1,), float(i)) for i in range(4)]
    assert [int(b) for b in tensors.moved_ahead(iter(source), CPU, None)] == [0, 1, 2, 3]


def test_averages_move_by_their_share_towards_the_weights():
    averages = [torch.zeros(2), torch.ones(1)]
    tensors.average(averages, [torch.full((2,), 4.0), torch.ones(1)], 0.25)
    assert [a.tolist() for a in averages] == [[1.0, 1.0], [1.0]]


def test_a_clipped_gradient_has_the_norm_asked_for():
    weight = torch.nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([3.0, 4.0])
    tensors.clip([weight], 1.0)
    assert weight.grad.tolist() == pytest.approx([0.6, 0.8], rel=1e-4)
