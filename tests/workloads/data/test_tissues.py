"""The task: damage is seeded, labels move with their slices, the validation set is fixed."""

import pytest

from energyprof.workload import Settings
from energyprof.workloads import unet
from energyprof.workloads.data import tissues

pytestmark = pytest.mark.slow
torch = pytest.importorskip("torch")
pytest.importorskip("nilearn")
pytest.importorskip("nibabel")

CONFIG = unet.plan(Settings()).config


def test_corruption_is_a_function_of_its_seed():
    slices, labels = tissues.training_set(CONFIG)

    def corrupted(seed):
        rng = torch.Generator().manual_seed(seed)
        return tissues.corrupt(slices[:4], labels[:4], CONFIG["corruption"], rng)

    once, again, other = corrupted(1), corrupted(1), corrupted(2)
    assert torch.equal(once[0], again[0]) and torch.equal(once[1], again[1])
    assert not torch.equal(once[0], other[0]) and not torch.equal(once[1], other[1])


def test_without_damage_slices_keep_their_place_and_labels():
    slices, labels = tissues.training_set(CONFIG)
    none = dict.fromkeys(CONFIG["corruption"], 0.0)
    seen, truth = tissues.corrupt(slices, labels, none, torch.Generator().manual_seed(0))
    assert torch.equal(truth.argmax(dim=1, keepdim=True).float(), labels)
    whitened = (slices - slices.mean(dim=(2, 3), keepdim=True)) / slices.std(dim=(2, 3), keepdim=True)
    assert torch.allclose(seen, whitened, atol=1e-3)


def test_a_turned_slice_keeps_its_shape():
    square = torch.zeros(1, 1, 80, 96)
    square[..., 30:50, 38:58] = 1
    none = dict.fromkeys(CONFIG["corruption"], 0.0)
    for seed in range(5):
        rng = torch.Generator().manual_seed(seed)
        _, truth = tissues.corrupt(square, square, {**none, "rotation_deg": 90.0}, rng)
        assert truth[0, 1].sum() == pytest.approx(400, rel=0.03)


def test_the_validation_set_does_not_depend_on_the_seed_of_the_run():
    torch.manual_seed(1)
    first = tissues.validation_set(CONFIG)
    torch.manual_seed(2)
    second = tissues.validation_set(CONFIG)
    assert torch.equal(first[0], second[0]) and torch.equal(first[1], second[1])


def test_a_fraction_of_the_data_is_evenly_spaced_and_never_empty():
    whole, half, least = (
        tissues.training_set({**CONFIG, "data_fraction": fraction})[0] for fraction in (1.0, 0.5, 1e-6)
    )
    assert torch.equal(half, whole[::2])
    assert len(least) == 1
