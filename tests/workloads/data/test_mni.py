"""The embedded brain: checked before use, left is left, slabs apart."""

import pytest

from energyprof.workload import Settings
from energyprof.workloads import unet
from energyprof.workloads.data import mni

pytestmark = pytest.mark.slow
np = pytest.importorskip("numpy")
pytest.importorskip("nibabel")
pytest.importorskip("nilearn")

LEFT_GREY, RIGHT_GREY, LEFT_WHITE, RIGHT_WHITE = 1, 2, 3, 4


@pytest.fixture(scope="module")
def middle():
    """Four slices above the ventricles' floor: intensities and labels (4, 160, 192)."""
    return mni.slices([[10, 13]], 1)


def test_mni_coordinates_grow_from_left_to_right():
    _, affine = mni.volume("t1")
    assert affine[0, 0] > 0
    assert affine[0, 3] < 0


def test_left_labels_lie_where_x_is_negative(middle):
    labels = middle[1]
    x_mm = np.arange(mni.BOX_MM[0][0], mni.BOX_MM[0][1] + 1)
    assert np.isin(labels[:, x_mm < 0], (0, LEFT_GREY, LEFT_WHITE)).all()
    assert np.isin(labels[:, x_mm >= 0], (0, RIGHT_GREY, RIGHT_WHITE)).all()


def test_both_hemispheres_hold_about_as_much_of_each_tissue(middle):
    counts = np.bincount(middle[1].ravel(), minlength=5)
    assert counts[LEFT_GREY] == pytest.approx(counts[RIGHT_GREY], rel=0.05)
    assert counts[LEFT_WHITE] == pytest.approx(counts[RIGHT_WHITE], rel=0.05)


def test_white_matter_is_brighter_than_grey_in_t1(middle):
    t1, labels = middle
    assert t1[labels == LEFT_WHITE].mean() > t1[labels == LEFT_GREY].mean() > t1[labels == 0].mean()


def test_the_box_holds_every_labelled_voxel_of_a_slice(middle):
    labels = middle[1]
    assert not labels[:, [0, -1]].any()
    assert not labels[:, :, [0, -1]].any()


def test_a_pooled_slice_has_the_mean_intensity_of_its_voxels(middle):
    coarse, labels = mni.slices([[10, 13]], 2)
    assert coarse.shape == labels.shape == (4, 80, 96)
    assert coarse.mean() == pytest.approx(middle[0].mean(), rel=1e-5)


def test_slices_follow_the_slabs_in_order():
    t1, _ = mni.slices([[40, 41], [-3, -3]], 2)
    assert len(t1) == 3
    assert np.allclose(t1[2], mni.slices([[-3, -3]], 2)[0][0])


def test_validation_slabs_lie_several_millimetres_from_every_training_slab():
    config = unet.plan(Settings()).config
    for first, last in config["train_slabs_mm"]:
        for first_held_out, last_held_out in config["validation_slabs_mm"]:
            assert first - last_held_out > 8 or first_held_out - last > 8
