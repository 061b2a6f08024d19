"""Patch, levels and strides follow from the typical volume."""

from __future__ import annotations

from pathlib import Path

import pytest

from energyprof.workloads import unet
from energyprof.workloads.data import topology
from energyprof.workloads.data.decathlon import Case, Collection

RECIPE = unet.RECIPES["full"]


def case(shape, spacing_mm=(1.0, 1.0, 1.0)):
    """A case of which nothing but the header counts."""
    return Case("a", Path("a"), Path("b"), shape, spacing_mm, "")


def fitted(*cases):
    """What the recipe becomes for such training cases."""
    data = Collection("Some", ("CT",), ("background", "organ"), cases, cases[:1])
    return topology.fitted(RECIPE, data)


@pytest.mark.parametrize(
    ("shape", "patch", "levels"),
    [
        ((512, 512, 300), [128, 128, 128], 6),
        ((128, 128, 128), [128, 128, 128], 6),
        ((36, 50, 35), [40, 56, 40], 4),  # the Decathlon's hippocampi
        ((320, 320, 20), [128, 128, 20], 6),  # its prostates
        ((9, 9, 9), [16, 10, 10], 3),
        ((20, 3, 1), [20, 3, 1], 3),
    ],
)
def test_the_patch_is_the_largest_that_fits_and_that_the_strides_divide(shape, patch, levels):
    made = fitted(case(shape))
    assert made["patch"] == patch
    assert made["channels"] == RECIPE["channels"][:levels]
    assert len(made["strides"]) == levels
    for axis, side in enumerate(made["patch"]):
        product = 1
        for stride in made["strides"]:
            product *= stride[axis]
        assert side % product == 0
        assert product == 1 or side // product >= topology.NARROWEST


def test_a_short_axis_is_halved_last():
    strides = fitted(case((320, 320, 20)))["strides"]
    assert [stride[2] for stride in strides] == [1, 1, 1, 1, 2, 2]


def test_the_typical_volume_is_the_median_along_each_axis():
    made = fitted(case((40, 90, 16)), case((48, 500, 16)), case((200, 64, 16)))
    assert made["patch"] == [48, 96, 16]


def test_equal_spacings_are_kept_as_stored():
    assert (
        fitted(case((32, 32, 32), (0.7, 0.7, 5.0)), case((32, 32, 32), (0.703, 0.7, 5.0)))["spacing_mm"]
        is None
    )


def test_other_spacings_are_brought_to_their_median():
    made = fitted(
        case((512, 512, 100), (0.5, 0.5, 2.0)),
        case((512, 512, 100), (0.8, 0.8, 3.0)),
        case((512, 512, 100), (0.9, 0.9, 5.0)),
    )
    assert made["spacing_mm"] == [0.8, 0.8, 3.0]
    assert case((512, 512, 100), (0.5, 0.5, 2.0)).size(made["spacing_mm"]) == [320, 320, 67]
