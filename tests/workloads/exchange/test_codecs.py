"""Each codec against what can be worked out in the head, and its bounds against numbers nobody chose."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as numbers

from energyprof.workload import WorkloadError
from energyprof.workloads.exchange.codecs import codec_of

NAMES = ("fp32", "fp16", "bf16", "int8", "int4", "topk:0.1", "topk:0.5", "topk:1")
ARRAYS = numbers.arrays(
    "float32",
    numbers.array_shapes(max_dims=4, max_side=9),
    elements=st.floats(-6e4, 6e4, width=32),
)
EXTREMES = numbers.arrays(
    "float32", numbers.array_shapes(), elements=st.floats(allow_nan=False, allow_infinity=False, width=32)
)


def there_and_back(name, values):
    codec = codec_of(name)
    values = np.asarray(values, dtype="float32")
    data = codec.pack(values)
    found = codec.unpack(data, values.shape)
    assert found.dtype == "float32" and found.shape == values.shape
    return data, found


@pytest.mark.parametrize(
    ("name", "values", "length", "expected"),
    [
        ("fp32", [1.5, -2.25], 8, [1.5, -2.25]),
        ("fp16", [1.0, 1 + 2**-11, 1 + 3 * 2**-11], 6, [1.0, 1.0, 1 + 2**-9]),
        ("bf16", [1.0, 1 + 2**-8, 1 + 3 * 2**-8], 6, [1.0, 1.0, 1 + 2**-6]),
        ("bf16", [3.4e38, -3.4028235e38], 4, [3.3895314e38, -3.3895314e38]),
        ("int8", [127.0, -63.5, 0.4, 1.6], 4 + 4, [127, -64, 0, 2]),
        ("int8", [0.0, 0.0], 4 + 2, [0, 0]),
        ("int8", [1e-45, -1e-45], 4 + 2, [0, 0]),
        ("int4", [7.0, -3.4, 2.6], 4 + 2, [7, -3, 3]),
        ("int4", [-7.0, -1.0, 0.0, 1.0], 4 + 2, [-7, -1, 0, 1]),
        ("topk:0.5", [1.0, -3.0, 2.0, -2.0], 1 + 8, [0, -3, 2, 0]),
        ("topk:0.01", [1.0, -3.0, 2.0], 1 + 4, [0, -3, 0]),
        ("topk:1", [1.0, 0.0], 1 + 8, [1, 0]),
        ("topk:0.1", [0.0] * 10, 2 + 4, [0.0] * 10),
    ],
)
def test_values_that_can_be_worked_out_in_the_head(name, values, length, expected):
    data, found = there_and_back(name, values)
    assert len(data) == length
    np.testing.assert_array_equal(found, np.asarray(expected, dtype="float32"))


def test_a_small_share_says_where_its_values_lie_by_their_index():
    values = np.zeros(1000, dtype="float32")
    values[[3, 997]] = [5.0, -6.0]
    data, found = there_and_back("topk:0.002", values)
    assert len(data) == 2 * (4 + 4)
    np.testing.assert_array_equal(found, values)


def test_a_large_channel_has_a_scale_of_its_own_and_small_ones_share():
    large = np.stack([np.full(128, 127.0), np.full(128, 1.27)])
    data, found = there_and_back("int8", large)
    assert len(data) == 2 * 4 + 256
    np.testing.assert_allclose(found, large, rtol=1e-6)
    data, found = there_and_back("int8", large[:, :100])
    assert len(data) == 4 + 200
    np.testing.assert_array_equal(found[1], np.full(100, 1.0))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@given(values=ARRAYS)
@settings(max_examples=60, deadline=None)
def test_the_same_numbers_make_the_same_bytes_and_come_back_within_the_bound(name, values):
    data, found = there_and_back(name, values)
    assert codec_of(name).pack(values.copy()) == data
    size, error = np.abs(values).astype("float64"), np.abs(values.astype("float64") - found)
    if name in ("fp32", "topk:1"):
        np.testing.assert_array_equal(found, values)
    elif name == "fp16":
        assert (error <= np.maximum(size * 2**-11, 2**-25)).all()
    elif name == "bf16":
        assert (error <= np.maximum(size * 2**-8, 2.0**-133)).all()
    elif name.startswith("int"):
        levels = 2 ** (int(name[3:]) - 1) - 1
        assert (error <= (0.5 + 1e-5) * size.max() / levels + 1e-43).all()
    else:
        kept = found != 0
        np.testing.assert_array_equal(found[kept], values[kept])
        assert kept.sum() <= np.ceil(float(name[5:]) * values.size)
        dropped = np.abs(values[~kept]).max(initial=0)
        assert not kept.any() or dropped <= np.abs(found[kept]).min()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name != "fp16"])
@given(values=EXTREMES)
@settings(max_examples=60, deadline=None)
def test_the_largest_and_smallest_numbers_stay_finite(name, values):
    _, found = there_and_back(name, values)
    assert np.isfinite(found).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@given(values=ARRAYS)
@settings(max_examples=30, deadline=None)
def test_what_was_rounded_once_is_not_rounded_again(name, values):
    _, once = there_and_back(name, values)
    _, twice = there_and_back(name, once)
    np.testing.assert_allclose(twice, once, rtol=1e-6, atol=1e-40)


def test_half_precision_refuses_what_it_cannot_hold():
    with pytest.raises(
        WorkloadError, match=r"^fp16 ends at 65504, and 7e\+04 is to be sent: use --transfer bf16$"
    ):
        codec_of("fp16").pack(np.array([7e4], dtype="float32"))


@pytest.mark.parametrize(
    "name",
    ["", "fp8", "FP32", "topk", "topk:", "topk:0", "topk:-1", "topk:1.5", "topk:nan", "topk:x", "int8:2"],
)
def test_what_is_no_codec_is_one_line(name):
    with pytest.raises(WorkloadError, match="transfer") as error:
        codec_of(name)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", NAMES)
def test_broken_bytes_are_refused(name):
    codec = codec_of(name)
    data = codec.pack(np.arange(12, dtype="float32"))
    for broken in (data[:-1], data + b"\0\0\0\0", b""):
        with pytest.raises(ValueError):
            codec.unpack(broken, (12,))
