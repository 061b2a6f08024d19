"""Patches: where they lie, what happens to them, and that each comes from its own seed."""

from __future__ import annotations

from itertools import islice

import pytest

from energyprof.workload import WorkloadError
from energyprof.workloads import unet
from energyprof.workloads.data import decathlon, patches, volumes
from fakes import decathlon as fake
from fakes.installed import needs

pytestmark = pytest.mark.slow
np = pytest.importorskip("numpy")
torch = pytest.importorskip("torch")
pytest.importorskip("nibabel")
needs("monai")

CPU = torch.device("cpu")
CONFIG = {
    "batch_size": 2,
    "grad_accum": 1,
    "patch": [16, 12, 20],
    "foreground": 0.5,
    "augmentation": unet.VOLUMES["augmentation"],
}
NEVER = {**CONFIG["augmentation"], "flipped": 0.0, "noisy": 0.0, "smoothed": 0.0, "scaled": 0.0}


@pytest.fixture(scope="module")
def decoded(tmp_path_factory):
    """Three volumes of CT."""
    folder = tmp_path_factory.mktemp("patches")
    data = decathlon.read(fake.write(folder / "blobs", fake.SIZES[:3]))
    config = {"modality": ["CT"], "labels": list(data.labels), "spacing_mm": None}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENERGYPROF_CACHE", str(folder / "cache"))
        return volumes.decoded([*data.training, *data.validation], config, 0)


def made(decoded, seed=0, **changes):
    """Patches of the volumes, with scaling by 10."""
    return patches.Patches(decoded, [(-1000.0, 1000.0, 0.0, 10.0)], {**CONFIG, **changes}, seed)


def test_a_batch_holds_images_and_labels_of_the_patch_size(decoded):
    images, labels = made(decoded)[[(0, 0), (2, 1), (1, 2)]]
    assert (images.shape, images.dtype) == ((3, 1, 16, 12, 20), torch.float32)
    assert (labels.shape, labels.dtype) == ((3, 1, 16, 12, 20), torch.uint8)
    assert type(images) is torch.Tensor


def test_image_and_label_stay_together(decoded):
    images, labels = made(decoded, foreground=1.0)[[(n, d) for n in range(3) for d in range(8)]]
    assert images[labels == 2].mean() > images[labels == 1].mean() > images[labels == 0].mean()


def test_a_draw_is_the_same_in_any_batch_and_another_draw_is_another(decoded):
    whole = made(decoded)
    first, second = whole[[(0, 5), (0, 6)]][0]
    assert torch.equal(whole[[(1, 2), (0, 5)]][0][1], first)
    assert not torch.equal(first, second)
    assert not torch.equal(made(decoded, seed=1)[[(0, 5)]][0][0], first)


def test_without_changes_a_patch_is_what_the_volume_shows(decoded):
    whole = list(decoded[0].label().shape)
    images, labels = made(decoded, patch=whole, augmentation=NEVER)[[(0, 0)]]
    assert np.array_equal(labels[0, 0], decoded[0].label())
    assert np.allclose(images[0] * 10, decoded[0].image(), atol=1e-3)


def test_changes_come_as_often_as_asked(decoded):
    whole = list(decoded[0].label().shape)
    label = torch.from_numpy(decoded[0].label().copy())
    _, labels = made(decoded, patch=whole, augmentation={**NEVER, "flipped": 0.5})[
        [(0, d) for d in range(64)]
    ]
    unchanged = sum(torch.equal(flipped[0], label) for flipped in labels)
    assert 2 <= unchanged <= 18  # 1/8 of 64
    assert all((flipped == 2).sum() == (label == 2).sum() for flipped in labels)


def test_every_class_is_met_as_often_when_patches_are_drawn_around_one(decoded):
    config = {"patch": [1, 1, 1], "foreground": 1.0}
    volume = decoded[0]
    rng = np.random.RandomState(0)
    corners = [patches.corner(volume.label().shape, config, volume.places(), rng) for _ in range(400)]
    found = np.bincount([volume.label()[tuple(at)] for at in corners], minlength=3)
    assert found[0] == 0
    assert found[1] == pytest.approx(200, abs=50)


def test_patches_lie_within_the_volume_and_reach_its_ends():
    rng, config = np.random.RandomState(0), {"patch": [4, 6, 9], "foreground": 0.5}
    places = np.array([[1, 0, 0, 0], [2, 5, 7, 8]])
    corners = np.array([patches.corner((6, 8, 9), config, places, rng) for _ in range(200)])
    assert corners.min(axis=0).tolist() == [0, 0, 0]
    assert corners.max(axis=0).tolist() == [2, 2, 0]


def test_a_volume_smaller_than_the_patch_lies_in_its_middle(decoded):
    images, labels = made(decoded, patch=[40, 40, 40], augmentation=NEVER)[[(0, 0)]]
    x, y, z = decoded[0].label().shape
    at = [(40 - side) // 2 for side in (x, y, z)]
    inside = labels[0, 0, at[0] : at[0] + x, at[1] : at[1] + y, at[2] : at[2] + z]
    assert np.array_equal(inside, decoded[0].label())
    assert images[0, 0, 0].abs().max() == 0


def test_a_volume_without_foreground_gives_patches_all_the_same():
    rng, config = np.random.RandomState(0), {"patch": [2, 2, 2], "foreground": 1.0}
    assert len(patches.corner((6, 8, 9), config, np.empty((0, 4), np.int32), rng)) == 3


def test_intensities_are_clipped_before_they_are_scaled():
    image = np.array([-50.0, 0.0, 50.0], np.float16).reshape(1, 3, 1, 1)
    assert patches.scaled(image, [(-10.0, 20.0, 5.0, 5.0)]).ravel().tolist() == [-3.0, -1.0, 3.0]


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("processes", [1, 2])
def test_the_draws_of_a_step_are_the_same_over_any_processes_and_parts(monkeypatch, processes, parts):
    config = {"batch_size": 4, "grad_accum": 1}
    whole = [set(batch) for batch in islice(patches.picks(3, config, 7), 5)]
    monkeypatch.setenv("WORLD_SIZE", str(processes))
    steps = [set() for _ in whole]
    for rank in range(processes):
        monkeypatch.setenv("RANK", str(rank))
        picks = patches.picks(3, {**config, "grad_accum": parts}, 7)
        for step, _ in ((step, part) for step in steps for part in range(parts)):
            step.update(next(picks))
    assert steps == whole


@pytest.mark.parametrize("workers", [0, 2])
def test_processes_beside_make_the_same_batches(decoded, workers):
    batches = list(islice(patches.micro_batches(made(decoded), workers, CPU), 6))
    picks = list(islice(patches.picks(3, CONFIG, 0), 6))
    for (images, labels), pick in zip(batches, picks, strict=True):
        no_sync = made(decoded)[pick]
        assert torch.equal(images, no_sync[0])
        assert torch.equal(labels, no_sync[1])


def test_loading_leaves_the_models_dice_alone(decoded):
    torch.manual_seed(0)
    next(patches.micro_batches(made(decoded), 0, CPU))
    drawn = torch.rand(1)
    torch.manual_seed(0)
    assert torch.equal(drawn, torch.rand(1))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_volume_that_breaks_meanwhile_is_one_line(decoded, tmp_path, workers):
    broken = volumes.Volume(tmp_path)
    (tmp_path / "label.npy").write_bytes(b"not an array")
    with pytest.raises(WorkloadError, match=r"label\.npy is broken") as error:
        list(islice(patches.micro_batches(made([*decoded, broken]), workers, CPU), 9))
    assert "\n" not in str(error.value)
