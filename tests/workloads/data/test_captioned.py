"""Brain slices with captions: what they show, and that training and validation share none."""

from __future__ import annotations

import pytest

from energyprof.workloads import diffusion
from energyprof.workloads.data import captioned

pytestmark = pytest.mark.slow
torch = pytest.importorskip("torch")
pytest.importorskip("nilearn")
pytest.importorskip("nibabel")

SIDE = 32


@pytest.fixture(scope="module")
def pairs():
    """Three slices of each kind."""
    return captioned.slices([[20, 22]], SIDE)


def test_a_caption_names_slice_and_kind(pairs):
    assert [caption for _, caption in pairs] == [
        f"axial slice {number}, {kind}"
        for kind in ("T1", "grey matter", "white matter")
        for number in (92, 93, 94)
    ]


def test_images_are_grey_squares_with_the_brain_in_the_middle(pairs):
    for image, _ in pairs:
        assert image.shape == (1, SIDE, SIDE)
        assert image.dtype == torch.uint8
        assert image[0, :2, :2].max() == 0
        assert image[0, 8:24, 8:24].float().mean() > 10


def test_the_front_of_the_head_is_on_top():
    # At the height of the eyes the template is cut wide and flat behind, where the cerebellum lies.
    image = captioned.slices([[-40, -40]], SIDE)[0][0][0].float()
    assert image[SIDE // 2 :].sum() > image[: SIDE // 2].sum()


def test_grey_and_white_matter_lie_apart(pairs):
    grey, white = (pairs[number][0].float() / 255 for number in (3, 6))
    assert (grey * white).mean() < 0.5 * (grey * grey).mean()


def test_training_and_validation_share_no_slice():
    config = diffusion.SLICES
    seen, held_out = (
        {z for first, last in config[slabs] for z in range(first, last + 1)}
        for slabs in ("train_slabs_mm", "validation_slabs_mm")
    )
    assert min(abs(a - b) for a in seen for b in held_out) > 8


def test_a_batch_holds_what_was_picked_seen_as_asked(pairs):
    images = torch.stack([image for image, _ in pairs])
    source = captioned.Slices(images, torch.arange(len(images)).view(-1, 1), SIDE - 4)
    views = torch.tensor([[0.7, 0.0, 0.99], [0.3, 0.5, 0.5]])
    ((found, tokens),) = source.batches(iter([(torch.tensor([4, 0]), views)]))
    assert torch.equal(found[0], images[4][:, :-4, 4:].flip(2))
    assert torch.equal(found[1], images[0][:, 2:-2, 2:-2])
    assert tokens.tolist() == [[4], [0]]
